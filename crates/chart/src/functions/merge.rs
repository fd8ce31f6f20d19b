//! `merge` and its kin: dario.cat/mergo 1.0.1 on tables.

use gotmpl::{Kind, Map, Type::Map as Dict, Value};

use super::{Env, Function, Result, args::map, fail, variadic};

/// How deep tables may lie within tables; a table within itself would go on for ever.
const DEPTH_MAX: usize = 1_000;
/// How many pairs of tables are merged at most.
const TABLES_MAX: usize = 1_000_000;

pub(super) const FUNCTIONS: &[Function] = &[
    variadic("merge", &[Dict, Dict], |_, args| Ok(quiet(args, false))),
    variadic("mergeOverwrite", &[Dict, Dict], |_, args| Ok(quiet(args, true))),
    variadic("mustMerge", &[Dict, Dict], |env, args| must(env, args, false)),
    variadic("mustMergeOverwrite", &[Dict, Dict], |env, args| must(env, args, true)),
];

struct TooDeep;

fn quiet(args: &[Value], overwrite: bool) -> Value {
    match all(args, overwrite) {
        Ok(value) => value,
        Err(TooDeep) => "".into(),
    }
}

fn must(_: &mut Env<'_, '_>, args: &[Value], overwrite: bool) -> Result<Value> {
    match all(args, overwrite) {
        Ok(value) => Ok(value),
        Err(TooDeep) => fail(format!(
            "tables lie more than {DEPTH_MAX} deep within each other, or are more than {TABLES_MAX}"
        )),
    }
}

fn all(args: &[Value], overwrite: bool) -> std::result::Result<Value, TooDeep> {
    let (first, sources) = args.split_first().expect("the first table is no variadic argument");
    let mut destination = map(first).clone();
    let mut n_left = TABLES_MAX;
    for source in sources {
        let source = map(source);
        if destination.is_nil() && !source.is_nil() {
            destination = Map::new();
        }
        merge(&destination, source, overwrite, (0, &mut n_left))?;
    }
    Ok(Value::Map(destination))
}

/// Writes what the source has into the destination: where that has nothing or an empty value, or
/// everywhere. Tables on both sides are merged; other values are shared, not copied.
fn merge(
    destination: &Map,
    source: &Map,
    overwrite: bool,
    (depth, n_left): (usize, &mut usize),
) -> std::result::Result<(), TooDeep> {
    if depth > DEPTH_MAX || *n_left == 0 {
        return Err(TooDeep);
    }
    *n_left -= 1;
    if destination.is_same(source) || (destination.is_nil() && depth > 0) {
        return Ok(());
    }
    for (key, value) in source.entries() {
        let old = destination.get(&key);
        if value.is_nil() {
            if overwrite {
                destination.insert(key, value);
            }
            continue;
        }
        if let (Some(old), Some(new)) = (old.as_ref().and_then(Value::as_map), value.as_map()) {
            merge(old, new, overwrite, (depth + 1, n_left))?;
            if !old.is_empty() {
                continue;
            }
        }
        let is_free = old.as_ref().is_none_or(is_empty);
        if overwrite || is_free {
            destination.insert(key, value);
        }
    }
    Ok(())
}

/// mergo's `isEmptyValue`: structs are never empty.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(object) if matches!(object.kind(), Kind::Struct | Kind::Ptr) => false,
        other => !other.is_true(),
    }
}
