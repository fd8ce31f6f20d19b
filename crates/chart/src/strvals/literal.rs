//! The language of `--set-literal`: what follows the first `=` is the value, as it is.

use goyaml::Value;

use super::{NESTING_MAX, Parsed, StrvalsError, parse_index, set, set_index, wrong_type};
use crate::values::{Table, remove};

/// Sets what a text says: `a.b[0]=anything`.
pub(crate) fn parse_literal_into(text: &str, table: &mut Table) -> Parsed {
    match key(text, table, 0) {
        Err(StrvalsError::End) => Ok(()),
        result => result,
    }
}

/// Everything up to a stop, the stop, and the rest.
fn until<'t>(text: &'t str, stops: &[char]) -> (&'t str, Option<char>, &'t str) {
    match text.find(stops) {
        None => (text, None, ""),
        Some(place) => (&text[..place], text[place..].chars().next(), &text[place + 1..]),
    }
}

fn key(text: &str, table: &mut Table, nesting: usize) -> Parsed {
    let (key, stop, rest) = until(text, &['=', '[', '.']);
    match stop {
        None if key.is_empty() => Err(StrvalsError::End),
        None => Err(StrvalsError::NoValue(key.to_owned())),
        Some('=') => {
            set(table, key, Value::String(rest.into()));
            Ok(())
        }
        Some('.') => {
            if NESTING_MAX <= nesting {
                return Err(StrvalsError::TooNested);
            }
            let (mut inner, existed) = match remove(table, key) {
                None => (Table::new(), false),
                Some(Value::Map(entries)) => (entries, true),
                Some(value) => return Err(wrong_type(&value, "map[string]interface {}")),
            };
            let result = self::key(rest, &mut inner, nesting + 1);
            let is_empty = inner.is_empty();
            if !is_empty || existed {
                set(table, key, Value::Map(inner));
            }
            match result {
                Ok(()) if is_empty => Err(StrvalsError::EmptyMap(key.to_owned())),
                result => result,
            }
        }
        Some(_) => {
            let (index, rest) = index(rest)?;
            let mut list = match remove(table, key) {
                None => Vec::new(),
                Some(Value::List(items)) => items,
                Some(value) => return Err(wrong_type(&value, "[]interface {}")),
            };
            let result = list_item(rest, &mut list, index, nesting);
            set(table, key, Value::List(list));
            result
        }
    }
}

fn index(text: &str) -> Parsed<(i64, &str)> {
    match until(text, &[']']) {
        (_, None, _) => Err(StrvalsError::End),
        (digits, Some(_), rest) => Ok((parse_index(digits)?, rest)),
    }
}

fn list_item(text: &str, list: &mut Vec<Value>, place: i64, nesting: usize) -> Parsed {
    let position = usize::try_from(place).map_err(|_| StrvalsError::NegativeIndex(place))?;
    let (before, stop, rest) = until(text, &['[', '.', '=']);
    if !before.is_empty() {
        return Err(StrvalsError::AfterIndex(before.to_owned()));
    }
    match stop {
        None => Err(StrvalsError::End),
        Some('=') => set_index(list, place, Value::String(rest.into())),
        Some('.') => {
            let existing = list.get_mut(position);
            let existed = existing.is_some();
            let mut inner = match existing.map(std::mem::take) {
                Some(Value::Map(entries)) => entries,
                _ => Table::new(),
            };
            let result = key(rest, &mut inner, nesting);
            if existed || result.is_ok() {
                set_index(list, place, Value::Map(inner))?;
            }
            result
        }
        Some(_) => {
            let (next, rest) = index(rest)?;
            let mut inner = match list.get_mut(position).map(std::mem::take) {
                None | Some(Value::Null) => Vec::new(),
                Some(Value::List(items)) => items,
                Some(value) => return Err(wrong_type(&value, "[]interface {}")),
            };
            list_item(rest, &mut inner, next, nesting)?;
            set_index(list, place, Value::List(inner))
        }
    }
}
