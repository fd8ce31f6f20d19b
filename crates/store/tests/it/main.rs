//! The store from outside: one suite on memory and on disk, recovery from every cut, and a model.

#![expect(clippy::disallowed_methods, reason = "recovery is tested by damaging the store's files")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod conformance;
mod model;
mod recovery;

use serde_json::{Value, json};
use store::{Limits, Store};
use tempfile::TempDir;

/// A store and the folder that must outlive it.
struct Subject {
    store: Store,
    _dir: Option<TempDir>,
}

/// The same store in memory and on disk.
fn subjects(limits: Limits) -> [Subject; 2] {
    let dir = tempfile::tempdir().unwrap();
    let on_disk = Store::open_with(dir.path(), limits).unwrap();
    [
        Subject { store: Store::in_memory_with(limits), _dir: None },
        Subject { store: on_disk, _dir: Some(dir) },
    ]
}

fn object(text: &str) -> Value {
    json!({ "metadata": { "name": text } })
}

/// What a store holds, in short: key, name, revisions.
fn contents(store: &Store) -> Vec<(String, String, u64, u64)> {
    let (entries, _) = store.list("/");
    let short = |entry: store::Entry| {
        let name = entry.object()["metadata"]["name"].as_str().unwrap().to_owned();
        assert_eq!(
            entry.object()["metadata"]["resourceVersion"],
            json!(entry.mod_revision.to_string())
        );
        (entry.key.to_string(), name, entry.create_revision, entry.mod_revision)
    };
    entries.into_iter().map(short).collect()
}
