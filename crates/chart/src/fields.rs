//! Fields of YAML documents by their paths, and where they stand in the text.
//!
//! A path is written as Kubernetes writes it, `spec.containers[0].image`; keys stand in it as they are.

use std::collections::BTreeMap;

use goyaml::{EventData, Mark, Parser, Value};

/// How deep a document may be nested for its places to be known.
const DEPTH_MAX: usize = 200;

/// The path of a table's entry.
pub(crate) fn key(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The path of a list's item.
pub(crate) fn item(path: &str, item_idx: usize) -> String {
    format!("{path}[{item_idx}]")
}

/// The scalars of a value by path, in its order; empty lists and tables count as scalars.
pub(crate) fn leaves(value: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    collect(value, String::new(), &mut found);
    found
}

fn collect<'v>(value: &'v Value, path: String, found: &mut Vec<(String, &'v Value)>) {
    match value {
        Value::Map(entries) if !entries.is_empty() => {
            for (name, value) in entries {
                collect(value, key(&path, name), found);
            }
        }
        Value::List(items) if !items.is_empty() => {
            for (item_idx, value) in items.iter().enumerate() {
                collect(value, item(&path, item_idx), found);
            }
        }
        value => found.push((path, value)),
    }
}

/// Where each entry and item of a text stands; of a path that comes twice, the last place.
///
/// What comes after a place that cannot be read is missing.
pub(crate) fn places(text: &str) -> BTreeMap<String, Mark> {
    let mut walk = Walk { parser: Parser::new(text), places: BTreeMap::new() };
    while let Ok(event) = walk.parser.next_event() {
        match event.data {
            EventData::StreamEnd => break,
            EventData::StreamStart | EventData::DocumentStart | EventData::DocumentEnd => {}
            data => {
                if walk.node(&data, String::new(), event.start, 0).is_none() {
                    break;
                }
            }
        }
    }
    walk.places
}

struct Walk<'t> {
    parser: Parser<'t>,
    places: BTreeMap<String, Mark>,
}

impl Walk<'_> {
    /// Reads a node that has begun; nothing when the text cannot be read on.
    fn node(&mut self, data: &EventData<'_>, path: String, mark: Mark, depth: usize) -> Option<()> {
        if DEPTH_MAX < depth {
            return None;
        }
        match data {
            EventData::MappingStart(_) => self.entries(&path, depth + 1)?,
            EventData::SequenceStart(_) => {
                for item_idx in 0.. {
                    let value = self.parser.next_event().ok()?;
                    if value.data == EventData::SequenceEnd {
                        break;
                    }
                    self.node(&value.data, item(&path, item_idx), value.start, depth + 1)?;
                }
            }
            _ => {}
        }
        self.places.insert(path, mark);
        Some(())
    }

    fn entries(&mut self, path: &str, depth: usize) -> Option<()> {
        loop {
            let entry = self.parser.next_event().ok()?;
            let name = match &entry.data {
                EventData::MappingEnd => return Some(()),
                EventData::Scalar { value, .. } => value.to_string(),
                data => {
                    // A key that is no text has no path.
                    self.node(data, String::new(), entry.start, depth)?;
                    String::new()
                }
            };
            let value = self.parser.next_event().ok()?;
            self.node(&value.data, key(path, &name), entry.start, depth)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a: 1\nb:\n  c:\n  - x: 1\n  - [y]\n  d.e: {}\n---\na: 2\n";

    #[test]
    fn places_are_those_of_keys_and_items() {
        let places = places(TEXT);
        let line = |path: &str| places.get(path).map(|it| it.line + 1);
        assert_eq!(line("a"), Some(8));
        assert_eq!([line("b.c"), line("b.c[0].x"), line("b.c[1][0]")], [3, 4, 5].map(Some));
        assert_eq!(line("b.d.e"), Some(6));
        assert_eq!(line("z"), None);
    }

    #[test]
    fn leaves_are_scalars_and_what_is_empty() {
        let value = goyaml::read(TEXT.split("---").next().unwrap().as_bytes()).unwrap();
        let paths: Vec<String> = leaves(&value).into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["a", "b.c[0].x", "b.c[1][0]", "b.d.e"]);
    }

    #[test]
    fn a_broken_text_has_places_up_to_the_break() {
        let places = places("a: 1\nb: [\n");
        assert!(places.contains_key("a"));
    }
}
