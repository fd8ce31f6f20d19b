//! Texts and values compared with what Go's packages made of them, and laws that hold for all of them.
//!
//! `recorded.jsonl` was recorded by `xtask/oracle/yaml` (sigs.k8s.io/yaml 1.6.0, go.yaml.in/yaml v2 2.4.3
//! and v3 3.0.4).

use goyaml::{Dialect, Printer, Value, format_g, format_json, sort_naturally};
use serde_json::Value as Json;

mod laws;

const RECORDED: &str = include_str!("recorded.jsonl");

#[test]
fn texts_are_read_as_in_go() {
    let mut problems = Vec::new();
    for case in cases() {
        let Some(text) = case["yaml"].as_str() else { continue };
        let ours = goyaml::read(text.as_bytes());
        let is_same = match (&ours, case["error"].as_str()) {
            (Ok(value), None) => to_json(value) == case["read"],
            (Err(error), Some(want)) => {
                want.strip_prefix("error converting YAML to JSON: ") == Some(&error.to_string())
            }
            _ => false,
        };
        if !is_same {
            problems.push(format!("{case}\n  ours {ours:?}"));
        }
    }
    assert!(problems.is_empty(), "{}\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn values_are_printed_as_by_v2() {
    let mut problems = Vec::new();
    for case in printed() {
        let json = case["json"].to_string();
        let want = case["v2"].as_str().unwrap_or_default();
        let value = from_json(&case["json"]);
        let ours = if takes_detour(&value) {
            goyaml::through_json(&json).unwrap_or_default()
        } else {
            goyaml::print_v2(&value)
        };
        if ours != want {
            problems.push(format!("{json}\n  go   {want:?}\n  ours {ours:?}"));
        }
    }
    assert!(problems.is_empty(), "{}\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn values_are_printed_as_by_v3() {
    let mut problems = Vec::new();
    for case in printed() {
        let want = case["v3"].as_str().unwrap_or_default();
        let mut printer = Printer::new(Dialect::V3);
        print_v3(&mut printer, &case["json"]);
        let ours = printer.finish();
        if ours != want {
            problems.push(format!("{}\n  go   {want:?}\n  ours {ours:?}", case["json"]));
        }
    }
    assert!(problems.is_empty(), "{}\n{}", problems.len(), problems.join("\n"));
}

fn cases() -> impl Iterator<Item = Json> {
    RECORDED.lines().map(|line| serde_json::from_str(line).expect("recorded as JSON"))
}

fn printed() -> impl Iterator<Item = Json> {
    cases().filter(|case| case.get("json").is_some())
}

/// As a decoder of JSON hands it to an `interface {}`: every number is a `float64`.
fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(_) | Value::Uint(_) | Value::Float(_) => {
            let number = format_json(value.as_f64().expect("a number"));
            serde_json::from_str(&number).expect("JSON")
        }
        Value::String(text) => Json::String(text.to_string()),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(entries) => {
            entries.iter().map(|(key, it)| (key.to_string(), to_json(it))).collect()
        }
    }
}

/// As YAML reads JSON.
fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => {
            let number = format_json(number.as_f64().expect("JSON numbers fit"));
            goyaml::read(number.as_bytes()).expect("a number")
        }
        Json::String(text) => Value::String(text.as_str().into()),
        Json::Array(items) => Value::List(items.iter().map(from_json).collect()),
        Json::Object(entries) => {
            let entry = |(key, value): (&String, &Json)| (key.as_str().into(), from_json(value));
            Value::Map(entries.iter().map(entry).collect())
        }
    }
}

fn takes_detour(value: &Value) -> bool {
    match value {
        Value::String(text) => goyaml::needs_detour(text, false),
        Value::List(items) => items.iter().any(takes_detour),
        Value::Map(entries) => {
            entries.iter().any(|(key, it)| goyaml::needs_detour(key, true) || takes_detour(it))
        }
        _ => false,
    }
}

fn print_v3(printer: &mut Printer, json: &Json) {
    match json {
        Json::Null => printer.plain("null"),
        Json::Bool(truth) => printer.plain(&truth.to_string()),
        Json::Number(number) => printer.plain(&format_g(number.as_f64().expect("fits"))),
        Json::String(text) => printer.string(text),
        Json::Array(items) => {
            printer.begin_list(items.is_empty());
            for item in items {
                printer.item();
                print_v3(printer, item);
            }
            if !items.is_empty() {
                printer.end_list();
            }
        }
        Json::Object(entries) => {
            printer.begin_map(entries.is_empty());
            let mut order: Vec<_> = entries.iter().collect();
            sort_naturally(Dialect::V3, &mut order, |(key, _)| key);
            for (key, value) in order {
                printer.key(key);
                print_v3(printer, value);
            }
            if !entries.is_empty() {
                printer.end_map();
            }
        }
    }
}
