//! Helm's own functions around templates and the cluster: `include`, `tpl`, `required`, `fail`, `lookup`.

use gotmpl::{
    CallError, ExecuteError, TextError,
    Type::{Any, String as Text},
    Value,
};

use super::{Env, Function, Result, args::text, fail, fixed};
use crate::source::Lookup;

/// How often one template may be included within itself.
const INCLUDE_DEPTH_MAX: usize = 1_000;

/// Around the message of `fail` and `required`, so that it can be found again in what is around it.
pub(crate) const WARN_START: &str = "HELM_ERR_START";
pub(crate) const WARN_END: &str = "HELM_ERR_END";

pub(super) const FUNCTIONS: &[Function] =
    &[
        fixed("include", &[Text, Any], include),
        fixed("tpl", &[Text, Any], tpl),
        fixed("required", &[Text, Any], required),
        fixed("fail", &[Text], |env, args| {
            if env.host.is_lint { pardon(env, &args[0]) } else { warn(&args[0]) }
        }),
        fixed("lookup", &[Text, Text, Text, Text], lookup),
        fixed("getHostByName", &[Text], |env, args| {
            Ok(env.host.source.host_by_name(&text(&args[0]).to_text()).into())
        }),
    ];

fn include(env: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let name = text(&args[0]).to_shared();
    {
        let mut included = env.host.included.borrow_mut();
        let count = included.entry(name.clone()).or_default();
        // Go counts one more before it looks.
        if *count > INCLUDE_DEPTH_MAX {
            return fail(format!(
                "rendering template has a nested reference name: {name}: unable to execute template"
            ));
        }
        *count += 1;
    }
    let result = env.context.execute(&name, &args[1]);
    if let Some(count) = env.host.included.borrow_mut().get_mut(&name) {
        *count -= 1;
    }
    match result {
        Ok(text) => Ok(Value::String(text)),
        Err(ExecuteError::Exec(error)) => Err(CallError::Template(error)),
        Err(error) => fail(error.to_string()),
    }
}

fn tpl(env: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let source = text(&args[0]);
    match env.context.execute_text("gotpl", source, &args[1]) {
        Ok(text) => Ok(without_no_value(text)),
        Err(TextError::Parse(error)) => {
            fail(format!("cannot parse template {}: {error}", quoted(source)))
        }
        Err(TextError::Exec(inner)) => Err(CallError::Wrapped {
            text: format!("error during tpl function execution for {}: {inner}", quoted(source))
                .into(),
            inner,
        }),
    }
}

fn quoted(text: &gotmpl::Str) -> String {
    gotmpl::strconv::quote(text.as_bytes())
}

/// What a missing value left in a text is cut out of it.
pub(crate) fn without_no_value(text: gotmpl::Str) -> Value {
    match text.as_utf8() {
        Some(shown) if shown.contains("<no value>") => shown.replace("<no value>", "").into(),
        _ => Value::String(text),
    }
}

fn required(env: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let is_missing = match &args[1] {
        Value::Nil => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    match (is_missing, env.host.is_lint) {
        (false, _) => Ok(args[1].clone()),
        (true, true) => pardon(env, &args[0]),
        (true, false) => warn(&args[0]),
    }
}

/// Lint mode goes on without what is missing.
fn pardon(env: &Env<'_, '_>, message: &Value) -> Result<Value> {
    env.host.pardoned.borrow_mut().push(text(message).to_text().into_owned());
    Ok("".into())
}

fn warn(message: &Value) -> Result<Value> {
    fail(format!("{WARN_START}{}{WARN_END}", text(message)))
}

fn lookup(env: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let words: Vec<_> = args.iter().map(|arg| text(arg).to_text()).collect();
    let query =
        Lookup { api_version: &words[0], kind: &words[1], namespace: &words[2], name: &words[3] };
    env.host.source.lookup(&query).map_err(CallError::text)
}
