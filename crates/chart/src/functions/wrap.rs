//! Text in a given width, as Masterminds/goutils 1.1.1 does it, which counts bytes.

use gotmpl::{
    Str,
    Type::{Int, String as Text},
    Value,
};

use super::{
    Env, Function, Result,
    args::{int, text},
    fail, fixed,
};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("wrap", &[Int, Text], |_, args| Ok(wrap(text(&args[1]), int(&args[0]), b"\n", false))),
    fixed("wrapWith", &[Int, Text, Text], |_, args| {
        let separator: &[u8] = match text(&args[1]).as_bytes() {
            b"" => b"\n",
            separator => separator,
        };
        Ok(wrap(text(&args[2]), int(&args[0]), separator, true))
    }),
    fixed("abbrev", &[Int, Text], |_, args| {
        let (width, whole) = (int(&args[0]), text(&args[1]));
        Ok(Value::String(if width < 4 { whole.clone() } else { abbreviate(whole, 0, width) }))
    }),
    fixed("abbrevboth", &[Int, Int, Text], abbreviate_both),
];

fn wrap(whole: &Str, width: i64, separator: &[u8], wraps_long_words: bool) -> Value {
    let bytes = whole.as_bytes();
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let mut out = Vec::with_capacity(bytes.len() + 8);
    let mut offset = 0;
    while bytes.len() - offset > width {
        if bytes[offset] == b' ' {
            offset += 1;
            continue;
        }
        let line = &bytes[offset..=offset + width];
        let end = match line.iter().rposition(|byte| *byte == b' ') {
            Some(space) => offset + space,
            None if wraps_long_words => {
                out.extend_from_slice(&bytes[offset..offset + width]);
                out.extend_from_slice(separator);
                offset += width;
                continue;
            }
            None => {
                let after = &bytes[offset + width..];
                match after.iter().position(|byte| *byte == b' ') {
                    Some(space) => offset + width + space,
                    None => break,
                }
            }
        };
        out.extend_from_slice(&bytes[offset..end]);
        out.extend_from_slice(separator);
        offset = end + 1;
    }
    out.extend_from_slice(&bytes[offset..]);
    Value::String(Str::from_bytes(out))
}

/// `AbbreviateFull`, of a width of at least 4.
fn abbreviate(whole: &Str, offset: i64, width: i64) -> Str {
    let length = whole.len() as i64;
    if length <= width {
        return whole.clone();
    }
    let offset = offset.min(length);
    let offset = if length - offset < width - 3 { length - (width - 3) } else { offset };
    let marked = |before: &str, from: i64, to: i64, after: &str| {
        let part = &whole.as_bytes()[from as usize..to as usize];
        Str::from_bytes([before.as_bytes(), part, after.as_bytes()].concat())
    };
    if offset <= 4 {
        return marked("", 0, width - 3, "...");
    }
    if width < 7 {
        return Str::default();
    }
    if offset + width - 3 < length {
        let rest = abbreviate(&whole.slice(offset as usize, whole.len()), 0, width - 3);
        return Str::from_bytes([b"...".as_slice(), rest.as_bytes()].concat());
    }
    marked("...", length - (width - 3), length, "")
}

fn abbreviate_both(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let (left, right, whole) = (int(&args[0]), int(&args[1]), text(&args[2]));
    if right < 4 || (left > 0 && right < 7) {
        return Ok(args[2].clone());
    }
    if left < 0 && (whole.len() as i64) > right {
        // Go slices from the left edge only beyond 4, so that a negative one is harmless.
        return Ok(Value::String(abbreviate(whole, 0, right)));
    }
    if whole.is_empty() {
        return Ok("".into());
    }
    if right > i64::from(i32::MAX) {
        return fail("runtime error: slice bounds out of range");
    }
    Ok(Value::String(abbreviate(whole, left, right)))
}
