//! What stands on a line.

use memchr::arch::all::memchr::Two;

use super::{KEY_BYTES_MAX, Rare};
use crate::token::Style;

/// A key, how it is written, and what is behind its colon.
pub(super) type Entry<'t> = (&'t str, Style, &'t str);

pub(super) fn after_blanks(text: &str) -> &str {
    // Quicker than `trim_start_matches` where there are few.
    &text[text.bytes().take_while(|byte| *byte == b' ').count()..]
}

/// Whether a list's entry begins here.
pub(super) fn is_item(content: &str) -> bool {
    content == "-" || content.starts_with("- ")
}

/// Whether nothing but a comment follows.
pub(super) fn is_end(text: &str) -> bool {
    let rest = after_blanks(text);
    rest.is_empty() || rest.len() < text.len() && rest.starts_with('#')
}

pub(super) fn key(content: &str) -> Option<Entry<'_>> {
    let (key, style, rest) = match content.as_bytes()[0] {
        quote @ (b'"' | b'\'') => {
            let end = content[1..].find(char::from(quote))?;
            let key = &content[1..=end];
            let is_plain = quote == b'\'' || !key.contains('\\');
            (key, Style::DoubleQuoted, &content[is_plain.then_some(end + 2)?..])
        }
        _ => {
            let is_in_key = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./".contains(byte);
            let (key, rest) = content.split_at(content.bytes().take_while(is_in_key).count());
            let is_start = |it: char| it.is_ascii_alphanumeric() || it == '_';
            (key.starts_with(is_start).then_some(key)?, Style::Plain, rest)
        }
    };
    let value = rest.strip_prefix(':').filter(|it| it.is_empty() || it.starts_with(' '))?;
    (key.len() <= KEY_BYTES_MAX).then_some((key, style, value))
}

/// A line of a scalar without quotes up to a comment; nothing when a colon makes it something else.
pub(super) fn plain_text(line: &str) -> Option<&str> {
    let bytes = line.as_bytes();
    let end = Two::new(b'#', b':').iter(bytes).find(|at| match bytes[*at] {
        b'#' => *at == 0 || bytes[at - 1] == b' ',
        _ => bytes.get(at + 1).is_none_or(|next| *next == b' '),
    });
    match end {
        None => Some(line),
        Some(end) if bytes[end] == b'#' => Some(&line[..end]),
        Some(_) => None,
    }
}

/// A line of a scalar in quotes up to the one that ends it, and what is behind that, if it is on this line.
pub(super) fn to_quote(text: &str, quote: u8) -> Option<(&str, Option<&str>)> {
    let rest = after_quote(text, quote).ok()?;
    Some((rest.map_or(text, |rest| &text[..text.len() - rest.len() - 1]), rest))
}

/// What is behind the quote that ends a scalar, if it is on this line.
fn after_quote(line: &str, quote: u8) -> Result<Option<&str>, Rare> {
    let bytes = line.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += match (byte, bytes.get(at + 1)) {
            (b'\'', Some(b'\'')) if quote == b'\'' => 2,
            (b'\\', Some(b'"' | b'\\' | b' ' | b'n' | b't' | b'r')) if quote == b'"' => 2,
            (b'\\', Some(_)) if quote == b'"' => return Err(Rare),
            (it, _) if *it == quote => return Ok(Some(&line[at + 1..])),
            _ => 1,
        };
    }
    Ok(None)
}

/// What is behind a list of short scalars on one line; its items are handed on as they are written.
pub(super) fn after_list<'t>(text: &'t str, mut take: impl FnMut(&'t str)) -> Option<&'t str> {
    let mut rest = after_blanks(text.strip_prefix('[')?);
    if let Some(rest) = rest.strip_prefix(']') {
        return Some(rest);
    }
    loop {
        let before = rest;
        rest = match rest.as_bytes().first()? {
            quote @ (b'"' | b'\'') => after_quote(&rest[1..], *quote).ok()??,
            _ => {
                let is_in = |it: char| it.is_ascii_alphanumeric() || "_./-".contains(it);
                let after = rest.trim_start_matches(is_in);
                let is_start = rest.starts_with(|it: char| it.is_ascii_alphanumeric() || it == '_');
                (is_start && after.len() < rest.len()).then_some(after)?
            }
        };
        take(&before[..before.len() - rest.len()]);
        rest = after_blanks(rest);
        if let Some(after) = rest.strip_prefix(']') {
            return Some(after);
        }
        rest = after_blanks(rest.strip_prefix(',')?);
    }
}
