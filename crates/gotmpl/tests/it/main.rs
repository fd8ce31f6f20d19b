//! Templates compared with what Go's text/template made of them.
//!
//! `recorded.jsonl` was recorded by `xtask/oracle/tmpl` (Go 1.25.9): the values in the first line, then a
//! template with its output or error in each.

use gotmpl::{CallError, Context, Functions, Limits, List, Map, Signature, Templates, Type, Value};
use serde_json::Value as Json;

const RECORDED: &str = include_str!("recorded.jsonl");

/// No functions but text/template's own, and one that calls back.
struct Own;

const INCLUDE: Signature =
    Signature { name: "include", params: &[Type::String, Type::Any], is_variadic: false };

impl Functions for Own {
    fn find(&self, name: &str) -> Option<u16> {
        (name == "include").then_some(0)
    }

    fn signature(&self, _: u16) -> &Signature {
        &INCLUDE
    }

    fn call(&self, _: u16, context: &mut Context<'_>, args: &[Value]) -> Result<Value, CallError> {
        let name = args[0].as_str().expect("the signature wants text");
        match context.execute(&name, &args[1]) {
            Ok(text) => Ok(Value::String(text)),
            Err(error) => Err(CallError::text(error.to_string())),
        }
    }
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => Value::Float64(number.as_f64().expect("JSON numbers fit")),
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => Value::List(items.iter().map(value).collect::<List>()),
        Json::Object(entries) => {
            Value::Map(entries.iter().map(|(key, item)| (key.as_str(), value(item))).collect())
        }
    }
}

fn rendered(template: &str, values: &Json) -> Result<String, String> {
    let templates = Templates::new();
    let limits = Limits::default();
    templates
        .parse("c/t", template.as_bytes(), &Own, limits.stack_bytes_max)
        .map_err(|error| error.to_string())?;
    let Value::Map(values) = value(values) else { unreachable!("values are a table") };
    let release = [
        ("Name", Value::from("rel")),
        ("Namespace", "default".into()),
        ("Revision", Value::Int(1)),
        ("IsInstall", Value::Bool(true)),
    ];
    let root = Map::from_iter([
        ("Values", Value::Values(values)),
        ("Release", Value::Map(Map::from_iter(release))),
    ]);
    let result = Context::new(&templates, &Own, limits).execute("c/t", &Value::Map(root));
    result.map(|text| text.to_string()).map_err(|error| error.to_string())
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
fn deep_nesting_is_an_error() {
    let nested = format!("{{{{ {}1{} }}}}", "(".repeat(20_000), ")".repeat(20_000));
    let error = rendered(&nested, &Json::Object(serde_json::Map::new())).unwrap_err();
    assert!(error.contains("max expression depth exceeded"), "{error}");
    let branches = "{{ if true }}".repeat(50_000);
    let error = rendered(&branches, &Json::Object(serde_json::Map::new())).unwrap_err();
    assert!(error.contains("max expression depth exceeded"), "{error}");
}

#[test]
fn endless_inclusion_is_an_error() {
    let template = r#"{{ define "x" }}{{ include "x" . }}{{ end }}{{ include "x" . }}"#;
    let error = rendered(template, &Json::Object(serde_json::Map::new())).unwrap_err();
    assert!(error.contains("exceeded maximum template depth (100000)"), "{error}");
}
