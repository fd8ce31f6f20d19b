//! Namespace: what every namespace is given, and the emptying of one that is deleted.

use serde_json::{Value, json};

use crate::{
    action::{self, Action, Target},
    condition,
    facts::Facts,
    kinds::{self, Kind},
    object,
    world::{Key, World},
};

/// The ConfigMap with the certificate authority, in every namespace.
pub(crate) const ROOT_CA: &str = "kube-root-ca.crt";
const FINALIZER: &str = "kubernetes";
const SWEPT: &str = "NamespaceDeletionContentFailure";

pub(crate) fn is_terminating(world: &World, namespace: &str) -> bool {
    world.find(kinds::NAMESPACE, "", namespace).is_some_and(|it| object::is_deleted(it))
}

/// Decides on one Namespace.
pub(crate) fn namespace(facts: &Facts<'_>, key: &Key) -> Vec<Action> {
    match facts.world.get(key) {
        None => Vec::new(),
        Some(namespace) if object::is_deleted(namespace) => terminate(facts, namespace),
        Some(_) => furnish(facts, &key.name),
    }
}

fn furnish(facts: &Facts<'_>, name: &str) -> Vec<Action> {
    let mut actions = Vec::new();
    if facts.world.find(kinds::SERVICE_ACCOUNT, name, "default").is_none() {
        let object = json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": { "name": "default", "namespace": name },
        });
        actions.push(Action::Create { kind: kinds::SERVICE_ACCOUNT, object, report: None });
    }
    let data = json!({ "ca.crt": facts.config.ca });
    match facts.world.find(kinds::CONFIG_MAP, name, ROOT_CA) {
        None => {
            let description = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal \
                 endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed \
                 across distributions of Kubernetes clusters.";
            let object = json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": ROOT_CA,
                    "namespace": name,
                    "annotations": { "kubernetes.io/description": description },
                },
                "data": data,
            });
            actions.push(Action::Create { kind: kinds::CONFIG_MAP, object, report: None });
        }
        Some(map) => {
            let mut new = (**map).clone();
            new["data"] = data;
            actions.extend(action::update(kinds::CONFIG_MAP, map, &new));
        }
    }
    actions
}

/// First the server deletes all that it holds; when nothing is left of it here, the finalizer goes.
///
/// The condition that says that the sweep was asked for keeps the place between two decisions.
fn terminate(facts: &Facts<'_>, namespace: &Value) -> Vec<Action> {
    let finalizers = object::list_at(namespace, "spec.finalizers");
    if !finalizers.iter().any(|it| it == FINALIZER) {
        return Vec::new();
    }
    let name = object::name(namespace);
    if condition::find(namespace, SWEPT).is_none() {
        let mut actions: Vec<Action> = namespaced()
            .map(|kind| Action::DeleteCollection { kind, namespace: name.to_owned() })
            .collect();
        actions.extend(write_conditions(facts, namespace, &[]));
        return actions;
    }
    let remaining: Vec<(Kind, usize)> = namespaced()
        .map(|kind| (kind, facts.world.list_in(kind, name).count()))
        .filter(|(_, count)| *count > 0)
        .collect();
    if remaining.is_empty() {
        let kept = finalizers.iter().filter_map(Value::as_str).filter(|it| *it != FINALIZER);
        let target = Target::exact(kinds::NAMESPACE, namespace);
        return vec![Action::FinalizeNamespace {
            target,
            finalizers: kept.map(str::to_owned).collect(),
        }];
    }
    let mut actions = Vec::new();
    for (kind, _) in &remaining {
        let alive = facts.world.list_in(*kind, name).filter(|it| !object::is_deleted(it));
        actions.extend(alive.map(|it| Action::Delete {
            target: Target::of(*kind, it),
            propagation: Some(action::Propagation::Background),
            report: None,
        }));
    }
    actions.extend(write_conditions(facts, namespace, &remaining));
    actions
}

fn namespaced() -> impl Iterator<Item = Kind> {
    kinds::ALL.iter().copied().filter(|it| it.is_namespaced)
}

fn write_conditions(
    facts: &Facts<'_>,
    namespace: &Value,
    remaining: &[(Kind, usize)],
) -> Option<Action> {
    let mut status = namespace.get("status").cloned().unwrap_or_else(|| json!({}));
    let mut set = |name: &str, value: &str, reason: &str, message: &str| {
        let same = condition::in_status(&status, name).is_some_and(|it| {
            it["status"] == value && it["message"] == message && it["reason"] == reason
        });
        if !same {
            let condition = json!({
                "type": name,
                "status": value,
                "reason": reason,
                "message": message,
                "lastTransitionTime": object::time(facts.now),
            });
            condition::overwrite(&mut status, condition);
        }
    };
    let discovered = "All resources successfully discovered";
    set("NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered", discovered);
    let parsed = "All legacy kube types successfully parsed";
    set("NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions", parsed);
    let deleted = "All content successfully deleted, may be waiting on finalization";
    set(SWEPT, "False", "ContentDeleted", deleted);
    if remaining.is_empty() {
        set(
            "NamespaceContentRemaining",
            "False",
            "ContentRemoved",
            "All content successfully removed",
        );
    } else {
        let kinds: Vec<String> = remaining
            .iter()
            .map(|(kind, count)| format!("{} has {count} resource instances", resource(*kind)))
            .collect();
        let message = format!("Some resources are remaining: {}", kinds.join(", "));
        set("NamespaceContentRemaining", "True", "SomeResourcesRemain", &message);
    }
    let finished = "All content-preserving finalizers finished";
    set("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers", finished);
    action::update_status(kinds::NAMESPACE, namespace, &status)
}

fn resource(kind: Kind) -> String {
    format!("{}.{}", kind.plural, kind.group)
}
