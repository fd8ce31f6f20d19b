//! From events to a value: anchors, merge keys, key conversion.
//!
//! Source: go.yaml.in/yaml/v2 2.4.3 `decode.go` into an `interface {}`, and sigs.k8s.io/yaml 1.6.0
//! `convertToJSONableObject`.

use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    error::ReadError,
    float::{format_g, format_g32},
    glance, gosyntax,
    input::decode,
    parser::{EventData, Parser, Properties},
    resolve::{Scalar, resolve, resolve_tagged},
    token::Style,
    value::{Value, sorted},
};

/// How deep lists and tables may nest. Go stops at 10,000.
pub(crate) const DEPTH_MAX: usize = 2_500;
/// How many bytes of text aliases may repeat. Go shares them, and has no limit.
const ALIAS_BYTES_MAX: usize = 64 << 20;

/// Reads the first document of a text; nothing but blanks and comments is `Null`.
///
/// Numbers and booleans as keys become text, of equal keys the last wins, merge keys are carried out.
///
/// # Errors
/// What Go refuses, in Go's words.
pub fn read(bytes: &[u8]) -> Result<Value, ReadError> {
    let glanced = std::str::from_utf8(bytes).ok().and_then(glance::read);
    glanced.map_or_else(|| parse(bytes), Ok)
}

/// As [`read`], by the parser alone.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, ReadError> {
    read_with(bytes, compose_document)
}

/// Hands a parser of the bytes to a reader, and sees to it that bad characters are reported.
pub(crate) fn read_with<T>(
    bytes: &[u8],
    reader: impl FnOnce(&mut Parser<'_>) -> Result<T, ReadError>,
) -> Result<T, ReadError> {
    let input = decode(bytes);
    let mut parser = Parser::new(&input.text);
    let result = reader(&mut parser);
    match input.error {
        Some(error) if input.text.len() <= parser.place() + 4 => Err(error),
        _ => result,
    }
}

fn compose_document(parser: &mut Parser<'_>) -> Result<Value, ReadError> {
    parser.next_event()?;
    if parser.next_event()?.data == EventData::StreamEnd {
        return Ok(Value::Null);
    }
    let mut composer = Composer::default();
    let value = composer.compose(parser)?;
    parser.next_event()?;
    composer.finish(value)
}

/// Makes values of events; one for each document.
#[derive(Default)]
pub(crate) struct Composer<'a> {
    anchors: BTreeMap<&'a str, Anchor>,
    /// Nodes decoded so far, and those of them that came by an alias.
    n_decoded: usize,
    n_aliased: usize,
    alias_bytes: usize,
    has_non_finite: bool,
    /// What Go finds after parsing: the first of its decoder, and the first of the step to JSON.
    decode_error: Option<ReadError>,
    convert_error: Option<ReadError>,
}

enum Anchor {
    /// The node has begun and not ended.
    Open,
    Done {
        value: Value,
        n_decoded: usize,
        bytes: usize,
    },
}

/// A list or table that has begun.
struct Frame<'a> {
    anchor: Option<&'a str>,
    n_decoded_before: usize,
    content: Content,
}

enum Content {
    List(Vec<Value>),
    Map { entries: Vec<(Box<str>, Value)>, key: Key },
}

enum Key {
    /// A key comes next.
    Awaited,
    /// Its value comes next.
    Text(Box<str>),
    /// The tables to merge come next.
    Merge,
    /// A value comes next whose key JSON cannot have; the start of the message says which.
    Unsupported(String),
    /// A value comes next that has no key, because that was wrong.
    Wrong,
}

/// A node that has ended.
struct Node {
    value: Value,
    is_alias: bool,
    is_merge_key: bool,
}

impl<'a> Composer<'a> {
    /// Composes the node that comes next. Nesting costs heap, not stack.
    pub(crate) fn compose(&mut self, parser: &mut Parser<'a>) -> Result<Value, ReadError> {
        let mut frames: Vec<Frame<'a>> = Vec::new();
        loop {
            let node = match parser.next_event()?.data {
                EventData::Alias(name) => self.alias(name)?,
                EventData::Scalar { properties, value, style } => {
                    self.scalar(&properties, &value, style)
                }
                EventData::SequenceStart(properties) => {
                    frames.push(self.begin(&properties, Content::List(Vec::new())));
                    check_depth(frames.len())?;
                    continue;
                }
                EventData::MappingStart(properties) => {
                    let content = Content::Map { entries: Vec::new(), key: Key::Awaited };
                    frames.push(self.begin(&properties, content));
                    check_depth(frames.len())?;
                    continue;
                }
                EventData::SequenceEnd | EventData::MappingEnd => {
                    let frame = frames.pop().expect("ends come after starts");
                    self.end(frame)
                }
                EventData::StreamStart
                | EventData::StreamEnd
                | EventData::DocumentStart
                | EventData::DocumentEnd => unreachable!("the parser gives whole nodes"),
            };
            match frames.last_mut() {
                None => return Ok(node.value),
                Some(frame) => self.add(&mut frame.content, node),
            }
        }
    }

    /// The document's value, unless something was wrong on the way.
    pub(crate) fn finish(self, value: Value) -> Result<Value, ReadError> {
        match self.decode_error.or(self.convert_error) {
            Some(error) => Err(error),
            None if self.has_non_finite => all_finite(&value).map(|()| value),
            None => Ok(value),
        }
    }

    fn begin(&mut self, properties: &Properties<'a>, content: Content) -> Frame<'a> {
        if let Some(anchor) = properties.anchor {
            self.anchors.insert(anchor, Anchor::Open);
        }
        let n_decoded_before = self.n_decoded;
        self.n_decoded += 1;
        Frame { anchor: properties.anchor, n_decoded_before, content }
    }

    fn end(&mut self, frame: Frame<'a>) -> Node {
        let value = match frame.content {
            Content::List(items) => Value::List(items),
            Content::Map { entries, .. } => Value::Map(sorted(entries)),
        };
        self.remember(frame.anchor, &value, frame.n_decoded_before);
        Node { value, is_alias: false, is_merge_key: false }
    }

    fn remember(&mut self, anchor: Option<&'a str>, value: &Value, n_decoded_before: usize) {
        if let Some(anchor) = anchor {
            let n_decoded = self.n_decoded - n_decoded_before;
            let bytes = text_bytes(value);
            self.anchors.insert(anchor, Anchor::Done { value: value.clone(), n_decoded, bytes });
        }
    }

    fn alias(&mut self, name: &str) -> Result<Node, ReadError> {
        self.n_decoded += 1;
        let value = match self.anchors.get(name) {
            None => {
                let problem = format!("unknown anchor '{name}' referenced");
                return Err(ReadError::plain(problem));
            }
            Some(Anchor::Open) => {
                self.fail_decode(format!("anchor '{name}' value contains itself").into());
                Value::Null
            }
            Some(Anchor::Done { value, n_decoded, bytes }) => {
                let value = value.clone();
                self.n_decoded += n_decoded;
                self.n_aliased += n_decoded;
                self.alias_bytes += bytes;
                value
            }
        };
        if self.has_too_many_aliases() {
            return Err(ReadError::plain("document contains excessive aliasing"));
        }
        Ok(Node { value, is_alias: true, is_merge_key: false })
    }

    /// Go's guard: the more nodes, the smaller the share of them that may come by aliases.
    #[expect(clippy::cast_precision_loss, reason = "counts of nodes are far below 2^53")]
    fn has_too_many_aliases(&self) -> bool {
        const LOW: f64 = 400_000.0;
        const HIGH: f64 = 4_000_000.0;
        let decoded = self.n_decoded as f64;
        let allowed = 0.99 - 0.89 * ((decoded - LOW) / (HIGH - LOW)).clamp(0.0, 1.0);
        let is_over = 100 < self.n_aliased
            && 1000 < self.n_decoded
            && allowed < self.n_aliased as f64 / decoded;
        is_over || ALIAS_BYTES_MAX < self.alias_bytes
    }

    fn scalar(&mut self, properties: &Properties<'a>, text: &str, style: Style) -> Node {
        self.n_decoded += 1;
        let tag = properties.tag.as_deref();
        let resolved = match tag {
            None if style == Style::Plain => resolve(text),
            None => Scalar::String(text),
            Some(tag) => resolve_tagged(tag, text).unwrap_or_else(|problem| {
                self.fail_decode(problem);
                Scalar::Null
            }),
        };
        let is_merge_key = text == "<<"
            && match tag {
                None => style == Style::Plain,
                Some(tag) => tag == "!" || tag == "tag:yaml.org,2002:merge",
            };
        let value = Value::from(resolved);
        self.has_non_finite |= matches!(value, Value::Float(number) if !number.is_finite());
        self.remember(properties.anchor, &value, self.n_decoded - 1);
        Node { value, is_alias: false, is_merge_key }
    }

    fn add(&mut self, content: &mut Content, node: Node) {
        match content {
            Content::List(items) => items.push(node.value),
            Content::Map { entries, key } => match std::mem::replace(key, Key::Awaited) {
                Key::Awaited if node.is_merge_key => *key = Key::Merge,
                Key::Awaited => *key = self.key(node.value),
                Key::Text(text) => entries.push((text, node.value)),
                Key::Merge => self.merge(entries, node),
                Key::Unsupported(message) => {
                    let message = message + &gosyntax::of(&node.value);
                    self.convert_error.get_or_insert(ReadError::NotJson(message));
                }
                Key::Wrong => {}
            },
        }
    }

    fn key(&mut self, value: Value) -> Key {
        match value {
            Value::String(text) => Key::Text(text),
            Value::Int(number) => Key::Text(number.to_string().into()),
            Value::Float(number) => Key::Text(format_g32(number).into()),
            Value::Bool(truth) => Key::Text(truth.to_string().into()),
            Value::List(_) | Value::Map(_) => {
                self.fail_decode(format!("invalid map key: {}", gosyntax::of(&value)).into());
                Key::Wrong
            }
            Value::Null => Key::Unsupported(unsupported("%!s(<nil>)", "<nil>")),
            Value::Uint(number) => Key::Unsupported(unsupported("uint64", &format!("{number:#x}"))),
        }
    }

    fn merge(&mut self, entries: &mut Vec<(Box<str>, Value)>, node: Node) {
        match node.value {
            Value::Map(merged) => entries.extend(merged),
            // Earlier tables of a list win, so they come last.
            Value::List(tables) if !node.is_alias => {
                for table in tables.into_iter().rev() {
                    match table {
                        Value::Map(merged) => entries.extend(merged),
                        _ => self.fail_merge(),
                    }
                }
            }
            _ => self.fail_merge(),
        }
    }

    fn fail_merge(&mut self) {
        self.fail_decode("map merge requires map or sequence of maps as the value".into());
    }

    fn fail_decode(&mut self, problem: Cow<'static, str>) {
        self.decode_error.get_or_insert_with(|| ReadError::plain(problem));
    }
}

fn unsupported(kind: &str, key: &str) -> String {
    format!("unsupported map key of type: {kind}, key: {key}, value: ")
}

fn check_depth(n_open: usize) -> Result<(), ReadError> {
    if DEPTH_MAX < n_open {
        return Err(ReadError::plain(format!("exceeded max depth of {DEPTH_MAX}")));
    }
    Ok(())
}

/// Go's JSON printer refuses numbers that are not finite.
fn all_finite(value: &Value) -> Result<(), ReadError> {
    match value {
        Value::Float(number) if !number.is_finite() => {
            Err(ReadError::NotJson(format!("json: unsupported value: {}", format_g(*number))))
        }
        Value::List(items) => items.iter().try_for_each(all_finite),
        Value::Map(entries) => entries.iter().try_for_each(|(_, value)| all_finite(value)),
        _ => Ok(()),
    }
}

fn text_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::List(items) => items.iter().map(text_bytes).sum(),
        Value::Map(entries) => entries.iter().map(|(key, it)| key.len() + text_bytes(it)).sum(),
        _ => 0,
    }
}
