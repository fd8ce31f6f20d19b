//! Garbage collection: objects whose owners are gone, and owners that wait for their dependents.
//!
//! Source: Kubernetes 1.34, `pkg/controller/garbagecollector`.

use serde_json::{Value, json};

use crate::{
    action::{Action, Part, Propagation, Target},
    claim,
    facts::Facts,
    kinds::Kind,
    object,
    world::Key,
};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// Decides on one object of any kind.
pub(crate) fn garbage(facts: &Facts<'_>, key: &Key) -> Vec<Action> {
    let Some(object) = facts.world.get(key) else { return Vec::new() };
    if !object::is_deleted(object) {
        return collect(facts, key, object);
    }
    if object::has_finalizer(object, ORPHAN) {
        orphan_dependents(facts, key, object)
    } else if object::has_finalizer(object, FOREGROUND) {
        await_dependents(facts, key, object)
    } else {
        Vec::new()
    }
}

/// What is known of one owner.
enum Owner {
    Alive,
    /// Being deleted in the foreground, waiting for this object among others.
    Waiting,
    Gone,
    Unknown(Target),
}

fn owner(facts: &Facts<'_>, object: &Value, reference: &Value) -> Owner {
    let uid = object::str_at(reference, "uid");
    let kind =
        Kind::named(object::str_at(reference, "apiVersion"), object::str_at(reference, "kind"));
    // A kind that is not watched, a custom one, cannot be told to be gone.
    let Some(kind) = kind else { return Owner::Alive };
    let namespace = if kind.is_namespaced { object::namespace(object) } else { "" };
    match facts.world.by_uid(uid) {
        Some(owner) if object::namespace(owner) != namespace => Owner::Gone,
        Some(owner) if object::is_deleted(owner) && object::has_finalizer(owner, FOREGROUND) => {
            Owner::Waiting
        }
        Some(_) => Owner::Alive,
        None if facts.world.is_absent(uid) => Owner::Gone,
        None => {
            let key = Key::new(kind, namespace, object::str_at(reference, "name"));
            Owner::Unknown(Target { key, uid: uid.to_owned(), resource_version: None })
        }
    }
}

fn collect(facts: &Facts<'_>, key: &Key, object: &Value) -> Vec<Action> {
    let references = object::owner_references(object);
    if references.is_empty() {
        return Vec::new();
    }
    let (mut alive, mut is_waiting, mut unknown) = (Vec::new(), false, Vec::new());
    for reference in references {
        match owner(facts, object, reference) {
            Owner::Alive => alive.push(reference),
            Owner::Waiting => is_waiting = true,
            Owner::Gone => {}
            Owner::Unknown(target) => unknown.push(Action::Look { target }),
        }
    }
    if !unknown.is_empty() {
        return unknown;
    }
    if !alive.is_empty() {
        if alive.len() == references.len() {
            return Vec::new();
        }
        let patch = json!({ "metadata": { "ownerReferences": alive } });
        return vec![Action::Patch {
            target: Target::exact(key.kind, object),
            part: Part::Whole,
            patch,
        }];
    }
    let has_dependents = facts.world.dependents(object::uid(object)).next().is_some();
    let propagation = if is_waiting && has_dependents || object::has_finalizer(object, FOREGROUND) {
        Propagation::Foreground
    } else if object::has_finalizer(object, ORPHAN) {
        Propagation::Orphan
    } else {
        Propagation::Background
    };
    let target = Target::exact(key.kind, object);
    vec![Action::Delete { target, propagation: Some(propagation), report: None }]
}

fn orphan_dependents(facts: &Facts<'_>, key: &Key, owner: &Value) -> Vec<Action> {
    let uid = object::uid(owner);
    let releases: Vec<Action> = facts
        .world
        .dependents(uid)
        .map(|(key, object)| claim::release(key.kind, object, uid))
        .collect();
    if releases.is_empty() { vec![drop_finalizer(key, owner, ORPHAN)] } else { releases }
}

/// The finalizer goes when no dependent blocks it any more; the dependents themselves are collected one by one.
fn await_dependents(facts: &Facts<'_>, key: &Key, owner: &Value) -> Vec<Action> {
    let uid = object::uid(owner);
    let is_blocked = facts.world.dependents(uid).any(|(_, object)| {
        object::owner_references(object)
            .iter()
            .any(|it| it["uid"] == uid && it["blockOwnerDeletion"] == true)
    });
    if is_blocked { Vec::new() } else { vec![drop_finalizer(key, owner, FOREGROUND)] }
}

/// Takes one finalizer out of an object's list.
pub(crate) fn drop_finalizer(key: &Key, object: &Value, finalizer: &str) -> Action {
    let kept: Vec<&Value> = object::list_at(object, "metadata.finalizers")
        .iter()
        .filter(|it| *it != finalizer)
        .collect();
    let finalizers = if kept.is_empty() { Value::Null } else { json!(kept) };
    let patch = json!({ "metadata": { "finalizers": finalizers } });
    Action::Patch { target: Target::exact(key.kind, object), part: Part::Whole, patch }
}
