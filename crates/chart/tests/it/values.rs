//! Values of a command line, merged as Helm merges them.
//!
//! `values.jsonl` was recorded by `xtask/oracle/values` (Helm 4.1.4): what is given, and the values or the
//! error that come of it.

use chart::ValueSources;
use goyaml::Value;
use serde_json::{Value as Json, json};

const RECORDED: &str = include_str!("values.jsonl");

#[test]
fn values_merge_as_with_helm() {
    let problems: Vec<String> = RECORDED.lines().filter_map(check).collect();
    assert!(problems.is_empty(), "{}\n{}", problems.len(), problems.join("\n"));
}

/// Nothing when we say what Helm said.
fn check(line: &str) -> Option<String> {
    let case: Json = serde_json::from_str(line).expect("recorded as JSON");
    let texts = |key: &str| -> Vec<String> {
        let texts = case[key].as_array().into_iter().flatten();
        texts.filter_map(|it| it.as_str().map(str::to_owned)).collect()
    };
    let files = texts("files").into_iter().enumerate();
    let files = files.map(|(place, text)| (format!("values{place}.yaml"), text.into_bytes()));
    let sources = ValueSources {
        files: files.collect(),
        set_json: texts("set-json"),
        set: texts("set"),
        set_string: texts("set-string"),
        set_file: Vec::new(),
        set_literal: texts("set-literal"),
    };
    let ours = match sources.merge(&|_| Err("no files".to_owned())) {
        Ok(values) => json!({ "values": to_json(&Value::Map(values.table)) }),
        Err(error) => json!({ "error": error.to_string() }),
    };
    let key = if case.get("error").is_some() { "error" } else { "values" };
    let is_same = ours.get(key) == case.get(key);
    (!is_same).then(|| format!("{line}\n  ours {ours}"))
}

/// As the oracle writes values: integers of `--set` stand out.
fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number) => json!({ "int64": number.to_string() }),
        Value::Uint(_) | Value::Float(_) => {
            let number = goyaml::format_json(value.as_f64().expect("a number"));
            serde_json::from_str(&number).expect("JSON")
        }
        Value::String(text) => Json::String(text.to_string()),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(entries) => {
            entries.iter().map(|(key, it)| (key.to_string(), to_json(it))).collect()
        }
    }
}
