//! Which objects a workload manages: adopting those that its selector matches, releasing those that it no longer does.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    action::{Action, Part, Target},
    kinds::{self, Kind},
    labels, object, pod,
    world::World,
};

/// What a workload owns, and what has to be written before it owns the right things.
#[derive(Debug)]
pub(crate) struct Claim {
    pub owned: Vec<Arc<Value>>,
    pub actions: Vec<Action>,
}

/// Sorts the objects of a kind into owned, to adopt and to release.
///
/// Source: `ClaimObject`, Kubernetes 1.34, `pkg/controller/controller_ref_manager.go`.
pub(crate) fn claim(world: &World, owner_kind: Kind, owner: &Value, child: Kind) -> Claim {
    let selector = labels::selector(object::at(owner, "spec.selector"));
    let is_leaving = object::is_deleted(owner);
    let mut claim = Claim { owned: Vec::new(), actions: Vec::new() };
    for object in world.dependents_of(object::uid(owner), child) {
        if !object::is_controlled_by(object, owner) {
            continue;
        }
        if selector.matches_object(object) {
            claim.owned.push(Arc::clone(object));
        } else if !is_leaving {
            claim.actions.push(release(child, object, object::uid(owner)));
        }
    }
    if !is_leaving {
        let orphans = world.list_in(child, object::namespace(owner));
        let orphans =
            orphans.filter(|it| object::controller_of(it).is_none() && !object::is_deleted(it));
        let orphans = orphans.filter(|it| child != kinds::POD || !pod::is_finished(it));
        let orphans = orphans.filter(|it| selector.matches_object(it));
        claim.actions.extend(
            orphans.map(|it| adopt(child, it, object::controller_reference(owner_kind, owner))),
        );
    }
    claim
}

fn adopt(kind: Kind, object: &Value, owner: Value) -> Action {
    let mut owners = object::owner_references(object).to_vec();
    owners.push(owner);
    let patch = json!({ "metadata": { "ownerReferences": owners } });
    Action::Patch { target: Target::exact(kind, object), part: Part::Whole, patch }
}

/// Takes an owner out of an object's references.
pub(crate) fn release(kind: Kind, object: &Value, owner_uid: &str) -> Action {
    let owners: Vec<&Value> =
        object::owner_references(object).iter().filter(|it| it["uid"] != owner_uid).collect();
    let owners = if owners.is_empty() { Value::Null } else { json!(owners) };
    let patch = json!({ "metadata": { "ownerReferences": owners } });
    Action::Patch { target: Target::exact(kind, object), part: Part::Whole, patch }
}
