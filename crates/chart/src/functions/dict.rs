//! Tables: making, reading and changing them.

use std::rc::Rc;

use gotmpl::{
    List, Map,
    Type::{Any, Map as Dict, String as Text},
    Value,
};

use super::{
    Env, Function, Result,
    args::{map, text},
    convert::strval,
    fail, fixed, variadic,
};

pub(super) const FUNCTIONS: &[Function] = &[
    variadic("dict", &[Any], dict),
    fixed("get", &[Dict, Text], get),
    fixed("set", &[Dict, Text, Any], set),
    fixed("unset", &[Dict, Text], unset),
    fixed("hasKey", &[Dict, Text], |_, args| {
        Ok(Value::Bool(map(&args[0]).contains(&text(&args[1]).to_text())))
    }),
    variadic("pluck", &[Text, Dict], pluck),
    variadic("keys", &[Dict], keys),
    fixed("values", &[Dict], values),
    variadic("pick", &[Dict, Text], pick),
    variadic("omit", &[Dict, Text], omit),
    variadic("dig", &[Any], dig),
    fixed("deepCopy", &[Any], |_, args| deep_copy(&args[0])),
    fixed("mustDeepCopy", &[Any], |_, args| deep_copy(&args[0])),
];

fn dict(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let map = Map::new();
    for pair in args.chunks(2) {
        let value = pair.get(1).cloned().unwrap_or_else(|| "".into());
        map.insert(strval(&pair[0])?.to_shared(), value);
    }
    Ok(Value::Map(map))
}

fn get(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    Ok(map(&args[0]).get(&text(&args[1]).to_text()).unwrap_or_else(|| "".into()))
}

fn set(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let map = map(&args[0]);
    if !map.insert(text(&args[1]).to_shared(), args[2].clone()) {
        return fail("assignment to entry in nil map");
    }
    Ok(Value::Map(map.clone()))
}

fn unset(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let map = map(&args[0]);
    map.remove(&text(&args[1]).to_text());
    Ok(Value::Map(map.clone()))
}

fn pluck(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let key = text(&args[0]).to_text();
    Ok(args[1..].iter().filter_map(|dict| map(dict).get(&key)).collect::<List>().into())
}

/// The keys of all tables; each table's in order, where Go's is random.
fn keys(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    Ok(Value::strings(args.iter().flat_map(|dict| map(dict).keys())))
}

fn values(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let entries = map(&args[0]).entries();
    Ok(entries.into_iter().map(|(_, value)| value).collect::<List>().into())
}

fn pick(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let map = map(&args[0]);
    let keys = args[1..].iter().map(|key| text(key).to_shared());
    Ok(Value::Map(keys.filter_map(|key| map.get(&key).map(|value| (key, value))).collect()))
}

fn omit(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let omitted: Vec<Rc<str>> = args[1..].iter().map(|key| text(key).to_shared()).collect();
    let mut entries = map(&args[0]).entries();
    entries.retain(|(key, _)| !omitted.contains(key));
    Ok(Value::Map(Map::from_sorted(entries)))
}

fn dig(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let [path @ .., default, dict] = args else {
        return fail("dig needs at least three arguments");
    };
    if path.is_empty() {
        return fail("dig needs at least three arguments");
    }
    let mut map = as_dict(dict)?;
    let mut keys = Vec::with_capacity(path.len());
    for key in path {
        match key {
            Value::String(key) => keys.push(key.to_shared()),
            other => return not_a("string", other),
        }
    }
    let (last, before) = keys.split_last().expect("there is a key");
    for key in before {
        match map.get(key) {
            None => return Ok(default.clone()),
            Some(step) => map = as_dict(&step)?,
        }
    }
    Ok(map.get(last).unwrap_or_else(|| default.clone()))
}

/// Go's type assertion, which does not take `common.Values` for a plain map.
fn as_dict(value: &Value) -> Result<Map> {
    match value {
        Value::Map(map) => Ok(map.clone()),
        other => not_a("map[string]interface {}", other),
    }
}

fn not_a<T>(wanted: &str, value: &Value) -> Result<T> {
    let found = if value.is_nil() { "nil" } else { value.type_name() };
    fail(format!("interface conversion: interface {{}} is {found}, not {wanted}"))
}

fn deep_copy(value: &Value) -> Result<Value> {
    match value {
        Value::Nil => fail("reflect: call of reflect.Value.Type on zero Value"),
        value => Ok(value.deep_copy()),
    }
}
