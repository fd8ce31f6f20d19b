//! The entries of `metadata.managedFields`: one for each manager, operation and subresource.

use std::collections::{BTreeMap, btree_map};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Writer, set::FieldSet};
use crate::meta;

const UPDATES_MAX: usize = 10;
const ANCIENT: &str = "ancient-changes";

/// What tells entries apart, in the order in which conflicts list them. An applier is the same in every version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    manager: String,
    is_update: bool,
    /// Empty for an applier.
    api_version: String,
    subresource: String,
}

impl Id {
    pub(super) fn apply(writer: &Writer<'_>) -> Self {
        Self {
            is_update: false,
            manager: writer.manager.to_owned(),
            subresource: writer.subresource.to_owned(),
            api_version: String::new(),
        }
    }

    pub(super) fn update(writer: &Writer<'_>) -> Self {
        Self { is_update: true, api_version: writer.api_version.to_owned(), ..Self::apply(writer) }
    }

    /// The owner as conflicts name it.
    pub(super) fn print(&self, api_version: &str) -> String {
        let mut text = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            text = format!("{text} with subresource {:?}", self.subresource);
        }
        if self.is_update { format!("{text} using {api_version}") } else { text }
    }
}

/// What a manager owns, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) api_version: String,
    pub(super) time: Option<Timestamp>,
    pub(super) set: FieldSet,
}

impl Entry {
    pub(super) fn new(writer: &Writer<'_>, set: FieldSet) -> Self {
        Self { api_version: writer.api_version.to_owned(), time: Some(writer.now), set }
    }

    fn seconds(&self) -> i64 {
        self.time.map_or(0, Timestamp::as_second)
    }
}

/// All entries of an object.
#[derive(Debug, Clone, Default)]
pub(super) struct Entries {
    by_id: BTreeMap<Id, Entry>,
}

impl Entries {
    /// Reads an object's entries; `None` when there is no object, or one of them is ill-formed.
    pub(super) fn decode(object: Option<&Value>) -> Option<Self> {
        let listed = object?["metadata"]["managedFields"].as_array();
        let mut by_id = BTreeMap::new();
        for entry in listed.into_iter().flatten() {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            let is_update = match entry["operation"].as_str()? {
                "Apply" => false,
                "Update" => true,
                _ => return None,
            };
            let api_version = text("apiVersion");
            if api_version.is_empty() || entry["fieldsType"] != "FieldsV1" {
                return None;
            }
            let id = Id {
                is_update,
                manager: text("manager"),
                subresource: text("subresource"),
                api_version: if is_update { api_version.clone() } else { String::new() },
            };
            let time = meta::timestamp(&entry["time"]);
            by_id.insert(
                id,
                Entry { api_version, time, set: FieldSet::from_json(&entry["fieldsV1"]) },
            );
        }
        Some(Self { by_id })
    }

    /// Writes the entries as the real server orders them; without any the object has no `managedFields`.
    pub(super) fn encode_into(&self, object: &mut Value) {
        let metadata = meta::metadata_mut(object);
        if self.by_id.is_empty() {
            metadata.remove("managedFields");
            return;
        }
        let mut sorted: Vec<(&Id, &Entry)> = self.by_id.iter().collect();
        sorted.sort_by_key(|(id, entry)| {
            (id.is_update, entry.seconds(), &id.manager, &entry.api_version, &id.subresource)
        });
        let encoded: Vec<Value> = sorted.into_iter().map(|(id, entry)| encode(id, entry)).collect();
        metadata.insert("managedFields".to_owned(), encoded.into());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(super) fn get(&self, id: &Id) -> Option<&Entry> {
        self.by_id.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &Id) -> Option<&mut Entry> {
        self.by_id.get_mut(id)
    }

    pub(super) fn insert(&mut self, id: Id, entry: Entry) {
        self.by_id.insert(id, entry);
    }

    pub(super) fn remove(&mut self, id: &Id) {
        self.by_id.remove(id);
    }

    pub(super) fn values(&self) -> btree_map::Values<'_, Id, Entry> {
        self.by_id.values()
    }

    pub(super) fn iter_mut(&mut self) -> btree_map::IterMut<'_, Id, Entry> {
        self.by_id.iter_mut()
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&Id, &mut Entry) -> bool) {
        self.by_id.retain(keep);
    }

    /// Whether the same managers own the same fields, whatever the times.
    pub(super) fn is_same_but_times(&self, other: &Self) -> bool {
        let plain = |it: &Self| -> Vec<(Id, String, FieldSet)> {
            let entries = it.by_id.iter();
            entries.map(|(id, it)| (id.clone(), it.api_version.clone(), it.set.clone())).collect()
        };
        plain(self) == plain(other)
    }

    /// Merges the oldest Update entries of a version into one when there are more than ten.
    ///
    /// Source: `k8s.io/apimachinery` 0.34, `pkg/util/managedfields/internal/capmanagers.go`.
    pub(super) fn cap_updates(&mut self) {
        let mut updates: Vec<Id> = self.by_id.keys().filter(|it| it.is_update).cloned().collect();
        let mut n_updates = updates.len();
        updates.sort_by_key(|id| (self.by_id.get(id).map_or(0, Entry::seconds), id.clone()));
        let mut first_of: BTreeMap<String, Id> = BTreeMap::new();
        for id in updates {
            if n_updates <= UPDATES_MAX {
                break;
            }
            let bucket =
                Id { manager: ANCIENT.to_owned(), subresource: String::new(), ..id.clone() };
            let Some(first) = first_of.get(&id.api_version).cloned() else {
                first_of.insert(id.api_version.clone(), id);
                continue;
            };
            if !self.by_id.contains_key(&bucket)
                && let Some(entry) = self.by_id.remove(&first)
            {
                self.by_id.insert(bucket.clone(), entry);
            }
            if id != bucket
                && let Some(entry) = self.by_id.remove(&id)
                && let Some(place) = self.by_id.get_mut(&bucket)
            {
                place.set = place.set.union(&entry.set);
                place.time = entry.time;
                n_updates -= 1;
            }
        }
    }
}

fn encode(id: &Id, entry: &Entry) -> Value {
    let mut encoded = json!({
        "manager": id.manager,
        "operation": if id.is_update { "Update" } else { "Apply" },
        "apiVersion": entry.api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": entry.set.to_json(),
    });
    if let Some(time) = entry.time {
        encoded["time"] = meta::time(time).into();
    }
    if !id.subresource.is_empty() {
        encoded["subresource"] = id.subresource.as_str().into();
    }
    encoded
}
