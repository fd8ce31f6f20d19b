//! Any bytes as YAML: reading ends, what was read is printed, and what was printed is read as the same.
#![no_main]

use goyaml::{Value, parse, print_v2, read, read_some};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let some = read_some(text, &|key| key == "kind");
    let whole = read(text);
    assert_eq!(some.is_ok(), whole.is_ok(), "a skimmed text fails when a whole one does");
    assert_eq!(parse(text), whole, "a glance reads what the parser reads");
    let Ok(value) = whole else { return };
    let printed = print_v2(&value);
    if is_kept(&value) {
        let again = read(printed.as_bytes());
        assert_eq!(again.as_ref().ok(), Some(&value), "{printed}");
    }
});

/// Whether printing keeps a value: Go's printer does not write everything so that it is read again.
fn is_kept(value: &Value) -> bool {
    let is_text_kept = |text: &str, is_key: bool| {
        // A number of base 60 may end in anything; a merge key is not quoted.
        !goyaml::needs_detour(text, is_key) && text != "<<" && !text.contains('\r')
    };
    match value {
        // A float without a fraction is printed as an integer.
        Value::Float(number) => number.fract() != 0.0,
        Value::String(text) => is_text_kept(text, false),
        Value::List(items) => items.iter().all(is_kept),
        Value::Map(entries) => {
            entries.iter().all(|(key, value)| is_text_kept(key, true) && is_kept(value))
        }
        _ => true,
    }
}
