//! What a store holds and tells: entries and events.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

/// One stored object with its revisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: Arc<str>,
    /// The object as compact JSON, `metadata.resourceVersion` being `mod_revision`.
    pub value: Bytes,
    /// The revision that created the key.
    pub create_revision: u64,
    /// The revision of the last write to the key.
    pub mod_revision: u64,
}

impl Entry {
    /// Parses the stored JSON.
    ///
    /// # Panics
    ///
    /// Never: the store serialised it, and recovery checks sums.
    pub fn object(&self) -> Value {
        serde_json::from_slice(&self.value).expect("the store holds what it serialised")
    }
}

/// One write, as a watch tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub revision: u64,
    pub change: Change,
}

/// What a write did to its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Put {
        prev: Option<Entry>,
        now: Entry,
    },
    /// `last` is `prev` with the revision of the deletion stamped into it.
    Delete {
        prev: Entry,
        last: Entry,
    },
}

impl Event {
    pub fn key(&self) -> &Arc<str> {
        &self.entry().key
    }

    /// The object after a put; for a deletion, its last state under the revision of the deletion.
    pub fn entry(&self) -> &Entry {
        match &self.change {
            Change::Put { now, .. } => now,
            Change::Delete { last, .. } => last,
        }
    }

    /// The object before this write.
    pub fn prev(&self) -> Option<&Entry> {
        match &self.change {
            Change::Put { prev, .. } => prev.as_ref(),
            Change::Delete { prev, .. } => Some(prev),
        }
    }
}
