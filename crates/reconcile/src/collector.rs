//! Pods that have finished and that nobody owns any more pile up; the oldest beyond a bound are deleted.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    action::{Action, Target},
    facts::Facts,
    kinds, object, pod,
    world::Key,
};

const FINISHED_PODS_MAX: usize = 500;

/// The one key under which all finished pods are looked after.
pub(crate) fn all() -> Key {
    Key::new(kinds::POD, "", "")
}

/// Decides on all finished pods.
pub(crate) fn collect_pods(facts: &Facts<'_>) -> Vec<Action> {
    let mut finished: Vec<&Arc<Value>> = facts
        .world
        .list(kinds::POD)
        .filter(|it| pod::is_finished(it) && !object::is_deleted(it))
        .collect();
    let n_surplus = finished.len().saturating_sub(FINISHED_PODS_MAX);
    finished.sort_by_key(|it| object::created(it));
    let surplus = finished.into_iter().take(n_surplus);
    surplus
        .map(|it| Action::Delete {
            target: Target::of(kinds::POD, it),
            propagation: None,
            report: None,
        })
        .collect()
}
