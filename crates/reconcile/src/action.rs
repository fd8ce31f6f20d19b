//! What a decision asks for: effects as values, which `controllers` carries out without choosing.

use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    kinds::Kind,
    object,
    world::{Key, key_of},
};

/// One effect.
///
/// A decision's actions are carried out in order; neighbours that create, delete, bind or look run together;
/// the first that fails ends the list.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Create {
        kind: Kind,
        object: Value,
        report: Option<Report>,
    },
    /// A merge patch, refused when the object has changed since the decision.
    Patch {
        target: Target,
        part: Part,
        patch: Value,
    },
    Delete {
        target: Target,
        propagation: Option<Propagation>,
        report: Option<Report>,
    },
    /// Deletes what the server holds of a kind in a namespace.
    DeleteCollection {
        kind: Kind,
        namespace: String,
    },
    /// Takes the finalizer out of a namespace that is empty.
    FinalizeNamespace {
        target: Target,
        /// Those that stay.
        finalizers: Vec<String>,
    },
    Bind {
        target: Target,
        node: String,
        report: Option<Report>,
    },
    /// Asks the server whether an object that the world lacks exists.
    Look {
        target: Target,
    },
    Record(Notice),
    MakeFolder(PathBuf),
    RemoveFolder(PathBuf),
    /// Decide again at this time, though nothing may have happened.
    Requeue {
        at: Timestamp,
    },
}

/// The object that an action is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub key: Key,
    pub uid: String,
    /// Where it is set, the action holds for this version alone.
    pub resource_version: Option<String>,
}

impl Target {
    /// The object, whatever has happened to it since.
    pub fn of(kind: Kind, object: &Value) -> Self {
        Self {
            key: key_of(kind, object),
            uid: object::uid(object).to_owned(),
            resource_version: None,
        }
    }

    /// The object in the version that was decided on.
    pub fn exact(kind: Kind, object: &Value) -> Self {
        Self {
            resource_version: Some(object::resource_version(object).to_owned()),
            ..Self::of(kind, object)
        }
    }
}

/// What a patch is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Whole,
    Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    Background,
    Foreground,
    Orphan,
}

/// An event to record on an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// A `v1.ObjectReference`.
    pub about: Value,
    pub is_warning: bool,
    pub reason: String,
    pub message: String,
    pub component: &'static str,
}

impl Notice {
    pub fn normal(component: &'static str, about: Value, reason: &str, message: String) -> Self {
        Self { about, is_warning: false, reason: reason.to_owned(), message, component }
    }

    pub fn warning(component: &'static str, about: Value, reason: &str, message: String) -> Self {
        Self { about, is_warning: true, reason: reason.to_owned(), message, component }
    }
}

/// The events that tell how a creation or a deletion went; `{}` stands for the name, or for the error.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub about: Value,
    pub component: &'static str,
    pub done: Option<(&'static str, String)>,
    pub failed: Option<(&'static str, String)>,
}

impl Report {
    pub fn done(&self, name: &str) -> Option<Notice> {
        let (reason, text) = self.done.as_ref()?;
        Some(Notice::normal(
            self.component,
            self.about.clone(),
            reason,
            text.replacen("{}", name, 1),
        ))
    }

    pub fn failed(&self, error: &str) -> Option<Notice> {
        let (reason, text) = self.failed.as_ref()?;
        Some(Notice::warning(
            self.component,
            self.about.clone(),
            reason,
            text.replacen("{}", error, 1),
        ))
    }
}

/// The `v1.ObjectReference` of an object.
pub(crate) fn reference(kind: Kind, object: &Value) -> Value {
    let mut reference = json!({
        "apiVersion": kind.api_version(),
        "kind": kind.kind,
        "name": object::name(object),
        "uid": object::uid(object),
        "resourceVersion": object::resource_version(object),
    });
    if kind.is_namespaced {
        reference["namespace"] = object::namespace(object).into();
    }
    reference
}

/// The merge patch that turns one value into the other, or nothing when they are equal.
pub(crate) fn difference(old: &Value, new: &Value) -> Option<Value> {
    if old == new {
        return None;
    }
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        return Some(new.clone());
    };
    let mut patch = Map::new();
    for (key, value) in new {
        match old.get(key) {
            None => {
                patch.insert(key.clone(), value.clone());
            }
            Some(before) => {
                if let Some(change) = difference(before, value) {
                    patch.insert(key.clone(), change);
                }
            }
        }
    }
    for key in old.keys().filter(|it| !new.contains_key(*it)) {
        patch.insert(key.clone(), Value::Null);
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// Writes the parts outside the status that `new` changes.
pub(crate) fn update(kind: Kind, old: &Value, new: &Value) -> Option<Action> {
    let patch = difference(old, new)?;
    Some(Action::Patch { target: Target::exact(kind, old), part: Part::Whole, patch })
}

/// Writes a new status, when it differs.
pub(crate) fn update_status(kind: Kind, object: &Value, status: &Value) -> Option<Action> {
    let old =
        object.get("status").filter(|it| it.is_object()).cloned().unwrap_or_else(|| json!({}));
    let patch = difference(&old, status)?;
    Some(Action::Patch {
        target: Target::exact(kind, object),
        part: Part::Status,
        patch: json!({ "status": patch }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn difference_is_a_merge_patch() {
        let old = json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [1]});
        let new = json!({"a": 1, "b": {"c": 4}, "e": [1, 2], "f": 5});
        assert_eq!(
            difference(&old, &new),
            Some(json!({"b": {"c": 4, "d": null}, "e": [1, 2], "f": 5}))
        );
        assert_eq!(difference(&new, &new), None);
    }
}
