//! What the functions give, compared with what Helm's own gave.
//!
//! `tests/recorded.jsonl` was recorded by `xtask/oracle/tmpl` (Helm 4.1.4's functions, Go 1.25.9): the
//! values in the first line, then a template with its output or error in each.

use std::collections::BTreeSet;

use gotmpl::{Limits, List, Templates};
use serde_json::Value as Json;

use super::*;

const RECORDED: &str = include_str!("tests/recorded.jsonl");

struct Fixed;

impl Source for Fixed {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(1_700_000_000).unwrap()
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        // Not random at all, but every byte comes up.
        for (place, byte) in buffer.iter_mut().enumerate() {
            *byte = (place * 89 + 41) as u8;
        }
    }
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => Value::Float64(number.as_f64().unwrap()),
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => Value::List(items.iter().map(value).collect::<List>()),
        Json::Object(entries) => {
            Value::Map(entries.iter().map(|(key, item)| (key.as_str(), value(item))).collect())
        }
    }
}

/// The output of a template, or the error's text, with the root that Helm gives.
fn rendered(template: &str, values: &Json) -> std::result::Result<String, String> {
    rendered_with(&Fixed, template, values)
}

fn rendered_with(
    source: &dyn Source,
    template: &str,
    values: &Json,
) -> std::result::Result<String, String> {
    let host = Host::new(source, false);
    let templates = Templates::new();
    let stack_bytes_max = 1 << 20;
    templates
        .parse("c/t", template.as_bytes(), &host, stack_bytes_max)
        .map_err(|error| error.to_string())?;
    let Value::Map(values) = value(values) else { panic!("values are a table") };
    let release = [
        ("Name", Value::from("rel")),
        ("Namespace", "default".into()),
        ("Revision", Value::Int(1)),
        ("IsInstall", Value::Bool(true)),
    ];
    let names = [("Name", Value::from("c/t")), ("BasePath", "c".into())];
    let root = Map::from_iter([
        ("Values", Value::Values(values)),
        ("Release", Value::Map(Map::from_iter(release))),
        ("Template", Value::Values(Map::from_iter(names))),
    ]);
    let limits = Limits { stack_bytes_max, ..Limits::default() };
    let result = Context::new(&templates, &host, limits).execute("c/t", &Value::Map(root));
    result.map(|text| text.to_string()).map_err(|error| error.to_string())
}

fn check(template: &str, expect: &str) {
    let shown = rendered(template, &serde_json::json!({})).unwrap_or_else(|error| error);
    assert_eq!(shown, expect, "{template}");
}

#[test]
fn a_deep_copy_of_a_version_is_none_as_in_go() {
    check("{{ deepCopy (semver \"1.2.3\") }}", "0.0.0");
    check("{{ deepCopy (list (semver \"1.2.3-a+b\") 7) }}", "[0.0.0 7]");
    check("{{ (deepCopy (dict \"v\" (semver \"1.2.3\"))).v }}", "0.0.0");
}

#[test]
fn everything_is_as_recorded() {
    let mut lines = RECORDED.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let values = lines.next().unwrap()["values"].clone();
    for line in lines {
        let template = line["t"].as_str().unwrap();
        let expect = match line["o"].as_str() {
            Some(output) => Ok(output.to_owned()),
            None => Err(line["e"].as_str().unwrap().to_owned()),
        };
        assert_eq!(rendered(template, &values), expect, "{template}");
    }
}

#[test]
fn there_are_all_of_helms_functions() {
    let names: BTreeSet<&str> = names().collect();
    assert_eq!(names.len(), TABLE.functions.len(), "none twice");
    // sprig has 212, of which Helm removes two, and adds eleven that sprig does not have.
    assert_eq!(names.len(), 221);
    for missing in ["env", "expandenv", "mustToToml", "len"] {
        assert!(!names.contains(missing), "{missing}");
        assert_eq!(TABLE.find(missing), None);
    }
    for name in names {
        let place = usize::from(TABLE.find(name).unwrap());
        assert_eq!(TABLE.functions[place].signature.name, name);
    }
}

#[test]
fn random_text_has_its_length_and_alphabet() {
    check(r#"{{ randNumeric 12 | regexMatch "^[0-9]{12}$" }}"#, "true");
    check(r#"{{ randAlpha 7 | regexMatch "^[a-zA-Z]{7}$" }}"#, "true");
    check(r#"{{ randAlphaNum 0 }}{{ randAlphaNum -1 }}|"#, "|");
    check(r#"{{ uuidv4 | regexMatch "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]" }}"#, "true");
    check(r#"{{ randBytes 3 | b64dec | len }}"#, "3");
}

#[test]
fn secrets_have_the_shape_of_helms() {
    check(r#"{{ bcrypt "x" | regexMatch "^[$]2a[$]10[$][./A-Za-z0-9]{53}$" }}"#, "true");
    check(r#"{{ htpasswd "a" "x" | hasPrefix "a:$2a$10$" }}"#, "true");
    check(r#"{{ encryptAES "k" "plain" | decryptAES "k" }}"#, "plain");
}

#[test]
fn keys_of_every_kind_are_made_and_read() {
    let is = |kind: &str, pattern: &str| {
        let template = format!("{{{{ genPrivateKey {kind:?} | regexMatch {pattern:?} }}}}");
        check(&template, "true");
    };
    is("ed25519", "^-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEI[^\n]{43}\n-----END");
    is("ecdsa", "^-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEI[^\n]{55}\n");
    is("dsa", "^-----BEGIN DSA PRIVATE KEY-----\nMIIDV[^\n]{59}\n");
    check("{{ genPrivateKey \"x\" }}", "Unknown type x");
    let length = |kind: &str, expect: &str| {
        let template = format!(
            "{{{{ $ca := genCAWithKey \"ca\" 9 (genPrivateKey {kind:?}) }}}}\
             {{{{ $leaf := genSignedCertWithKey \"leaf\" (list \"127.0.0.1\") list 9 $ca $ca.Key }}}}\
             {{{{ eq $leaf.Key $ca.Key }}}} {{{{ len $leaf.Cert }}}}"
        );
        check(&template, expect);
    };
    length("ed25519", "true 509");
    length("ecdsa", "true 595");
    check(
        "{{ genCAWithKey \"ca\" 9 (genPrivateKey \"dsa\") }}",
        "template: c/t:1:3: executing \"c/t\" at <genCAWithKey \"ca\" 9 (genPrivateKey \"dsa\")>: \
         error calling genCAWithKey: error creating certificate: x509: certificate private key does \
         not implement crypto.Signer",
    );
}

/// A key of 512 bits, made by `openssl genrsa -traditional 512`, for whoever wants one quickly.
struct KeyAtHand;

const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----
MIIBOwIBAAJBAMS2wjr48daprpwh+2KJMM3kL5+almtENbV+DOyL+bwKswPEulO3
h3ftskWQGq60B7BWpW15J6Z3oFuDgVvxfh8CAwEAAQJAYCoPzZCBeTU+POmH4OW8
TAqvFVEXE50mvHDAlKrhDQE5VBmoNWLdKQ7jYQmnQ2bWdccVC6vcDxqktMpfmXSb
MQIhAPm9XRejmRxUE/eS7fbnYkn344SXopSfzYd7Fmh+SDtzAiEAyaUd0RKRv8rJ
smNkJZ+7xrqYRw5O0VQOD1tDftN+36UCIQDGESpo2iZPslsXqh8zB/YLJh/7A+w8
pbTy82slOqp9AwIgcgFNq1AhYVtIz/fLvk3iP4ht4faf70/jpyEFNyZiXBUCIQDT
tTpdv/C/lgZPcSoNfxjuOd+++QKs40CxEZweyjUevw==
-----END RSA PRIVATE KEY-----
";

impl Source for KeyAtHand {
    fn now(&self) -> jiff::Timestamp {
        Fixed.now()
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        Fixed.fill_random(buffer);
    }

    fn rsa_key(&self, _: u64) -> Option<String> {
        Some(KEY.to_owned())
    }
}

#[test]
fn a_key_at_hand_is_used() {
    let template = r#"{{ genPrivateKey "rsa" }}{{ (genCA "x" 1).Key }}"#;
    let shown = rendered_with(&KeyAtHand, template, &serde_json::json!({}));
    assert_eq!(shown, Ok(format!("{KEY}{KEY}")));
}

#[test]
fn recursion_and_size_are_bounded() {
    check(
        r#"{{ define "x" }}{{ template "x" . }}{{ end }}{{ template "x" . }}"#,
        "template: c/t:1:28: executing \"x\" at <{{template \"x\" .}}>: exceeded maximum template \
         depth (100000)",
    );
    let error = rendered(r#"{{ repeat 9999999999 "x" }}"#, &serde_json::json!({})).unwrap_err();
    assert!(error.contains("longer than"), "{error}");
    let error = rendered("{{ until 999999999999 }}", &serde_json::json!({})).unwrap_err();
    assert!(error.contains("more than 10000000 numbers"), "{error}");
}

#[test]
fn tables_can_contain_themselves() {
    let cycle = r#"{{ $d := dict }}{{ $_ := set $d "d" $d }}"#;
    let in_a_list = r#"{{ $d := dict }}{{ $_ := set $d "d" (list $d) }}"#;
    let too_deep = "values lie more than 1000 deep within each other, as in a table that contains \
                    itself";
    for cycle in [cycle, in_a_list] {
        check(&format!("{cycle}{{{{ len (deepCopy $d) }}}}"), "1");
        for silent in ["toJson", "toYaml", "toYamlPretty", "toPrettyJson"] {
            check(&format!("{cycle}{{{{ {silent} $d }}}}|"), "|");
        }
        for (call, says) in [
            ("mustToJson $d", "encountered a cycle via "),
            ("mustToYaml $d", "encountered a cycle via "),
            ("printf \"%v\" $d", too_deep),
            ("print $d", too_deep),
            ("toString $d", too_deep),
            ("quote $d", too_deep),
            ("cat $d", too_deep),
            ("join \",\" (list $d)", too_deep),
            ("html $d", too_deep),
            ("$d", too_deep),
        ] {
            let error = rendered(&format!("{cycle}{{{{ {call} }}}}"), &serde_json::json!({}));
            let error = error.unwrap_err();
            assert!(error.contains(says), "{call}: {error}");
        }
    }
}

#[test]
fn what_doubles_again_and_again_ends() {
    let doubled = |start: &str, next: &str, result: &str| {
        let template = format!(
            "{{{{ $x := {start} }}}}{{{{ range until 64 }}}}{{{{ $x = {next} }}}}{{{{ end }}}}{result}"
        );
        rendered(&template, &serde_json::json!({}))
    };
    for (start, next, result, says) in [
        ("\"x\"", "printf \"%s%s\" $x $x", "", "longer than"),
        ("\"xy\"", "replace \"x\" $x $x", "", "longer than"),
        ("\"x\"", "join $x (list $x $x)", "", "longer than"),
        ("list 1", "concat $x $x", "", "items"),
        ("dict", "dict \"a\" $x \"b\" $x", "{{ $x }}", "longer than"),
        ("dict", "dict \"a\" $x \"b\" $x", "{{ mustToJson $x }}", "longer than"),
    ] {
        let error = doubled(start, next, result).unwrap_err();
        assert!(error.contains(says), "{next}: {error}");
    }
    for (result, shown) in [
        ("{{ len (deepCopy $x) }}", "2"),
        ("{{ len (merge (deepCopy $x) $x) }}", "0"),
        ("{{ deepEqual $x (deepCopy $x) }}", "true"),
    ] {
        let copied = doubled("dict", "dict \"a\" $x \"b\" $x", result);
        assert_eq!(copied, Ok(shown.to_owned()), "{result}");
    }
}
