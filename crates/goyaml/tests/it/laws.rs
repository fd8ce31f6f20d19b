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
    .prop_filter("a merge key is printed as it is", |it| it != "<<")
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

/// Lines as manifests have them, and such as are nearly so.
fn lines() -> impl Strategy<Value = String> {
    let content = prop_oneof![
        8 => "(- ){0,2}[abc]:( [xyz1-9/.]{1,3}| \"x y\"| 'x'| \\{\\}| \\[\\]|)( # c)?",
        4 => "(- ){0,2}(x|-1|\"x\"|'y z')",
        2 => "([abc]: |- )[|>][+-]?",
        2 => "([abc]: )?(x|\"x|'x|x'|x\"|'|\"|'x''|\"\\\\\"|\"x\\\\|\\\\ x\"|x y|- x|\\*x|x: y|x #c|#c|x:|\\[x, \"y\" ?\\]|\\[x|\\[\\] ?x|\\[x,\\]|\\{\\})",
        1 => "(\"[ab] ?\"|'a''b'|\"\\\\n\"):( x)?",
        2 => "#? {0,3}",
        1 => "(# c|[ab]: x|- \"x)(\\r|\\u{85}|\\u{2028})([ab]: |\"| *x|)",
        1 => "(true|null|nil|yes|~|<<|1|\\.inf|é|n|b c|\"a\"): (x|)",
        1 => "[abc]: (- x|x: y|x:|x#y|x #y|-|--|é|&x 1|\\*x|!x y|\"x\\\\n\"|\"x\" y|''x'|\\{\\}x|\\.inf|-\\.nan|\\|2|>x)",
        1 => "(---|\\.\\.\\.|- #c|\\? a|[abc]:x|a :x|\ta: 1|%x|x|@|a: \t)",
    ];
    let line = (0_usize..5, content).prop_map(|(indent, it)| format!("{:indent$}{it}\n", ""));
    prop::collection::vec(line, 0..9).prop_map(|it| it.concat())
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
    fn what_is_kept_of_lines_is_as_in_the_whole(text in lines()) {
        let restricted = |mut value: Value| {
            if let Value::Map(entries) = &mut value {
                entries.retain(|(key, _)| matches!(&**key, "a" | "b"));
            }
            value
        };
        let some = read_some(text.as_bytes(), &|key| matches!(key, "a" | "b"));
        prop_assert_eq!(some.map(restricted), read(text.as_bytes()).map(restricted), "{}", text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _unused = read(&bytes).is_ok();
    }
}
