//! Laws: what is printed reads back, and nothing that is read does harm.

use goyaml::{Value, print_v2, read, read_some};
use proptest::prelude::*;

/// Without `<<`, which Go prints as it is, and reads as a merge key.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9 :#,'\"{}\\[\\]&*!|>%@`~.\\n\\\\-]{0,40}",
        "[0-9+.eEx:_-]{1,12}",
        "(yes|no|null|~|true|on|0x1F|1e3|\\.inf|2001-01-01|=|---|\\.\\.\\.)",
        "[ -~éß日😀\\u{2028}\\u{a0}\\t\\r\\n]{0,30}",
        "[a-z ]{60,200}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        text().prop_map(|text| Value::String(text.into())),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            prop::collection::btree_map(text(), inner, 0..5)
                .prop_map(|map| Value::Map(map.into_iter().map(|(k, v)| (k.into(), v)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(value in value()) {
        let text = print_v2(&value);
        prop_assert_eq!(read(text.as_bytes()), Ok(value), "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[a-c0-9 :#,'\"{}\\[\\]&*!|>%~.?\\n\\t\\\\<-]{0,60}") {
        let whole = read(text.as_bytes());
        let some = read_some(text.as_bytes(), &|key| key == "a");
        prop_assert_eq!(whole.is_err(), some.is_err());
        if let Err(error) = whole {
            prop_assert_eq!(Err(error), some);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _unused = read(&bytes).is_ok();
    }
}
