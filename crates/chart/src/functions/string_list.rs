//! Text and lists: splitting and joining.

use gotmpl::{
    Str,
    Type::{Any, Int, String as Text},
    Value,
};

use super::{
    Env, Function, Result,
    args::{int, text},
    convert::strings,
    fail, fixed,
    string::find,
};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("join", &[Text, Any], join),
    fixed("split", &[Text, Text], |_, args| Ok(numbered(split(&args[0], &args[1], -1)))),
    fixed("splitn", &[Text, Int, Text], |_, args| {
        Ok(numbered(split(&args[0], &args[2], int(&args[1]))))
    }),
    fixed("splitList", &[Text, Text], |_, args| Ok(Value::strings(split(&args[0], &args[1], -1)))),
    fixed("toStrings", &[Any], |_, args| Ok(Value::strings(strings(&args[0])?))),
];

fn join(env: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let separator = text(&args[0]);
    let texts = strings(&args[1])?;
    let limit = env.context.limits().output_bytes_max;
    let n_bytes = texts.iter().map(|text| text.len()).sum::<usize>();
    if texts.len().saturating_mul(separator.len()).saturating_add(n_bytes) > limit {
        return fail(format!("text is longer than {limit} bytes"));
    }
    let mut out = Vec::with_capacity(n_bytes);
    for (place, text) in texts.iter().enumerate() {
        if place > 0 {
            out.extend_from_slice(separator.as_bytes());
        }
        out.extend_from_slice(text.as_bytes());
    }
    Ok(Value::String(Str::from_bytes(out)))
}

/// `strings.SplitN`: at most `count` parts, all when it is negative, none when it is 0.
fn split(separator: &Value, whole: &Value, count: i64) -> Vec<Str> {
    let (separator, whole) = (text(separator), text(whole));
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count == 0 {
        return Vec::new();
    }
    let mut parts = Vec::new();
    let mut start = 0;
    while parts.len() + 1 < count {
        let rest = &whole.as_bytes()[start..];
        let width = if separator.is_empty() {
            // Between all characters, but not at the ends.
            let first = rest.utf8_chunks().next();
            let width = first.map_or(0, |it| it.valid().chars().next().map_or(1, char::len_utf8));
            if width >= rest.len() {
                break;
            }
            width
        } else {
            match find(rest, separator.as_bytes()) {
                Some(width) => width,
                None => break,
            }
        };
        parts.push(whole.slice(start, start + width));
        start += width + separator.len();
    }
    if !(separator.is_empty() && whole.is_empty()) {
        parts.push(whole.slice(start, whole.len()));
    }
    parts
}

/// `_0`, `_1` and so on, as a `map[string]string`.
fn numbered(parts: Vec<Str>) -> Value {
    let mut entries: Vec<(Str, Str)> = parts
        .into_iter()
        .enumerate()
        .map(|(place, part)| (format!("_{place}").into(), part))
        .collect();
    entries.sort_by(|one, two| one.0.cmp(&two.0));
    Value::StringMap(entries.into())
}
