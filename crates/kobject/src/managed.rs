//! Who owns which field: `metadata.managedFields`, and server-side apply, which merges by it.
//!
//! Source: `sigs.k8s.io/structured-merge-diff` 6.3 and `k8s.io/apimachinery` 0.34, `pkg/util/managedfields`.
//! Entries written at another version of the kind are read as if they named the same fields.

use jiff::Timestamp;
use serde_json::Value;
use thiserror::Error;

use crate::{
    meta,
    schema::{Schema, prune},
};

mod check;
mod entries;
mod reset;
mod set;
mod walk;

pub use set::FieldSet;

use entries::{Entries, Entry, Id};
use walk::{Comparison, compare, field_set, merge, remove};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Stands for the writer while an update is worked out, so that its older entry is treated like others'.
const SELF: &str = "current-operation";
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Who writes, through what, and when.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'a> {
    /// The field manager: `helm`.
    pub manager: &'a str,
    /// The version in which the object is written.
    pub api_version: &'a str,
    /// The subresource that is written to; empty for the object itself.
    pub subresource: &'a str,
    /// The time of the write.
    pub now: Timestamp,
}

/// Why an object cannot be applied; prints as the real server words it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ApplyError {
    /// Others own fields that would change (409, reason `Conflict`).
    #[error("{}", conflict_text(conflicts))]
    Conflicts {
        /// One for each owner and field, sorted by owner.
        conflicts: Vec<Conflict>,
    },
    /// The applied object names its managed fields (400).
    #[error("metadata.managedFields must be nil")]
    HasManagedFields,
    /// The applied object is of another version than the request (400).
    #[error(
        "Incorrect version specified in apply patch. Specified patch version: {found}, expected: {expected}"
    )]
    Version {
        /// The `apiVersion` of the applied object.
        found: String,
        /// That of the request.
        expected: String,
    },
    /// The applied object does not fit the schema (500, as the real server answers).
    #[error("failed to create typed patch object ({object}): {problems}")]
    Typed {
        /// `namespace/name; group/version, Kind=kind`.
        object: String,
        /// One problem, or a list that begins with `errors:`.
        problems: String,
    },
}

/// A field that another manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The owner as messages name it: `"kubectl" using apps/v1`.
    pub manager: String,
    /// The field: `.spec.template.spec.containers[name="web"].image`.
    pub path: String,
}

impl Conflict {
    /// The message of the `FieldManagerConflict` cause in the Status.
    pub fn message(&self) -> String {
        format!("conflict with {}", self.manager)
    }
}

fn conflict_text(conflicts: &[Conflict]) -> String {
    if let [only] = conflicts {
        return format!(
            "Apply failed with 1 conflict: conflict with {}: {}",
            only.manager, only.path
        );
    }
    let mut lines = Vec::new();
    for (conflict_idx, conflict) in conflicts.iter().enumerate() {
        let is_first = conflict_idx == 0 || conflicts[conflict_idx - 1].manager != conflict.manager;
        if is_first {
            lines.push(format!("conflicts with {}:", conflict.manager));
        }
        lines.push(format!("- {}", conflict.path));
    }
    format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
}

/// Applies a configuration to an object, or makes the object, and records what the writer now owns.
///
/// Fields that the writer applied before, does not apply now, and nobody else owns are removed.
/// The answer is not defaulted; when nothing changes it is the live object, times included.
/// `force` takes fields from others instead of failing.
///
/// # Errors
/// See [`ApplyError`]; conflicts only without `force`.
pub fn apply(
    schema: &Schema,
    live: Option<&Value>,
    applied: &Value,
    writer: &Writer<'_>,
    force: bool,
) -> Result<Value, ApplyError> {
    check_applied(schema, applied, writer)?;
    let empty = schema.empty_object();
    let live_object = without_managed_fields(live.unwrap_or(&empty));
    let mut entries = Entries::decode(live).unwrap_or_default();
    if entries.is_empty() && live.is_some() {
        let before = Writer { manager: BEFORE_FIRST_APPLY, subresource: "", ..*writer };
        update_entries(schema, &empty, &live_object, &before, &mut entries);
    }
    let mut merged = apply_entries(schema, &live_object, applied, writer, (&mut entries, force))?;
    prune(schema, &mut merged);
    if writer.manager == "kubectl" {
        update_last_applied(&mut merged, applied);
    }
    if let Some(live) = live
        && merged == live_object
        && entries.is_same_but_times(&Entries::decode(Some(live)).unwrap_or_default())
    {
        return Ok(live.clone());
    }
    entries.encode_into(&mut merged);
    Ok(merged)
}

fn check_applied(schema: &Schema, applied: &Value, writer: &Writer<'_>) -> Result<(), ApplyError> {
    if meta::api_version(applied) != writer.api_version {
        return Err(ApplyError::Version {
            found: meta::api_version(applied).to_owned(),
            expected: writer.api_version.to_owned(),
        });
    }
    if !applied["metadata"]["managedFields"].is_null() {
        return Err(ApplyError::HasManagedFields);
    }
    check::check_typed(schema, applied)
}

/// Merges, prunes and settles who owns what; leaves `managedFields` to the caller.
fn apply_entries(
    schema: &Schema,
    live: &Value,
    applied: &Value,
    writer: &Writer<'_>,
    (entries, force): (&mut Entries, bool),
) -> Result<Value, ApplyError> {
    let root = schema.root();
    let reset = reset::fields(schema, writer.subresource);
    let merged = merge(root, Some(live), Some(applied)).unwrap_or(Value::Null);
    let id = Id::apply(writer);
    let last = entries.get(&id).map(|it| it.set.clone()).unwrap_or_default();
    let set = field_set(root, applied).recursive_difference(&reset);
    // What is applied again stays, so mostly there is nothing to remove.
    let is_pruned = !last.difference(&set).is_empty();
    entries.insert(id.clone(), Entry::new(writer, set));
    let merged = if is_pruned { prune_unowned(schema, &merged, &last, entries) } else { merged };
    let changes = compare(root, live, &merged).without(&reset);
    let conflicts = settle(&changes, &id, entries);
    if !force && !conflicts.is_empty() {
        return Err(ApplyError::Conflicts { conflicts });
    }
    strip(&id, entries);
    Ok(merged)
}

/// Removes what was applied last time and is now owned by nobody.
fn prune_unowned(schema: &Schema, merged: &Value, last: &FieldSet, entries: &Entries) -> Value {
    let root = schema.root();
    let last = last.with_named_members(root);
    let pruned = remove(root, merged, &last);
    // What others, or the new configuration, own comes back.
    let all = field_set(root, merged).with_named_members(root);
    let kept = field_set(root, &pruned).with_named_members(root);
    let mut owned = FieldSet::default();
    for entry in entries.values() {
        owned = owned.union(&entry.set);
    }
    let owned = kept.union(&owned.with_named_members(root));
    let pruned = remove(root, merged, &all.difference(&owned));
    // So does what lies beneath a removed field and was never this writer's.
    let kept = field_set(root, &pruned).with_named_members(root);
    remove(root, merged, &all.difference(&kept).intersection(&last))
}

/// Takes changed fields from their other owners; returns what was taken that had not to be given up.
fn settle(changes: &Comparison, id: &Id, entries: &mut Entries) -> Vec<Conflict> {
    let changed = changes.modified.union(&changes.added);
    let mut conflicts = Vec::new();
    for (other, entry) in entries.iter_mut().filter(|(other, _)| *other != id) {
        let taken = entry.set.intersection(&changed);
        let manager = other.print(&entry.api_version);
        let paths = taken.paths().into_iter();
        conflicts.extend(paths.map(|path| Conflict { manager: manager.clone(), path }));
        entry.set = entry.set.difference(&taken).difference(&changes.removed);
    }
    entries.retain(|_, it| !it.set.is_empty());
    conflicts
}

/// Identity and bookkeeping are nobody's.
fn strip(id: &Id, entries: &mut Entries) {
    if let Some(entry) = entries.get_mut(id) {
        entry.set = entry.set.difference(&reset::unmanaged());
        if entry.set.is_empty() {
            entries.remove(id);
        }
    }
}

/// The new object with `managedFields` that record this write as an Update by the writer.
///
/// `new` is what was sent or patched, after defaulting and before admission and allocation, whose additions
/// nobody owns on the real server either. Its own `managedFields` are taken
/// when it names some (an empty list clears them, and nothing is recorded), else those of the live object;
/// always the latter on a subresource. An object that has none keeps having none.
pub fn update(schema: &Schema, live: Option<&Value>, new: Value, writer: &Writer<'_>) -> Value {
    let mut entries = entries_of_update(live, &new, writer);
    let mut new = new;
    if let Some(metadata) = new.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    if entries.is_empty() && live.is_some_and(|it| !meta::uid(it).is_empty()) {
        return new;
    }
    let empty = schema.empty_object();
    let live = without_managed_fields(live.unwrap_or(&empty));
    update_entries(schema, &live, &new, writer, &mut entries);
    entries.cap_updates();
    entries.encode_into(&mut new);
    new
}

fn entries_of_update(live: Option<&Value>, new: &Value, writer: &Writer<'_>) -> Entries {
    let of_live = || Entries::decode(live).unwrap_or_default();
    if !writer.subresource.is_empty() {
        return of_live();
    }
    match new["metadata"]["managedFields"].as_array().map(Vec::as_slice) {
        Some([]) => Entries::default(),
        Some([only]) if only.as_object().is_some_and(serde_json::Map::is_empty) => {
            Entries::default()
        }
        _ => Entries::decode(Some(new)).filter(|it| !it.is_empty()).unwrap_or_else(of_live),
    }
}

fn update_entries(
    schema: &Schema,
    live: &Value,
    new: &Value,
    writer: &Writer<'_>,
    entries: &mut Entries,
) {
    let reset = reset::fields(schema, writer.subresource);
    let changes = compare(schema.root(), live, new).without(&reset);
    let own = Id::update(&Writer { manager: SELF, ..*writer });
    settle(&changes, &own, entries);
    let set = changes.modified.union(&changes.added).difference(&reset::unmanaged());
    if set.is_empty() {
        return;
    }
    let id = Id::update(writer);
    let set = entries.get(&id).map(|it| it.set.union(&set)).unwrap_or(set);
    entries.insert(id, Entry::new(writer, set));
}

fn without_managed_fields(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

/// Keeps kubectl's client-side annotation true where an object has one.
fn update_last_applied(merged: &mut Value, applied: &Value) {
    if meta::annotation(merged, LAST_APPLIED).is_none_or(str::is_empty) {
        return;
    }
    let mut applied = applied.clone();
    if let Some(annotations) = applied["metadata"]["annotations"].as_object_mut() {
        annotations.remove(LAST_APPLIED);
    }
    merged["metadata"]["annotations"][LAST_APPLIED] = format!("{applied}\n").into();
}

#[cfg(test)]
mod tests;
