//! Lists: finding, filtering and sorting.

use gotmpl::{Kind, Type::Any, Value};

use super::{
    Env, Function, Result,
    convert::{strings, strval},
    equal::deep_equal,
    fixed,
    list::listed,
    variadic,
};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("compact", &[Any], compact),
    fixed("mustCompact", &[Any], compact),
    fixed("uniq", &[Any], uniq),
    fixed("mustUniq", &[Any], uniq),
    variadic("without", &[Any, Any], without),
    variadic("mustWithout", &[Any, Any], without),
    fixed("has", &[Any, Any], has),
    fixed("mustHas", &[Any, Any], has),
    fixed("sortAlpha", &[Any], sort_alpha),
];

fn compact(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let mut items = listed(&args[0], "Cannot compact on type")?;
    items.retain(Value::is_true);
    Ok(Value::from(items))
}

fn uniq(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let mut unique: Vec<Value> = Vec::new();
    for item in listed(&args[0], "Cannot find uniq on type")? {
        if !unique.iter().any(|seen| deep_equal(&item, seen)) {
            unique.push(item);
        }
    }
    Ok(Value::from(unique))
}

fn without(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let mut items = listed(&args[0], "Cannot find without on type")?;
    items.retain(|item| !args[1..].iter().any(|omitted| deep_equal(item, omitted)));
    Ok(Value::from(items))
}

fn has(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let [needle, haystack] = args else { return Ok(Value::Bool(false)) };
    if haystack.is_nil() {
        return Ok(Value::Bool(false));
    }
    if let Value::List(list) = haystack {
        return Ok(Value::Bool(list.iter().any(|item| deep_equal(needle, item))));
    }
    let items = listed(haystack, "Cannot find has on type")?;
    Ok(Value::Bool(items.iter().any(|item| deep_equal(needle, item))))
}

fn sort_alpha(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    if args[0].kind() != Kind::Slice {
        return Ok(Value::strings([strval(&args[0])?]));
    }
    let mut texts = strings(&args[0])?;
    texts.sort();
    Ok(Value::strings(texts))
}
