//! Text: trimming, cutting, replacing, quoting, indenting.

use gotmpl::{
    Str,
    Type::{Any, Int, String as Text},
    Value,
    fmt::sprint,
    strconv::append_quote,
};

use super::{
    Env, Function, Result,
    args::{int, text},
    convert::strval,
    fail, fixed, variadic,
};

pub(super) const FUNCTIONS: &[Function] =
    &[
        fixed("hello", &[], |_, _| Ok("Hello!".into())),
        fixed("trim", &[Text], |_, args| Ok(on_text(&args[0], str::trim))),
        fixed("trimAll", &[Text, Text], trim_all),
        fixed("trimall", &[Text, Text], trim_all),
        fixed("trimSuffix", &[Text, Text], trim_suffix),
        fixed("trimPrefix", &[Text, Text], trim_prefix),
        fixed("nospace", &[Text], nospace),
        fixed("trunc", &[Int, Text], trunc),
        fixed("substr", &[Int, Int, Text], substr),
        fixed("repeat", &[Int, Text], repeat),
        fixed("contains", &[Text, Text], |_, args| {
            let (part, whole) = (text(&args[0]), text(&args[1]));
            Ok(Value::Bool(find(whole.as_bytes(), part.as_bytes()).is_some()))
        }),
        fixed("hasPrefix", &[Text, Text], |_, args| {
            Ok(Value::Bool(text(&args[1]).starts_with(text(&args[0]).as_bytes())))
        }),
        fixed("hasSuffix", &[Text, Text], |_, args| {
            Ok(Value::Bool(text(&args[1]).ends_with(text(&args[0]).as_bytes())))
        }),
        fixed("replace", &[Text, Text, Text], replace),
        variadic("quote", &[Any], quote),
        variadic("squote", &[Any], squote),
        variadic("cat", &[Any], cat),
        fixed("indent", &[Int, Text], |_, args| indent(&args[0], &args[1], false)),
        fixed("nindent", &[Int, Text], |_, args| indent(&args[0], &args[1], true)),
        fixed("plural", &[Text, Text, Int], |_, args| {
            Ok(args[usize::from(int(&args[2]) != 1)].clone())
        }),
        fixed("toString", &[Any], |_, args| Ok(Value::String(strval(&args[0])?))),
    ];

/// Applies what only takes characters away; text that is not UTF-8 is read with replacements.
fn on_text(value: &Value, cut: impl Fn(&str) -> &str) -> Value {
    let whole = text(value);
    let shown = whole.to_text();
    let part = cut(&shown);
    if part.len() == shown.len() { value.clone() } else { part.into() }
}

fn trim_all(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let cut_set = text(&args[0]).to_text();
    Ok(on_text(&args[1], |whole| whole.trim_matches(|it| cut_set.contains(it))))
}

fn trim_suffix(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let (suffix, whole) = (text(&args[0]), text(&args[1]));
    Ok(if !suffix.is_empty() && whole.ends_with(suffix.as_bytes()) {
        Value::String(whole.slice(0, whole.len() - suffix.len()))
    } else {
        args[1].clone()
    })
}

fn trim_prefix(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let (prefix, whole) = (text(&args[0]), text(&args[1]));
    Ok(if !prefix.is_empty() && whole.starts_with(prefix.as_bytes()) {
        Value::String(whole.slice(prefix.len(), whole.len()))
    } else {
        args[1].clone()
    })
}

/// goutils looks at bytes and writes each as a character, which garbles what is not ASCII.
fn nospace(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let whole = text(&args[0]);
    let is_space = |byte: &u8| char::from(*byte).is_whitespace();
    if !whole.iter().any(is_space) {
        return Ok(args[0].clone());
    }
    let kept: String =
        whole.iter().filter(|byte| !is_space(byte)).map(|byte| char::from(*byte)).collect();
    Ok(kept.into())
}

fn trunc(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let (count, whole) = (int(&args[0]), text(&args[1]));
    let length = whole.len() as i64;
    Ok(Value::String(if count < 0 && length + count > 0 {
        whole.slice((length + count) as usize, whole.len())
    } else if count >= 0 && length > count {
        whole.slice(0, count as usize)
    } else {
        whole.clone()
    }))
}

fn substr(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let (start, end, whole) = (int(&args[0]), int(&args[1]), text(&args[2]));
    let length = whole.len() as i64;
    if start < 0 {
        if end < 0 || end > length {
            return fail(format!(
                "runtime error: slice bounds out of range [:{end}]{}",
                if end < 0 { String::new() } else { format!(" with length {length}") }
            ));
        }
        return Ok(Value::String(whole.slice(0, end as usize)));
    }
    if end < 0 || end > length {
        if start > length {
            return fail(format!("runtime error: slice bounds out of range [{start}:{length}]"));
        }
        return Ok(Value::String(whole.slice(start as usize, whole.len())));
    }
    if start > end {
        return fail(format!("runtime error: slice bounds out of range [{start}:{end}]"));
    }
    Ok(Value::String(whole.slice(start as usize, end as usize)))
}

fn repeat(env: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let (count, unit) = (int(&args[0]), text(&args[1]));
    let Ok(count) = usize::try_from(count) else {
        return fail("strings: negative Repeat count");
    };
    let limit = env.context.limits().output_bytes_max;
    if count.checked_mul(unit.len()).is_none_or(|length| length > limit) {
        return fail(format!("strings: Repeat result is longer than {limit} bytes"));
    }
    Ok(Value::String(Str::from_bytes(unit.repeat(count))))
}

fn replace(env: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let (old, new, whole) = (text(&args[0]), text(&args[1]), text(&args[2]));
    // Of so many bytes each may become the new text.
    let n_places = whole.len() / old.len().max(1) + 1;
    let limit = env.context.limits().output_bytes_max;
    if n_places.saturating_mul(new.len()) > limit
        && count(whole, old).saturating_mul(new.len()) > limit
    {
        return fail(format!("text is longer than {limit} bytes"));
    }
    if let (Some(old), Some(new), Some(whole)) = (old.as_utf8(), new.as_utf8(), whole.as_utf8()) {
        return Ok(if old.is_empty() || whole.contains(old) {
            whole.replace(old, new).into()
        } else {
            args[2].clone()
        });
    }
    if old.is_empty() {
        return Ok(whole.to_text().replace("", &new.to_text()).into());
    }
    let mut out = Vec::with_capacity(whole.len());
    let mut rest = whole.as_bytes();
    while let Some(place) = find(rest, old.as_bytes()) {
        out.extend_from_slice(&rest[..place]);
        out.extend_from_slice(new.as_bytes());
        rest = &rest[place + old.len()..];
    }
    out.extend_from_slice(rest);
    Ok(Value::String(Str::from_bytes(out)))
}

/// How often a part comes in a text.
fn count(whole: &[u8], part: &[u8]) -> usize {
    if part.is_empty() {
        return whole.len() + 1;
    }
    let (mut n_found, mut rest) = (0, whole);
    while let Some(place) = find(rest, part) {
        n_found += 1;
        rest = &rest[place + part.len()..];
    }
    n_found
}

/// Where a part begins.
pub(super) fn find(whole: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    if let (Ok(whole), Ok(part)) = (std::str::from_utf8(whole), std::str::from_utf8(part)) {
        return whole.find(part);
    }
    whole.windows(part.len()).position(|window| window == part)
}

fn quote(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let mut out = Vec::new();
    for value in args.iter().filter(|value| !value.is_nil()) {
        if !out.is_empty() {
            out.push(b' ');
        }
        append_quote(&mut out, strval(value)?.as_bytes());
    }
    Ok(Value::String(Str::from_bytes(out)))
}

fn squote(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let mut out = Vec::new();
    for value in args.iter().filter(|value| !value.is_nil()) {
        if !out.is_empty() {
            out.push(b' ');
        }
        out.push(b'\'');
        out.extend_from_slice(sprint(std::slice::from_ref(value))?.as_bytes());
        out.push(b'\'');
    }
    Ok(Value::String(Str::from_bytes(out)))
}

fn cat(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let mut out = Vec::new();
    for (place, value) in args.iter().filter(|value| !value.is_nil()).enumerate() {
        if place > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(sprint(std::slice::from_ref(value))?.as_bytes());
    }
    Ok(Value::String(Str::from_bytes(out)))
}

fn indent(spaces: &Value, whole: &Value, with_newline: bool) -> Result<Value> {
    let Ok(spaces) = usize::try_from(int(spaces)) else {
        return fail("strings: negative Repeat count");
    };
    let whole = text(whole).as_bytes();
    let n_lines = 1 + whole.iter().filter(|byte| **byte == b'\n').count();
    if spaces.checked_mul(n_lines).is_none_or(|length| length > 1 << 30) {
        return fail("strings: Repeat output length overflow");
    }
    let mut out = Vec::with_capacity(whole.len() + spaces * n_lines + 1);
    if with_newline {
        out.push(b'\n');
    }
    out.resize(out.len() + spaces, b' ');
    for line in whole.split_inclusive(|byte| *byte == b'\n') {
        out.extend_from_slice(line);
        if line.ends_with(b"\n") {
            out.resize(out.len() + spaces, b' ');
        }
    }
    Ok(Value::String(Str::from_bytes(out)))
}
