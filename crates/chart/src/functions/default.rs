//! Defaults and choices: `default`, `empty`, `coalesce`, `ternary`, `all`, `any`.

use gotmpl::{
    Type::{Any, Bool},
    Value,
};

use super::{Env, Function, Result, args::truth, fixed, variadic};

pub(super) const FUNCTIONS: &[Function] = &[
    variadic("default", &[Any, Any], default),
    fixed("empty", &[Any], |_, args| Ok(Value::Bool(!args[0].is_true()))),
    variadic("coalesce", &[Any], coalesce),
    variadic("all", &[Any], |_, args| Ok(Value::Bool(args.iter().all(Value::is_true)))),
    variadic("any", &[Any], |_, args| Ok(Value::Bool(args.iter().any(Value::is_true)))),
    fixed("ternary", &[Any, Any, Bool], ternary),
];

fn default(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    Ok(match args {
        [_, given, ..] if given.is_true() => given.clone(),
        _ => args[0].clone(),
    })
}

fn coalesce(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    Ok(args.iter().find(|value| value.is_true()).cloned().unwrap_or_default())
}

fn ternary(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    Ok(if truth(&args[2]) { args[0].clone() } else { args[1].clone() })
}
