//! The decision of a write: from the current entry and what is wanted to the event, or why not.

use std::{io, path::PathBuf, sync::Arc};

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::entry::{Change, Entry, Event};

/// What a write wants of its key.
#[derive(Debug)]
pub(crate) enum Op {
    Create(Value),
    Update { value: Value, expected: u64 },
    Delete { expected: u64 },
}

/// Why a write did not happen.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WriteError {
    #[error("key `{key}` already exists")]
    AlreadyExists { key: Arc<str> },
    #[error("key `{key}` does not exist")]
    NotFound { key: Arc<str> },
    #[error("key `{key}` is at revision {actual}, not {expected}")]
    Conflict { key: Arc<str>, expected: u64, actual: u64 },
    /// The write was not kept; later ones may succeed once there is room.
    #[error("no space left for the log `{}`", .path.display())]
    DiskFull { path: PathBuf, source: Arc<io::Error> },
    /// The log is in doubt: this write and all later ones are refused until the store is opened again.
    #[error("could not write the log `{}`", .path.display())]
    Append { path: PathBuf, source: Arc<io::Error> },
    #[error("the store is closed")]
    Closed,
}

/// Decides a write that would take `revision`.
pub(crate) fn stage(
    current: Option<&Entry>,
    key: &Arc<str>,
    op: Op,
    revision: u64,
) -> Result<Event, WriteError> {
    let change = match op {
        Op::Create(value) => match current {
            Some(_) => return Err(WriteError::AlreadyExists { key: key.clone() }),
            None => Change::Put { prev: None, now: entry(key, value, revision, revision) },
        },
        Op::Update { value, expected } => {
            let prev = expect_revision(current, key, expected)?;
            let now = entry(key, value, prev.create_revision, revision);
            Change::Put { prev: Some(prev.clone()), now }
        }
        Op::Delete { expected } => {
            let prev = expect_revision(current, key, expected)?;
            let last = entry(key, prev.object(), prev.create_revision, revision);
            Change::Delete { prev: prev.clone(), last }
        }
    };
    Ok(Event { revision, change })
}

fn expect_revision<'a>(
    current: Option<&'a Entry>,
    key: &Arc<str>,
    expected: u64,
) -> Result<&'a Entry, WriteError> {
    match current {
        None => Err(WriteError::NotFound { key: key.clone() }),
        Some(entry) if entry.mod_revision == expected => Ok(entry),
        Some(entry) => {
            Err(WriteError::Conflict { key: key.clone(), expected, actual: entry.mod_revision })
        }
    }
}

fn entry(key: &Arc<str>, mut value: Value, create_revision: u64, mod_revision: u64) -> Entry {
    stamp(&mut value, mod_revision);
    let bytes = serde_json::to_vec(&value).expect("a JSON value always serialises");
    Entry {
        key: key.clone(),
        value: Bytes::from(bytes.into_boxed_slice()),
        create_revision,
        mod_revision,
    }
}

/// Writes the revision where Kubernetes clients read it.
fn stamp(value: &mut Value, revision: u64) {
    let Value::Object(object) = value else { return };
    let metadata = object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(metadata) = metadata {
        metadata.insert("resourceVersion".to_owned(), Value::String(revision.to_string()));
    }
}
