//! Values: documents of YAML, and what a command line sets.

use std::borrow::Cow;

use goyaml::{ReadError, Value};
use memchr::arch::all::memchr::One;

use crate::strvals::{self, Reader, StrvalsError};

/// A table of values, sorted bytewise by key. `Float` stands for Go's `float64`, which every number of
/// a file is, and `Int` for its `int64`, which the numbers of `--set` are.
pub type Table = Vec<(Box<str>, Value)>;

/// The values a user gives, merged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    pub table: Table,
}

/// What a user gives, by kind; within a kind later ones win. The kinds are applied in the order of
/// these fields, whatever the order on the command line.
#[derive(Clone, Debug, Default)]
pub struct ValueSources {
    /// `-f`: names, for messages, and contents.
    pub files: Vec<(String, Vec<u8>)>,
    /// `--set-json`: an object, or `key=json,…`.
    pub set_json: Vec<String>,
    /// `--set`: `key=value,…`.
    pub set: Vec<String>,
    /// `--set-string`
    pub set_string: Vec<String>,
    /// `--set-file`: `key=path,…`.
    pub set_file: Vec<String>,
    /// `--set-literal`: `key=value`, without any escapes in the value.
    pub set_literal: Vec<String>,
}

/// Why values cannot be merged. `Display` is Helm's text.
#[derive(Debug, thiserror::Error)]
pub enum ValuesError {
    #[error("failed to parse {file}: {error}")]
    File { file: String, error: DocumentsError },
    #[error("failed parsing --set-json data JSON: {0}")]
    JsonObject(String),
    #[error("failed parsing --set-json data {0}")]
    Json(String),
    #[error("failed parsing --{flag} data: {error}")]
    Set { flag: &'static str, error: StrvalsError },
}

/// Why a text is not one or several tables. `Display` is Helm's text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DocumentsError {
    #[error("error reading yaml document: invalid Yaml document separator: {0}")]
    Separator(String),
    #[error("cannot unmarshal yaml document: error converting YAML to JSON: {0}")]
    Yaml(ReadError),
    #[error(
        "cannot unmarshal yaml document: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {0} into Go value of type map[string]interface {{}}"
    )]
    NoTable(&'static str),
}

impl ValueSources {
    /// Merges everything as Helm's command line does; `read_file` gives the files of `--set-file`.
    pub fn merge(
        &self,
        read_file: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Values, ValuesError> {
        let mut table = Table::new();
        for (file, content) in &self.files {
            let documents = read_documents(content)
                .map_err(|error| ValuesError::File { file: file.clone(), error })?;
            merge_tables(&mut table, documents);
        }
        for text in &self.set_json {
            set_json(text, &mut table)?;
        }
        let typed = |text: &str| Ok(strvals::typed(text));
        let string = |text: &str| Ok(Value::String(text.into()));
        let file = |text: &str| read_file(text).map(|content| Value::String(content.into()));
        let kinds: [(&'static str, &[String], Reader<'_>); 3] = [
            ("set", &self.set, &typed),
            ("set-string", &self.set_string, &string),
            ("set-file", &self.set_file, &file),
        ];
        for (flag, texts, reader) in kinds {
            for text in texts {
                strvals::parse_into(text, reader, &mut table)
                    .map_err(|error| ValuesError::Set { flag, error })?;
            }
        }
        for text in &self.set_literal {
            strvals::parse_literal_into(text, &mut table)
                .map_err(|error| ValuesError::Set { flag: "set-literal", error })?;
        }
        Ok(Values { table })
    }
}

fn set_json(text: &str, table: &mut Table) -> Result<(), ValuesError> {
    let trimmed = text.trim();
    if !trimmed.starts_with('{') {
        return strvals::parse_json_into(text, table)
            .map_err(|_| ValuesError::Json(text.to_owned()));
    }
    match serde_json::from_str(trimmed).map(|json| from_json(&json)) {
        Ok(Value::Map(entries)) => merge_tables(table, entries),
        _ => return Err(ValuesError::JsonObject(text.to_owned())),
    }
    Ok(())
}

/// JSON as values; every number is a `float64`.
pub(crate) fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Bool(*truth),
        serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap_or_default()),
        serde_json::Value::String(text) => Value::String(text.as_str().into()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(from_json).collect()),
        serde_json::Value::Object(entries) => {
            let mut table = Table::new();
            for (key, value) in entries {
                insert(&mut table, key, from_json(value));
            }
            Value::Map(table)
        }
    }
}

/// Reads one or several documents, each a table or nothing, merged in order (Helm's `LoadValues`).
pub(crate) fn read_documents(text: &[u8]) -> Result<Table, DocumentsError> {
    let mut table = Table::new();
    for document in split(text)? {
        match goyaml::read(&document).map_err(DocumentsError::Yaml)? {
            Value::Null => {}
            Value::Map(mut entries) => {
                entries.iter_mut().for_each(|(_, value)| make_numbers_float(value));
                merge_tables(&mut table, entries);
            }
            value => return Err(DocumentsError::NoTable(value.json_kind())),
        }
    }
    Ok(table)
}

fn make_numbers_float(value: &mut Value) {
    match value {
        Value::List(items) => items.iter_mut().for_each(make_numbers_float),
        Value::Map(entries) => {
            entries.iter_mut().for_each(|(_, value)| make_numbers_float(value));
        }
        Value::Int(_) | Value::Uint(_) => {
            *value = Value::Float(value.as_f64().unwrap_or_default());
        }
        Value::Null | Value::Bool(_) | Value::Float(_) | Value::String(_) => {}
    }
}

/// The documents of a text, each line ending in `\n` (Kubernetes' `YAMLReader`).
pub(crate) fn split(text: &[u8]) -> Result<Vec<Cow<'_, [u8]>>, DocumentsError> {
    let newline = One::new(b'\n');
    let is_one = !text.contains(&b'\r')
        && !text.starts_with(b"---")
        && !newline.iter(text).any(|at| text[at + 1..].starts_with(b"---"));
    if is_one && text.ends_with(b"\n") {
        return Ok(vec![Cow::Borrowed(text)]);
    }
    let mut documents = Vec::new();
    let mut document = Vec::with_capacity(text.len() + 1);
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let ends = newline.iter(body).chain([body.len()]);
    let mut start = 0;
    for end in ends.take_while(|_| !text.is_empty()) {
        let line = &body[start..end];
        start = end + 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(rest) = line.strip_prefix(b"---") {
            let rest = String::from_utf8_lossy(rest);
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                return Err(DocumentsError::Separator(rest.to_owned()));
            }
            if !document.is_empty() {
                documents.push(Cow::Owned(std::mem::take(&mut document)));
                continue;
            }
        }
        document.extend_from_slice(line);
        document.push(b'\n');
    }
    if !document.is_empty() {
        documents.push(Cow::Owned(document));
    }
    Ok(documents)
}

/// Merges tables, the second winning (Helm's `MergeMaps`). Nulls are values like any other.
pub(crate) fn merge_tables(table: &mut Table, over: Table) {
    if table.is_empty() {
        *table = over;
        return;
    }
    for (key, value) in over {
        match (get_mut(table, &key), value) {
            (Some(Value::Map(below)), Value::Map(over)) => merge_tables(below, over),
            (_, value) => insert(table, &key, value),
        }
    }
}

pub(crate) fn get_mut<'t>(table: &'t mut Table, key: &str) -> Option<&'t mut Value> {
    let place = table.binary_search_by(|(name, _)| (**name).cmp(key)).ok()?;
    Some(&mut table[place].1)
}

pub(crate) fn insert(table: &mut Table, key: &str, value: Value) {
    match table.binary_search_by(|(name, _)| (**name).cmp(key)) {
        Ok(place) => table[place].1 = value,
        Err(place) => table.insert(place, (key.into(), value)),
    }
}

pub(crate) fn remove(table: &mut Table, key: &str) -> Option<Value> {
    let place = table.binary_search_by(|(name, _)| (**name).cmp(key)).ok()?;
    Some(table.remove(place).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(table: Table) -> String {
        goyaml::print_v2(&Value::Map(table))
    }

    #[test]
    fn documents_are_merged() {
        let table =
            read_documents(b"a: {x: 1, z: 1}\r\n--- # second\na: {z: 2}\nb: null\n").unwrap();
        assert_eq!(print(table), "a:\n  x: 1\n  z: 2\nb: null\n");
        assert_eq!(read_documents(b"").unwrap(), Table::new());
        assert_eq!(read_documents(b"---\n---\na: 1\n").unwrap().len(), 1);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let text = |text: &[u8]| read_documents(text).unwrap_err().to_string();
        assert!(
            text(b"- a")
                .ends_with("cannot unmarshal array into Go value of type map[string]interface {}")
        );
        assert!(text(b"--- a: 1\n").ends_with("invalid Yaml document separator: a: 1"));
    }

    #[test]
    fn kinds_apply_in_their_own_order() {
        let sources = ValueSources {
            files: vec![("a".to_owned(), b"a: 1\nb: {c: 1}".to_vec())],
            set_json: vec!["{\"b\": {\"d\": 2}}".to_owned(), "l=[1,2] ,m=null".to_owned()],
            set: vec!["b.c=2,e=1".to_owned()],
            set_string: vec!["e=7".to_owned()],
            set_literal: vec!["f=a,b=\\c".to_owned()],
            ..ValueSources::default()
        };
        let values = sources.merge(&|_| Err("no files".to_owned())).unwrap();
        assert_eq!(
            print(values.table),
            "a: 1\nb:\n  c: 2\n  d: 2\ne: \"7\"\nf: a,b=\\c\nl:\n- 1\n- 2\nm: null\n"
        );
    }
}
