//! YAML written and read.

use gotmpl::{
    List, Map,
    Type::{Any, String as Text},
    Value,
};

use super::{Env, Function, Result, args::text, fail, fixed, json::error_map};
use crate::yaml::{from_yaml, to_yaml, to_yaml_pretty};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("toYaml", &[Any], |_, args| {
        Ok(to_yaml(&args[0]).map(trimmed).unwrap_or_default().into())
    }),
    fixed("mustToYaml", &[Any], |_, args| match to_yaml(&args[0]) {
        Ok(text) => Ok(trimmed(text).into()),
        Err(error) => fail(error),
    }),
    fixed("toYamlPretty", &[Any], |_, args| {
        Ok(to_yaml_pretty(&args[0]).map(trimmed).unwrap_or_default().into())
    }),
    fixed("fromYaml", &[Text], from_yaml_table),
    fixed("fromYamlArray", &[Text], from_yaml_list),
];

fn trimmed(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
    }
    text
}

fn from_yaml_table(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Map(match from_yaml(text(&args[0]).as_bytes()) {
        Ok(Value::Map(map)) => map,
        // Go's decoder lets a null leave what it should fill as it was.
        Ok(Value::Nil) => Map::new(),
        Ok(other) => error_map(mismatch(&other, "map[string]interface {}")),
        Err(error) => error_map(error),
    }))
}

fn from_yaml_list(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    Ok(Value::List(match from_yaml(text(&args[0]).as_bytes()) {
        Ok(Value::List(list)) => list,
        Ok(Value::Nil) => List::from(Vec::new()),
        Ok(other) => List::from(vec![mismatch(&other, "[]interface {}").into()]),
        Err(error) => List::from(vec![error.into()]),
    }))
}

fn mismatch(found: &Value, wanted: &str) -> String {
    let error = super::json::mismatch(found, wanted);
    format!("error unmarshaling JSON: while decoding JSON: {error}")
}
