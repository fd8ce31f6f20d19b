//! PodDisruptionBudget: how many of its pods may be evicted now.
//!
//! Source: Kubernetes 1.34, `pkg/controller/disruption`.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::{
    action::{self, Action, Notice},
    condition,
    facts::Facts,
    intstr,
    kinds::{self, Kind},
    labels, object, pod,
    world::Key,
};

/// How long a pod that was to be evicted may stay before it counts again.
const EVICTION_SECONDS_MAX: i64 = 120;

/// Decides on the status of one budget.
pub(crate) fn disruption_budget(facts: &Facts<'_>, key: &Key) -> Vec<Action> {
    let Some(budget) = facts.world.get(key).filter(|it| !object::is_deleted(it)) else {
        return Vec::new();
    };
    let selector = labels::selector(object::at(budget, "spec.selector"));
    let pods: Vec<&Arc<Value>> = facts
        .world
        .list_in(kinds::POD, &key.namespace)
        .filter(|it| selector.matches_object(it) && !pod::is_finished(it))
        .collect();
    let mut actions = Vec::new();
    let (expected, desired) = match wanted(facts, budget, &pods) {
        Ok(wanted) => wanted,
        Err(message) => {
            let about = action::reference(kinds::POD_DISRUPTION_BUDGET, budget);
            let reason = "CalculateExpectedPodCountFailed";
            return vec![Action::Record(Notice::warning(
                "controllermanager",
                about,
                reason,
                message,
            ))];
        }
    };
    let (disrupted, recheck) = disrupted(facts, budget, &pods);
    actions.extend(recheck.map(|at| Action::Requeue { at }));
    let is_healthy = |pod: &&&Arc<Value>| {
        pod::is_ready(pod) && !object::is_deleted(pod) && !disrupted.contains_key(object::name(pod))
    };
    let healthy = i64::try_from(pods.iter().filter(is_healthy).count()).unwrap_or(i64::MAX);
    let allowed = if expected > 0 { (healthy - desired).max(0) } else { 0 };
    let mut status = json!({
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
        "disruptionsAllowed": allowed,
        "observedGeneration": object::generation(budget),
    });
    if let Some(conditions) = object::at(budget, "status.conditions") {
        status["conditions"] = conditions.clone();
    }
    if !disrupted.is_empty() {
        status["disruptedPods"] = Value::Object(disrupted);
    }
    let (value, reason) =
        if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    let condition = json!({
        "type": "DisruptionAllowed",
        "status": value,
        "reason": reason,
        "message": "",
        "observedGeneration": object::generation(budget),
        "lastTransitionTime": object::time(facts.now),
    });
    condition::set(&mut status, condition);
    actions.extend(action::update_status(kinds::POD_DISRUPTION_BUDGET, budget, &status));
    actions
}

/// (how many pods there should be, how many of them must be healthy)
fn wanted(facts: &Facts<'_>, budget: &Value, pods: &[&Arc<Value>]) -> Result<(i64, i64), String> {
    if let Some(max) = object::at(budget, "spec.maxUnavailable") {
        let expected = scale(facts, pods)?;
        return Ok((expected, (expected - intstr::scaled(max, expected, true)).max(0)));
    }
    match object::at(budget, "spec.minAvailable") {
        Some(min) if min.is_string() => {
            let expected = scale(facts, pods)?;
            Ok((expected, intstr::scaled(min, expected, true)))
        }
        Some(min) => {
            Ok((i64::try_from(pods.len()).unwrap_or(i64::MAX), min.as_i64().unwrap_or_default()))
        }
        None => Ok((0, 0)),
    }
}

/// The sum of the replicas that the pods' controllers want.
fn scale(facts: &Facts<'_>, pods: &[&Arc<Value>]) -> Result<i64, String> {
    let mut scales: BTreeMap<String, i64> = BTreeMap::new();
    for pod in pods {
        let Some(reference) = object::controller_of(pod) else { continue };
        let mut key = owner_key(pod, reference);
        if key.as_ref().is_some_and(|it| it.kind == kinds::REPLICA_SET)
            && let Some(set) = key.as_ref().and_then(|it| facts.world.get(it))
            && let Some(deployment) = object::controller_of(set).and_then(|it| owner_key(set, it))
        {
            key = Some(deployment);
        }
        let owner = key.as_ref().and_then(|it| facts.world.get(it));
        let Some(replicas) = owner.and_then(|it| object::int_at(it, "spec.replicas")) else {
            let kind = object::str_at(reference, "kind");
            return Err(format!(
                "found no scale subresource for the {kind} that manages pod {}",
                object::name(pod)
            ));
        };
        scales.insert(key.map(|it| it.to_string()).unwrap_or_default(), replicas);
    }
    Ok(scales.values().sum())
}

fn owner_key(object: &Value, reference: &Value) -> Option<Key> {
    let kind =
        Kind::named(object::str_at(reference, "apiVersion"), object::str_at(reference, "kind"))?;
    Some(Key::new(kind, object::namespace(object), object::str_at(reference, "name")))
}

/// The pods whose eviction was granted and has not shown yet, and when the first of them counts again.
fn disrupted(
    facts: &Facts<'_>,
    budget: &Value,
    pods: &[&Arc<Value>],
) -> (Map<String, Value>, Option<Timestamp>) {
    let mut kept = Map::new();
    let mut recheck: Option<Timestamp> = None;
    for (name, at) in object::map_at(budget, "status.disruptedPods").into_iter().flatten() {
        let is_there = pods.iter().any(|it| object::name(it) == name && !object::is_deleted(it));
        let since = at.as_str().and_then(|it| it.parse::<Timestamp>().ok());
        let until = since
            .and_then(|it| it.checked_add(SignedDuration::from_secs(EVICTION_SECONDS_MAX)).ok());
        if let Some(until) = until.filter(|it| is_there && *it > facts.now) {
            kept.insert(name.clone(), at.clone());
            recheck = Some(recheck.map_or(until, |it| it.min(until)));
        }
    }
    (kept, recheck)
}
