//! Any bytes as a repository's index: reading ends, and what is written of it is read again as the same.
#![no_main]

use chart::{IndexFile, RepositoryIndex};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(index) = RepositoryIndex::parse(bytes) {
        for name in index.names() {
            _ = index.find(name, "");
            _ = index.find(name, ">0.0.0-0");
        }
    }
    let Ok(mut index) = IndexFile::parse(bytes) else { return };
    index.sort();
    let written = index.to_yaml();
    let mut again = IndexFile::parse(written.as_bytes()).expect("what is written is an index");
    again.sort();
    assert_eq!(again.to_yaml(), written);
    let mut merged = IndexFile::new("2026-01-01T00:00:00Z");
    merged.merge(index);
    _ = merged.to_json();
});
