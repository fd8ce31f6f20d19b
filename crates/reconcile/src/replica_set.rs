//! ReplicaSet: keeps a number of pods from one template.
//!
//! Source: Kubernetes 1.34, `pkg/controller/replicaset`.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    action::{self, Action},
    claim::claim,
    condition,
    facts::{Facts, Step},
    kinds, labels, namespace, object, pod,
    world::Key,
};

const COMPONENT: &str = "replicaset-controller";
/// How many pods are created or deleted at once.
const BURST_MAX: usize = 500;

/// Decides on one ReplicaSet.
pub(crate) fn replica_set(facts: &Facts<'_>, key: &Key) -> Vec<Action> {
    let Some(set) = facts.world.get(key) else { return Vec::new() };
    let claim = claim(facts.world, kinds::REPLICA_SET, set, kinds::POD);
    if !claim.actions.is_empty() {
        return claim.actions;
    }
    let pods: Vec<Arc<Value>> = claim.owned.into_iter().filter(|it| pod::is_active(it)).collect();
    if facts.backing_off().is_none() && !object::is_deleted(set) {
        let actions = manage(facts, set, &pods);
        if !actions.is_empty() {
            return actions;
        }
    }
    let mut actions: Vec<Action> =
        action::update_status(kinds::REPLICA_SET, set, &status(facts, set, &pods))
            .into_iter()
            .collect();
    actions.extend(next_look(facts, set, &pods).map(|at| Action::Requeue { at }));
    actions
}

fn wanted(set: &Value) -> usize {
    usize::try_from(object::int_at(set, "spec.replicas").unwrap_or(1)).unwrap_or_default()
}

/// Creates what is missing, or deletes what is too much.
///
/// After a refusal one pod is tried alone, so that a full quota is asked once and not for every pod.
fn manage(facts: &Facts<'_>, set: &Value, pods: &[Arc<Value>]) -> Vec<Action> {
    let wanted = wanted(set);
    if pods.len() < wanted {
        if namespace::is_terminating(facts.world, object::namespace(set)) {
            return Vec::new();
        }
        let burst = if facts.trouble.is_some() { 1 } else { BURST_MAX };
        let object = pod::from_template(&set["spec"]["template"], kinds::REPLICA_SET, set);
        let report = pod::creation_report(kinds::REPLICA_SET, set, COMPONENT);
        let create = Action::Create { kind: kinds::POD, object, report: Some(report) };
        return vec![create; (wanted - pods.len()).min(burst)];
    }
    let n_surplus = (pods.len() - wanted).min(BURST_MAX);
    let mut ranked: Vec<&Arc<Value>> = pods.iter().collect();
    if n_surplus > 0 {
        ranked.sort_by(|a, b| pod::by_deletion_order(a, b, facts.now));
    }
    let surplus = ranked.into_iter().take(n_surplus);
    surplus.map(|it| pod::delete(it, kinds::REPLICA_SET, set, COMPONENT)).collect()
}

fn status(facts: &Facts<'_>, set: &Value, pods: &[Arc<Value>]) -> Value {
    let min_ready = object::int_at(set, "spec.minReadySeconds").unwrap_or_default();
    let template_labels = object::map_at(set, "spec.template.metadata.labels");
    let count = |holds: &dyn Fn(&Value) -> bool| pods.iter().filter(|it| holds(it)).count();
    let mut status = json!({ "replicas": pods.len() });
    for (field, n) in [
        (
            "fullyLabeledReplicas",
            count(&|it| labels::contains(object::labels(it), template_labels)),
        ),
        ("readyReplicas", count(&pod::is_ready)),
        ("availableReplicas", count(&|it| pod::is_available(it, min_ready, facts.now))),
    ] {
        if n > 0 {
            status[field] = n.into();
        }
    }
    status["observedGeneration"] = object::generation(set).into();
    if let Some(conditions) = object::at(set, "status.conditions") {
        status["conditions"] = conditions.clone();
    }
    match facts.trouble {
        Some(trouble) if pods.len() != wanted(set) => {
            if condition::in_status(&status, "ReplicaFailure").is_none() {
                let reason =
                    if trouble.step == Step::Delete { "FailedDelete" } else { "FailedCreate" };
                let failure = json!({
                    "type": "ReplicaFailure",
                    "status": "True",
                    "reason": reason,
                    "message": trouble.message,
                    "lastTransitionTime": object::time(facts.now),
                });
                condition::set(&mut status, failure);
            }
        }
        _ => condition::remove(&mut status, "ReplicaFailure"),
    }
    status
}

/// When the next ready pod becomes available.
fn next_look(facts: &Facts<'_>, set: &Value, pods: &[Arc<Value>]) -> Option<Timestamp> {
    let min_ready = object::int_at(set, "spec.minReadySeconds").unwrap_or_default();
    let times = pods.iter().filter_map(|it| pod::available_at(it, min_ready));
    times.filter(|it| *it > facts.now).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::{Config, Trouble},
        world::World,
    };

    fn set(replicas: i64) -> Value {
        json!({
            "metadata": {"name": "web", "namespace": "d", "uid": "rs", "resourceVersion": "1", "generation": 1},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}},
            },
        })
    }

    fn pod(uid: &str, labels: &Value, owner: Option<&str>) -> Value {
        let owners: Vec<Value> =
            owner.into_iter().map(|it| json!({"uid": it, "controller": true})).collect();
        json!({"metadata": {
            "name": uid, "namespace": "d", "uid": uid, "resourceVersion": "2",
            "labels": labels, "ownerReferences": owners,
        }})
    }

    fn check(set: Value, pods: Vec<Value>, trouble: Option<&Trouble>, expect: &[&str]) {
        let mut world = World::default();
        world.observe(kinds::REPLICA_SET, set);
        for pod in pods {
            world.observe(kinds::POD, pod);
        }
        let config = Config {
            node_name: "n".to_owned(),
            ca: String::new(),
            volumes_dir: "/v".into(),
            ingress: None,
        };
        let facts = Facts { world: &world, config: &config, now: Timestamp::UNIX_EPOCH, trouble };
        let actions = replica_set(&facts, &Key::new(kinds::REPLICA_SET, "d", "web"));
        let lines: Vec<String> = actions.iter().map(line).collect();
        assert_eq!(lines, expect);
    }

    fn line(action: &Action) -> String {
        match action {
            Action::Create { kind, .. } => format!("create {}", kind.plural),
            Action::Delete { target, .. } => format!("delete {}", target.key),
            Action::Patch { target, patch, .. } => format!("patch {} {patch}", target.key),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn missing_pods_are_created_together() {
        check(set(3), Vec::new(), None, &["create pods"; 3]);
    }

    #[test]
    fn surplus_pods_are_deleted() {
        let ours = json!({"app": "web"});
        let pods = vec![pod("a", &ours, Some("rs")), pod("b", &ours, Some("rs"))];
        check(set(1), pods, None, &["delete pods/d/a"]);
    }

    #[test]
    fn orphans_are_adopted_and_strangers_released() {
        let pods = vec![
            pod("a", &json!({"app": "web"}), None),
            pod("b", &json!({"app": "x"}), Some("rs")),
        ];
        let owner = r#"[{"apiVersion":"apps/v1","blockOwnerDeletion":true,"controller":true,"kind":"ReplicaSet","name":"web","uid":"rs"}]"#;
        check(
            set(1),
            pods,
            None,
            &[
                r#"patch pods/d/b {"metadata":{"ownerReferences":null}}"#,
                &format!(r#"patch pods/d/a {{"metadata":{{"ownerReferences":{owner}}}}}"#),
            ],
        );
    }

    #[test]
    fn a_refusal_is_told_and_then_one_pod_tried() {
        let trouble = |until: i64| Trouble {
            step: Step::Create,
            reason: "Forbidden".to_owned(),
            message: "exceeded quota".to_owned(),
            until: Timestamp::from_second(until).expect("in range"),
        };
        let status = r#"patch replicasets/d/web {"status":{"conditions":[{"lastTransitionTime":"1970-01-01T00:00:00Z","message":"exceeded quota","reason":"FailedCreate","status":"True","type":"ReplicaFailure"}],"observedGeneration":1,"replicas":0}}"#;
        check(set(3), Vec::new(), Some(&trouble(10)), &[status]);
        check(set(3), Vec::new(), Some(&trouble(0)), &["create pods"]);
    }
}
