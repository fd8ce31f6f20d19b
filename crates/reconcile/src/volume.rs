//! PersistentVolumeClaim and PersistentVolume: binding, the local provisioner, and reclaiming.
//!
//! Source: Kubernetes 1.34, `pkg/controller/volume/persistentvolume` and `.../pvcprotection`.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use kobject::Quantity;
use serde_json::{Value, json};

use crate::{
    action::{self, Action, Notice, Report, Target},
    facts::Facts,
    garbage::drop_finalizer,
    kinds, labels, object, pod,
    world::{Key, World},
};

/// The provisioner whose volumes are folders of this machine.
pub const PROVISIONER: &str = "zarpa.dev/local";
/// The node that the scheduler chose for the first consumer of a claim.
pub(crate) const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
const CLAIM_PROTECTION: &str = "kubernetes.io/pvc-protection";
const VOLUME_PROTECTION: &str = "kubernetes.io/pv-protection";
const COMPONENT: &str = "persistentvolume-controller";

/// The names of the claims that a pod's volumes refer to.
pub(crate) fn claim_names(pod: &Value) -> BTreeSet<String> {
    let volumes = object::list_at(pod, "spec.volumes").iter();
    let named = volumes
        .filter_map(|it| object::at(it, "persistentVolumeClaim.claimName").and_then(Value::as_str));
    named.map(str::to_owned).collect()
}

pub(crate) fn is_bound(claim: &Value) -> bool {
    !object::str_at(claim, "spec.volumeName").is_empty()
        && object::str_at(claim, "status.phase") == "Bound"
}

fn class<'a>(world: &'a World, claim: &Value) -> Option<&'a Arc<Value>> {
    world.find(kinds::STORAGE_CLASS, "", object::str_at(claim, "spec.storageClassName"))
}

pub(crate) fn waits_for_consumer(world: &World, claim: &Value) -> bool {
    class(world, claim)
        .is_some_and(|it| object::str_at(it, "volumeBindingMode") == "WaitForFirstConsumer")
        && object::str_at(claim, "spec.volumeName").is_empty()
        || (object::annotation(claim, SELECTED_NODE).is_some() && !is_bound(claim))
}

fn is_in_use(world: &World, namespace: &str, claim: &str) -> bool {
    let pods = world.list_in(kinds::POD, namespace);
    pods.filter(|it| !pod::is_finished(it)).any(|it| claim_names(it).contains(claim))
}

/// Decides on one claim.
pub(crate) fn claim(facts: &Facts<'_>, key: &Key) -> Vec<Action> {
    let Some(claim) = facts.world.get(key) else { return Vec::new() };
    if object::is_deleted(claim) {
        let is_free = !is_in_use(facts.world, &key.namespace, &key.name);
        return (object::has_finalizer(claim, CLAIM_PROTECTION) && is_free)
            .then(|| drop_finalizer(key, claim, CLAIM_PROTECTION))
            .into_iter()
            .collect();
    }
    match bound_volume(facts.world, claim) {
        Some(volume) => bind(claim, volume),
        None if !object::str_at(claim, "spec.volumeName").is_empty() => {
            claim_phase(claim, "Pending")
        }
        None => match matching_volume(facts.world, claim) {
            Some(volume) if is_due(facts.world, claim) => vec![reserve(claim, volume)],
            _ => provision(facts, claim),
        },
    }
}

/// The volume that is this claim's: named by it, or reserved for it.
fn bound_volume<'a>(world: &'a World, claim: &Value) -> Option<&'a Arc<Value>> {
    let is_ours =
        |volume: &&Arc<Value>| object::str_at(volume, "spec.claimRef.uid") == object::uid(claim);
    match object::str_at(claim, "spec.volumeName") {
        "" => world.list(kinds::PERSISTENT_VOLUME).find(is_ours),
        name => world
            .find(kinds::PERSISTENT_VOLUME, "", name)
            .filter(|it| is_ours(it) || is_for(it, claim)),
    }
}

/// Whether a volume is free, or kept for a claim of this name.
fn is_for(volume: &Value, claim: &Value) -> bool {
    let field = |name: &str| object::str_at(volume, &format!("spec.claimRef.{name}")).to_owned();
    object::at(volume, "spec.claimRef").is_none()
        || (field("uid").is_empty()
            && field("name") == object::name(claim)
            && field("namespace") == object::namespace(claim))
}

fn is_due(world: &World, claim: &Value) -> bool {
    let waits = class(world, claim)
        .is_some_and(|it| object::str_at(it, "volumeBindingMode") == "WaitForFirstConsumer");
    !waits || object::annotation(claim, SELECTED_NODE).is_some()
}

/// The smallest free volume that the claim accepts.
fn matching_volume<'a>(world: &'a World, claim: &Value) -> Option<&'a Arc<Value>> {
    let size = |object: &Value, path: &str| object::at(object, path).and_then(Quantity::from_json);
    let wanted = size(claim, "spec.resources.requests.storage");
    let mode = |object: &Value| match object::str_at(object, "spec.volumeMode") {
        "" => "Filesystem".to_owned(),
        mode => mode.to_owned(),
    };
    let modes = object::list_at(claim, "spec.accessModes");
    let selector = object::at(claim, "spec.selector").map(|it| labels::selector(Some(it)));
    let fits = |volume: &&Arc<Value>| {
        let offered = object::list_at(volume, "spec.accessModes");
        !object::is_deleted(volume)
            && is_for(volume, claim)
            && object::str_at(volume, "spec.storageClassName")
                == object::str_at(claim, "spec.storageClassName")
            && modes.iter().all(|it| offered.contains(it))
            && mode(volume) == mode(claim)
            && size(volume, "spec.capacity.storage") >= wanted
            && selector.as_ref().is_none_or(|it| it.matches_object(volume))
    };
    world.list(kinds::PERSISTENT_VOLUME).filter(fits).min_by_key(|it| {
        (object::at(it, "spec.claimRef").is_none(), size(it, "spec.capacity.storage"))
    })
}

fn claim_reference(claim: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": object::namespace(claim),
        "name": object::name(claim),
        "uid": object::uid(claim),
        "resourceVersion": object::resource_version(claim),
    })
}

/// Writes the claim into the volume; the claim follows when that is seen.
fn reserve(claim: &Value, volume: &Value) -> Action {
    let mut new = volume.clone();
    new["spec"]["claimRef"] = claim_reference(claim);
    object::set(&mut new, &["metadata", "annotations", BOUND_BY_CONTROLLER], "yes".into());
    action::update(kinds::PERSISTENT_VOLUME, volume, &new)
        .expect("the reference is new, so there is a difference")
}

/// First the volume knows its claim, then the claim its volume, then the claim's status says so.
fn bind(claim: &Value, volume: &Value) -> Vec<Action> {
    if object::str_at(volume, "spec.claimRef.uid") != object::uid(claim) {
        return vec![reserve(claim, volume)];
    }
    let mut new = claim.clone();
    if object::str_at(claim, "spec.volumeName").is_empty() {
        new["spec"]["volumeName"] = object::name(volume).into();
        object::set(&mut new, &["metadata", "annotations", BOUND_BY_CONTROLLER], "yes".into());
    }
    object::set(&mut new, &["metadata", "annotations", BIND_COMPLETED], "yes".into());
    if let Some(update) = action::update(kinds::PERSISTENT_VOLUME_CLAIM, claim, &new) {
        return vec![update];
    }
    let mut status = claim.get("status").cloned().unwrap_or_else(|| json!({}));
    status["phase"] = "Bound".into();
    status["accessModes"] = volume["spec"]["accessModes"].clone();
    status["capacity"] = volume["spec"]["capacity"].clone();
    action::update_status(kinds::PERSISTENT_VOLUME_CLAIM, claim, &status).into_iter().collect()
}

fn claim_phase(claim: &Value, phase: &str) -> Vec<Action> {
    let mut status = claim.get("status").cloned().unwrap_or_else(|| json!({}));
    status["phase"] = phase.into();
    action::update_status(kinds::PERSISTENT_VOLUME_CLAIM, claim, &status).into_iter().collect()
}

fn tell(claim: &Value, is_warning: bool, reason: &str, message: String) -> Action {
    let about = action::reference(kinds::PERSISTENT_VOLUME_CLAIM, claim);
    Action::Record(Notice {
        about,
        is_warning,
        reason: reason.to_owned(),
        message,
        component: COMPONENT,
    })
}

fn provision(facts: &Facts<'_>, claim: &Value) -> Vec<Action> {
    let mut actions = claim_phase(claim, "Pending");
    let name = object::str_at(claim, "spec.storageClassName");
    if name.is_empty() {
        let message =
            "no persistent volumes available for this claim and no storage class is set".to_owned();
        actions.push(tell(claim, false, "FailedBinding", message));
        return actions;
    }
    let Some(class) = class(facts.world, claim) else {
        let message = format!("storageclass.storage.k8s.io \"{name}\" not found");
        actions.push(tell(claim, true, "ProvisioningFailed", message));
        return actions;
    };
    if !is_due(facts.world, claim) {
        let message = "waiting for first consumer to be created before binding".to_owned();
        actions.push(tell(claim, false, "WaitForFirstConsumer", message));
        return actions;
    }
    if object::str_at(class, "provisioner") != PROVISIONER {
        let message = format!(
            "Waiting for a volume to be created either by the external provisioner '{}' or manually by the system \
             administrator. If volume creation is delayed, please verify that the provisioner is running and \
             correctly registered.",
            object::str_at(class, "provisioner")
        );
        actions.push(tell(claim, false, "ExternalProvisioning", message));
        return actions;
    }
    if object::str_at(claim, "spec.volumeMode") == "Block" {
        let message = format!(
            "failed to provision volume: {PROVISIONER} offers file systems, not block devices"
        );
        actions.push(tell(claim, true, "ProvisioningFailed", message));
        return actions;
    }
    make_local(facts, claim, class)
}

/// The folder of a local volume.
fn folder(facts: &Facts<'_>, volume: &str) -> PathBuf {
    facts.config.volumes_dir.join(volume)
}

fn make_local(facts: &Facts<'_>, claim: &Value, class: &Value) -> Vec<Action> {
    let name = format!("pvc-{}", object::uid(claim));
    let folder = folder(facts, &name);
    let node = object::annotation(claim, SELECTED_NODE).unwrap_or(&facts.config.node_name);
    let reclaim = match object::str_at(class, "reclaimPolicy") {
        "" => "Delete",
        policy => policy,
    };
    let hostname = json!({ "key": "kubernetes.io/hostname", "operator": "In", "values": [node] });
    let object = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": { "name": name, "annotations": { PROVISIONED_BY: PROVISIONER } },
        "spec": {
            "capacity": { "storage": claim["spec"]["resources"]["requests"]["storage"] },
            "accessModes": claim["spec"]["accessModes"],
            "persistentVolumeReclaimPolicy": reclaim,
            "storageClassName": object::name(class),
            "volumeMode": "Filesystem",
            "hostPath": { "path": folder, "type": "DirectoryOrCreate" },
            "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [hostname] }] } },
            "claimRef": claim_reference(claim),
        },
    });
    let report = Report {
        about: action::reference(kinds::PERSISTENT_VOLUME_CLAIM, claim),
        component: "zarpa.dev/local",
        done: Some(("ProvisioningSucceeded", "Successfully provisioned volume {}".to_owned())),
        failed: Some(("ProvisioningFailed", "failed to provision volume: {}".to_owned())),
    };
    vec![
        Action::MakeFolder(folder),
        Action::Create { kind: kinds::PERSISTENT_VOLUME, object, report: Some(report) },
    ]
}

/// Decides on one volume.
pub(crate) fn volume(facts: &Facts<'_>, key: &Key) -> Vec<Action> {
    let Some(volume) = facts.world.get(key) else { return Vec::new() };
    let claim_uid = object::str_at(volume, "spec.claimRef.uid");
    let claim = facts.world.by_uid(claim_uid);
    if object::is_deleted(volume) {
        let is_free = claim_uid.is_empty() || facts.world.is_absent(claim_uid);
        return (object::has_finalizer(volume, VOLUME_PROTECTION) && is_free)
            .then(|| drop_finalizer(key, volume, VOLUME_PROTECTION))
            .into_iter()
            .collect();
    }
    match claim {
        _ if claim_uid.is_empty() => volume_phase(volume, "Available"),
        Some(claim) if object::str_at(claim, "spec.volumeName") == key.name => {
            volume_phase(volume, "Bound")
        }
        Some(_) => volume_phase(volume, "Available"),
        None if facts.world.is_absent(claim_uid) => reclaim(facts, volume),
        None => {
            let field = |name: &str| object::str_at(volume, &format!("spec.claimRef.{name}"));
            let key = Key::new(kinds::PERSISTENT_VOLUME_CLAIM, field("namespace"), field("name"));
            vec![Action::Look {
                target: Target { key, uid: claim_uid.to_owned(), resource_version: None },
            }]
        }
    }
}

fn volume_phase(volume: &Value, phase: &str) -> Vec<Action> {
    let mut status = volume.get("status").cloned().unwrap_or_else(|| json!({}));
    status["phase"] = phase.into();
    action::update_status(kinds::PERSISTENT_VOLUME, volume, &status).into_iter().collect()
}

/// A volume whose claim is gone: released, and if it is ours to delete, deleted with its folder.
fn reclaim(facts: &Facts<'_>, volume: &Value) -> Vec<Action> {
    let released = volume_phase(volume, "Released");
    let is_ours = object::annotation(volume, PROVISIONED_BY) == Some(PROVISIONER);
    let is_doomed = object::str_at(volume, "spec.persistentVolumeReclaimPolicy") == "Delete";
    if !released.is_empty() || !is_ours || !is_doomed {
        return released;
    }
    let field = |name: &str| object::str_at(volume, &format!("spec.claimRef.{name}"));
    if is_in_use(facts.world, field("namespace"), field("name")) {
        return Vec::new();
    }
    vec![
        Action::RemoveFolder(folder(facts, object::name(volume))),
        Action::Delete {
            target: Target::of(kinds::PERSISTENT_VOLUME, volume),
            propagation: None,
            report: None,
        },
    ]
}
