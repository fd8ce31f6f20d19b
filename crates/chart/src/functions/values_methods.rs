//! The methods of `common.Values`, which templates can call on `.Values`.

use gotmpl::{Map, Signature, Type, Value};

use super::{Result, args::text, fail};
use crate::yaml::to_yaml;

pub(super) const METHODS: &[Signature] = &[
    Signature { name: "AsMap", params: &[], is_variadic: false },
    Signature { name: "Encode", params: &[Type::Named("io.Writer")], is_variadic: false },
    Signature { name: "Table", params: &[Type::String], is_variadic: false },
    Signature { name: "YAML", params: &[], is_variadic: false },
];

pub(super) fn call(method: usize, map: &Map, args: &[Value]) -> Result<Value> {
    match METHODS[method].name {
        "AsMap" if map.is_empty() => Ok(Value::Map(Map::new())),
        "AsMap" => Ok(Value::Map(map.clone())),
        "Table" => table(map, &text(&args[0]).to_text()),
        "YAML" => match to_yaml(&Value::Values(map.clone())) {
            Ok(text) => Ok(text.into()),
            Err(error) => fail(error),
        },
        _ => fail("templates have no writers"),
    }
}

/// The table at a path of keys with dots between.
fn table(map: &Map, path: &str) -> Result<Value> {
    let mut table = map.clone();
    for key in path.split('.') {
        match table.get(key) {
            Some(Value::Map(next) | Value::Values(next)) => table = next,
            _ => return fail(format!("{} is not a table", gotmpl::strconv::quote(key.as_bytes()))),
        }
    }
    Ok(Value::Values(table))
}
