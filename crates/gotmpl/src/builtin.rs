//! text/template's own functions.

use crate::{
    eval::{Call, Final, Operand},
    exec::{Failure, Frame},
    fmt,
    signature::{CallError, Type},
    value::{Str, Value},
};

mod compare;
mod escape;
mod index;

/// Which of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Builtin {
    And,
    Call,
    Eq,
    Ge,
    Gt,
    Html,
    Index,
    Js,
    Le,
    Len,
    Lt,
    Ne,
    Not,
    Or,
    Print,
    Printf,
    Println,
    Slice,
    Urlquery,
}

/// Their names, with the count of parameters and whether the last is variadic.
const TABLE: &[(&str, Builtin, usize, bool)] = &[
    ("and", Builtin::And, 2, true),
    ("call", Builtin::Call, 2, true),
    ("eq", Builtin::Eq, 2, true),
    ("ge", Builtin::Ge, 2, false),
    ("gt", Builtin::Gt, 2, false),
    ("html", Builtin::Html, 1, true),
    ("index", Builtin::Index, 2, true),
    ("js", Builtin::Js, 1, true),
    ("le", Builtin::Le, 2, false),
    ("len", Builtin::Len, 1, false),
    ("lt", Builtin::Lt, 2, false),
    ("ne", Builtin::Ne, 2, false),
    ("not", Builtin::Not, 1, false),
    ("or", Builtin::Or, 2, true),
    ("print", Builtin::Print, 1, true),
    ("printf", Builtin::Printf, 2, true),
    ("println", Builtin::Println, 1, true),
    ("slice", Builtin::Slice, 2, true),
    ("urlquery", Builtin::Urlquery, 1, true),
];

impl Builtin {
    pub(crate) fn find(name: &str) -> Option<Self> {
        let place = TABLE.binary_search_by(|(known, ..)| known.cmp(&name)).ok()?;
        Some(TABLE[place].1)
    }
}

/// The names of all of them, in order.
pub fn builtin_names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(name, ..)| *name)
}

type Result<T> = std::result::Result<T, CallError>;

pub(crate) fn call<'t>(
    frame: &mut Frame<'t, '_, '_>,
    dot: &Operand,
    function: Builtin,
    call: Call<'t>,
) -> std::result::Result<Operand, Failure> {
    let (name, _, n_params, is_variadic) = TABLE[function as usize];
    frame.check_count(name, (n_params, is_variadic), &call)?;
    if matches!(function, Builtin::And | Builtin::Or) {
        return short_circuit(frame, dot, function == Builtin::Or, call);
    }
    let mut args = Vec::with_capacity(call.args.len() + 1);
    for (place, arg) in call.args.iter().enumerate() {
        args.push(if function == Builtin::Printf && place == 0 {
            Operand::Plain(frame.argument(dot, Type::String, arg)?)
        } else {
            frame.operand(dot, arg)?
        });
    }
    if let Final::Value(last) = call.last {
        if function == Builtin::Printf && args.is_empty() {
            let last = frame.fitting(last, Type::String)?;
            args.push(Operand::Plain(last));
        } else {
            args.push(last);
        }
    }
    let called = call.args.first().map(ToString::to_string);
    let result = apply(function, args, called).and_then(|operand| {
        let counted = operand.as_value().map_or(Ok(()), |value| frame.context.count(value));
        counted.map(|()| operand)
    });
    result.map_err(|error| frame.call_failed(name, call.node, error))
}

fn short_circuit<'t>(
    frame: &mut Frame<'t, '_, '_>,
    dot: &Operand,
    is_or: bool,
    call: Call<'t>,
) -> std::result::Result<Operand, Failure> {
    let mut value = Operand::Invalid;
    for arg in call.args {
        value = frame.operand(dot, arg)?;
        if value.is_true() == is_or {
            return Ok(value);
        }
    }
    Ok(match call.last {
        Final::Missing => value,
        Final::Value(last) => last,
    })
}

fn apply(function: Builtin, mut args: Vec<Operand>, called: Option<String>) -> Result<Operand> {
    let truth = |truth: bool| Ok(Operand::Plain(Value::Bool(truth)));
    let text = |text: Str| Ok(Operand::Plain(Value::String(text)));
    match function {
        Builtin::And | Builtin::Or => Ok(Operand::Invalid),
        Builtin::Call => Err(not_callable(&args[0], called)),
        Builtin::Eq => truth(compare::eq(&args[0], &args[1..])?),
        Builtin::Ne => truth(!compare::eq(&args[0], &args[1..])?),
        Builtin::Lt => truth(compare::lt(&args[0], &args[1])?),
        Builtin::Le => truth(compare::le(&args[0], &args[1])?),
        Builtin::Gt => truth(!compare::le(&args[0], &args[1])?),
        Builtin::Ge => truth(!compare::lt(&args[0], &args[1])?),
        Builtin::Not => truth(!args[0].is_true()),
        Builtin::Len => index::len(&args[0]).map(|len| Operand::Plain(Value::Int(len as i64))),
        Builtin::Index => index::index(args),
        Builtin::Slice => index::slice(&args[0], &args[1..]),
        Builtin::Print => text(fmt::sprint(&values(args))?),
        Builtin::Println => text(fmt::sprintln(&values(args))?),
        Builtin::Printf => {
            let Operand::Plain(Value::String(format)) = args.remove(0) else {
                return Err(CallError::text("a format is a string"));
            };
            text(fmt::sprintf(&format, &values(args))?)
        }
        Builtin::Html => text(escape::html(escaped(args)?.as_bytes())),
        Builtin::Js => text(escape::js(escaped(args)?.as_bytes())),
        Builtin::Urlquery => text(escape::url_query(escaped(args)?.as_bytes())),
    }
}

fn values(args: Vec<Operand>) -> Vec<Value> {
    args.into_iter().map(Operand::into_value).collect()
}

/// The arguments of an escaper as one text (Go's `evalArgs`), where a nil is `<no value>`.
fn escaped(args: Vec<Operand>) -> Result<Str> {
    let mut out = Vec::new();
    let mut was_string = true;
    for value in values(args) {
        let value = if value.is_nil() { Value::from("<no value>") } else { value };
        let is_string = matches!(value, Value::String(_));
        if !is_string && !was_string {
            out.push(b' ');
        }
        fmt::print_indirect(&mut out, &value)?;
        was_string = is_string;
    }
    Ok(Str::from_bytes(out))
}

/// No value here is a function.
fn not_callable(callee: &Operand, name: Option<String>) -> CallError {
    match callee.as_value() {
        None | Some(Value::Nil) => CallError::text("call of nil"),
        Some(value) => {
            // What reflect says of a value that a pipeline hands on.
            let name = name.unwrap_or_else(|| match value {
                Value::String(text) => text.to_string(),
                value => format!("<{} Value>", value.type_name()),
            });
            CallError::text(format!("non-function {name} of type {}", value.type_name()))
        }
    }
}
