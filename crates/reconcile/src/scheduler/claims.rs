//! The volume claims of a pod: those that are missing, those that bind it to a node, those that wait for one.

use std::sync::Arc;

use serde_json::{Value, json};

use super::fit::{self, Verdict, refuse};
use crate::{
    action::{Action, Part, Target},
    kinds, object, volume,
    world::World,
};

#[derive(Debug)]
pub(super) struct Claims<'a> {
    volumes: Vec<&'a Arc<Value>>,
    is_volume_missing: bool,
    unbound: Vec<&'a Arc<Value>>,
}

/// Finds a pod's claims; an error says why it cannot be scheduled on any node.
pub(super) fn of<'a>(world: &'a World, pod: &Value) -> Result<Claims<'a>, String> {
    let mut claims = Claims { volumes: Vec::new(), is_volume_missing: false, unbound: Vec::new() };
    for name in volume::claim_names(pod) {
        let claim = world.find(kinds::PERSISTENT_VOLUME_CLAIM, object::namespace(pod), &name);
        let Some(claim) = claim else {
            return Err(format!("persistentvolumeclaim \"{name}\" not found"));
        };
        if object::is_deleted(claim) {
            return Err(format!("persistentvolumeclaim \"{name}\" is being deleted"));
        }
        let volume = object::str_at(claim, "spec.volumeName");
        if volume::is_bound(claim) {
            match world.find(kinds::PERSISTENT_VOLUME, "", volume) {
                Some(volume) => claims.volumes.push(volume),
                None => claims.is_volume_missing = true,
            }
        } else if volume::waits_for_consumer(world, claim) {
            claims.unbound.push(claim);
        } else {
            return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
        }
    }
    Ok(claims)
}

impl Claims<'_> {
    pub(super) fn check(&self, node: &Value) -> Verdict {
        if self.is_volume_missing {
            return refuse(
                false,
                "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
            );
        }
        let required =
            self.volumes.iter().filter_map(|it| object::at(it, "spec.nodeAffinity.required"));
        if required.into_iter().any(|it| !fit::selects_node(it, node)) {
            return refuse(false, "node(s) didn't match PersistentVolume's node affinity");
        }
        Ok(())
    }

    /// Whether every claim has its volume.
    pub(super) fn are_bound(&self) -> bool {
        self.unbound.is_empty()
    }

    /// Tells the waiting claims their node; the pod is bound when they have their volumes.
    pub(super) fn select_node(&self, node: &str) -> Vec<Action> {
        let untold = self
            .unbound
            .iter()
            .filter(|it| object::annotation(it, volume::SELECTED_NODE) != Some(node));
        let patch = json!({ "metadata": { "annotations": { volume::SELECTED_NODE: node } } });
        untold
            .map(|claim| Action::Patch {
                target: Target::exact(kinds::PERSISTENT_VOLUME_CLAIM, claim),
                part: Part::Whole,
                patch: patch.clone(),
            })
            .collect()
    }
}
