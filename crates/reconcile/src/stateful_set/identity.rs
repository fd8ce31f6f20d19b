//! What makes a StatefulSet's pod this one and no other: its name, labels, host name and claims.

use serde_json::{Value, json};

use crate::{
    action,
    action::{Action, Report},
    facts::Facts,
    kinds, object, pod, revision,
};

/// The number in a pod's name; `None` for a name that is not of this set.
pub(super) fn ordinal(set: &Value, pod: &Value) -> Option<i64> {
    let (parent, ordinal) = object::name(pod).rsplit_once('-')?;
    ordinal.parse().ok().filter(|_| parent == object::name(set))
}

fn pod_name(set: &Value, ordinal: i64) -> String {
    format!("{}-{ordinal}", object::name(set))
}

fn claim_templates(set: &Value) -> &[Value] {
    object::list_at(set, "spec.volumeClaimTemplates")
}

fn claim_name(set: &Value, template: &Value, ordinal: i64) -> String {
    format!("{}-{}", object::name(template), pod_name(set, ordinal))
}

/// The pod of an ordinal, from the template of a revision.
pub(super) fn pod(set: &Value, revision: &Value, ordinal: i64) -> Value {
    let name = pod_name(set, ordinal);
    let mut pod = pod::from_template(&revision::template_of(revision), kinds::STATEFUL_SET, set);
    if let Some(metadata) = pod["metadata"].as_object_mut() {
        metadata.remove("generateName");
    }
    pod["metadata"]["name"] = name.as_str().into();
    for (key, value) in [
        ("statefulset.kubernetes.io/pod-name", name.as_str()),
        ("apps.kubernetes.io/pod-index", &ordinal.to_string()),
        (revision::HASH, object::name(revision)),
    ] {
        object::set(&mut pod, &["metadata", "labels", key], value.into());
    }
    pod["spec"]["hostname"] = name.into();
    pod["spec"]["subdomain"] = object::str_at(set, "spec.serviceName").into();
    let is_replaced = |volume: &&Value| {
        claim_templates(set).iter().any(|it| object::name(it) == object::str_at(volume, "name"))
    };
    let kept = object::list_at(&pod, "spec.volumes").iter().filter(|it| !is_replaced(it)).cloned();
    let claims = claim_templates(set).iter().map(|it| {
        let claim = json!({ "claimName": claim_name(set, it, ordinal) });
        json!({ "name": object::name(it), "persistentVolumeClaim": claim })
    });
    let volumes: Vec<Value> = kept.chain(claims).collect();
    if !volumes.is_empty() {
        pod["spec"]["volumes"] = volumes.into();
    }
    pod
}

/// The claims of an ordinal that do not exist yet.
pub(super) fn missing_claims(facts: &Facts<'_>, set: &Value, ordinal: i64) -> Vec<Action> {
    let namespace = object::namespace(set);
    let missing = claim_templates(set).iter().filter_map(|template| {
        let name = claim_name(set, template, ordinal);
        if facts.world.find(kinds::PERSISTENT_VOLUME_CLAIM, namespace, &name).is_some() {
            return None;
        }
        let mut labels = object::labels(template).cloned().unwrap_or_default();
        labels
            .extend(object::map_at(set, "spec.selector.matchLabels").cloned().unwrap_or_default());
        let object = json!({
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": labels,
                "annotations": object::map_at(template, "metadata.annotations"),
            },
            "spec": template["spec"],
        });
        let pod = pod_name(set, ordinal);
        let set_name = object::name(set);
        let report = Report {
            about: action::reference(kinds::STATEFUL_SET, set),
            component: super::COMPONENT,
            done: Some((
                "SuccessfulCreate",
                format!("create Claim {{}} Pod {pod} in StatefulSet {set_name} success"),
            )),
            failed: Some((
                "FailedCreate",
                format!(
                    "create Claim {name} for Pod {pod} in StatefulSet {set_name} failed error: {{}}"
                ),
            )),
        };
        Some(Action::Create { kind: kinds::PERSISTENT_VOLUME_CLAIM, object, report: Some(report) })
    });
    missing.collect()
}
