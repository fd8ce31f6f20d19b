//! Any text as a version and as a constraint: parsing ends, and versions print as what is parsed again.
#![no_main]

use chart::semver::{Constraint, Version};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (constraint, version) = text.split_once('\n').unwrap_or((text, text));
    let version = Version::parse(version);
    if let Ok(version) = &version {
        let again = Version::parse(&version.to_string()).expect("what is printed is a version");
        assert_eq!(again.to_string(), version.to_string());
    }
    if let (Ok(constraint), Ok(version)) = (Constraint::parse(constraint), &version) {
        constraint.check(version);
    }
});
