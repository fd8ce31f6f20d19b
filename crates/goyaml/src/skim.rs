//! Reading a few keys of a document, while checking all of it.

use crate::{
    compose::{Composer, DEPTH_MAX, read, read_with},
    error::ReadError,
    glance::glance,
    parser::{EventData, Parser, Properties},
    resolve::{Scalar, resolve},
    token::Style,
    value::{Value, sorted},
};

/// Reads the first document of a text as [`read`] does, but keeps only some keys of the table that it
/// is; what is no table is read whole.
///
/// Several times as fast as reading everything.
///
/// # Errors
/// The same as those of [`read`], for the keys that are not kept too.
pub fn read_some(bytes: &[u8], is_wanted: &dyn Fn(&str) -> bool) -> Result<Value, ReadError> {
    let wanted = std::str::from_utf8(bytes).ok().and_then(|text| glance(text, is_wanted));
    if let Some(wanted) = wanted
        && let Ok(value) = read(wanted.as_bytes())
    {
        return Ok(value);
    }
    match read_with(bytes, |parser| skim(parser, is_wanted))? {
        Some(value) => Ok(value),
        None => read(bytes),
    }
}

/// Nothing when the document has anything that a glance cannot judge.
fn skim(
    parser: &mut Parser<'_>,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<Option<Value>, ReadError> {
    parser.next_event()?;
    if parser.next_event()?.data == EventData::StreamEnd {
        return Ok(Some(Value::Null));
    }
    if parser.next_event()?.data != EventData::MappingStart(Properties::default()) {
        return Ok(None);
    }
    let mut composer = Composer::default();
    let mut entries = Vec::new();
    loop {
        let (value, style) = match parser.next_event()?.data {
            EventData::MappingEnd => break,
            EventData::Scalar { properties, value, style }
                if properties == Properties::default() =>
            {
                (value, style)
            }
            _ => return Ok(None),
        };
        if style == Style::Plain && !matches!(resolve(&value), Scalar::String(_)) || &*value == "<<"
        {
            return Ok(None);
        }
        if is_wanted(&value) {
            entries.push((Box::from(&*value), composer.compose(parser)?));
        } else if !is_simple(parser)? {
            return Ok(None);
        }
    }
    parser.next_event()?;
    composer.finish(Value::Map(sorted(entries))).map(Some)
}

/// Where in a collection the next node stands.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Place {
    Item,
    Key,
    Value,
}

/// Passes over a node; false when it has anchors, aliases, tags, or values that JSON may not take.
fn is_simple(parser: &mut Parser<'_>) -> Result<bool, ReadError> {
    let mut open: Vec<Place> = Vec::new();
    loop {
        match parser.next_event()?.data {
            EventData::Scalar { properties, value, style } => {
                let is_key = open.last() == Some(&Place::Key);
                if properties != Properties::default() || !is_simple_scalar(&value, style, is_key) {
                    return Ok(false);
                }
            }
            EventData::SequenceStart(properties) | EventData::MappingStart(properties)
                if properties != Properties::default() || open.last() == Some(&Place::Key) =>
            {
                return Ok(false);
            }
            EventData::SequenceStart(_) => {
                open.push(Place::Item);
                continue;
            }
            EventData::MappingStart(_) => {
                open.push(Place::Key);
                continue;
            }
            EventData::SequenceEnd | EventData::MappingEnd => {
                open.pop();
            }
            _ => return Ok(false),
        }
        if DEPTH_MAX < open.len() {
            return Ok(false);
        }
        match open.last_mut() {
            None => return Ok(true),
            Some(place @ Place::Key) => *place = Place::Value,
            Some(place @ Place::Value) => *place = Place::Key,
            Some(Place::Item) => {}
        }
    }
}

pub(crate) fn is_simple_scalar(text: &str, style: Style, is_key: bool) -> bool {
    if style != Style::Plain {
        return true;
    }
    match text.as_bytes().first() {
        None | Some(b'~' | b'<' | b'n' | b'N' | b'0'..=b'9') if is_key => {
            text != "<<" && !matches!(resolve(text), Scalar::Null | Scalar::Uint(_))
        }
        Some(b'.' | b'+' | b'-') => {
            !matches!(resolve(text), Scalar::Float(number) if !number.is_finite())
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_as_read() {
        let texts = [
            "a: {x: 1}\nb: [1, {c: d}]\n",
            "- a\n",
            "",
            "x: &a [1]\na: *a\n",
            "<<: {a: 1}\nb: 2\n",
            "b: .inf\na: 1\n",
            "b: {~: 1}\na: 1\n",
            "b: {? [1] : 2}\n",
            "b: 1\nb: [\n",
            "a: 1\n---\nb: 2\n",
            "a: &x 1\nb: *x\n",
            "b: {<<: 1}\n",
            "true: 1\na: 2\n",
        ];
        for text in texts {
            let mut whole = read(text.as_bytes());
            if let Ok(Value::Map(entries)) = &mut whole {
                entries.retain(|(key, _)| &**key == "a");
            }
            let mut some = read_some(text.as_bytes(), &|key| key == "a");
            if let Ok(Value::Map(entries)) = &mut some {
                entries.retain(|(key, _)| &**key == "a");
            }
            assert_eq!(some, whole, "{text}");
        }
    }
}
