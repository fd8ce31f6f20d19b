//! Which rules hold for which kind, and the rules of the kinds without pods.

use serde_json::Value;

use super::{Context, State, Target, Want, one_line, pod, service, workload};
use crate::object::{self, ObjectId, condition, items, text};

/// Kinds that are ready as soon as they exist, so that nobody need watch them.
const READY_AT_ONCE: [&str; 29] = [
    "ConfigMap",
    "Secret",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "NetworkPolicy",
    "LimitRange",
    "ResourceQuota",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "VolumeAttributesClass",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "Endpoints",
    "EndpointSlice",
    "Ingress",
    "IngressClass",
    "CronJob",
    "Lease",
    "Event",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "CSIDriver",
    "PodTemplate",
];

/// Says that an object has a state worth waiting for.
pub fn is_watched(id: &ObjectId) -> bool {
    !is_built_in(id) || !READY_AT_ONCE.contains(&id.kind.as_str())
}

/// The kinds to watch beside a target to tell why it is not ready, as (apiVersion, kind).
pub fn watched_with(id: &ObjectId) -> &'static [(&'static str, &'static str)] {
    const EVENTS: (&str, &str) = ("v1", "Event");
    const PODS: (&str, &str) = ("v1", "Pod");
    const REPLICA_SETS: (&str, &str) = ("apps/v1", "ReplicaSet");
    const ENDPOINT_SLICES: (&str, &str) = ("discovery.k8s.io/v1", "EndpointSlice");
    match (id.group.as_str(), id.kind.as_str()) {
        ("apps", "Deployment") => &[REPLICA_SETS, PODS, EVENTS],
        ("apps", "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("", "ReplicationController")
        | ("batch", "Job") => &[PODS, EVENTS],
        ("", "Pod") => &[EVENTS],
        ("", "PersistentVolumeClaim") => &[PODS, EVENTS],
        ("", "Service") => &[PODS, ENDPOINT_SLICES],
        _ => &[],
    }
}

pub(super) fn judge(target: &Target, ctx: Context<'_>) -> State {
    let Target { id, want, generation: written } = target;
    if !is_watched(id) {
        return State::Ready;
    }
    let Some(object) = ctx.world.get(id) else {
        return State::waiting("waiting for it to appear");
    };
    if object::is_deleting(object) {
        return State::waiting("terminating");
    }
    let generation = object["metadata"]["generation"].as_i64();
    if generation < *written {
        return State::waiting("waiting for its change to show");
    }
    let observed = object["status"]["observedGeneration"].as_i64();
    let is_controlled_workload = matches!(
        (id.group.as_str(), id.kind.as_str()),
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
            | ("", "ReplicationController")
    );
    if generation > observed && (observed.is_some() || is_controlled_workload) {
        return State::waiting("waiting for its controller");
    }
    match (id.group.as_str(), id.kind.as_str(), want) {
        ("apps", "Deployment", _) => workload::deployment(object, ctx),
        ("apps", "StatefulSet", _) => workload::stateful_set(object, ctx),
        ("apps", "DaemonSet", _) => workload::daemon_set(object, ctx),
        ("apps", "ReplicaSet", _) | ("", "ReplicationController", _) => {
            workload::replica_set(object, ctx)
        }
        ("batch", "Job", Want::Complete) => workload::job_complete(object, ctx),
        ("batch", "Job", Want::Ready) => workload::job_started(object, ctx),
        ("", "Pod", Want::Complete) => pod::complete(object, ctx),
        ("", "Pod", Want::Ready) => pod::ready(object, ctx.budgets.crashes_max, ctx),
        ("", "PersistentVolumeClaim", _) => claim(object, ctx),
        // As kstatus has it, a load balancer's address is not waited for: not every cluster gives one.
        ("", "Service", _) => service::judge(object, ctx),
        ("", "PersistentVolume", _) => volume(object),
        ("", "Namespace", _) => namespace(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition", _) => definition(object),
        ("apiregistration.k8s.io", "APIService", _) => available(object),
        _ => by_conditions(object),
    }
}

/// Groups that Kubernetes itself serves; any other object is judged by its conditions.
fn is_built_in(id: &ObjectId) -> bool {
    !id.group.contains('.') || id.group.ends_with(".k8s.io")
}

/// A claim waits for its volume; one whose first consumer is yet to come holds nothing up.
fn claim(object: &Value, ctx: Context<'_>) -> State {
    match text(&object["status"]["phase"]) {
        "Bound" => return State::Ready,
        "Lost" => return State::failed("its volume is lost"),
        _ => {}
    }
    if let Some(event) =
        ctx.world.recent_event(object::uid(object), &["ProvisioningFailed"], ctx.budgets.since)
    {
        let text = format!("no volume: {}", one_line(text(&event["message"])));
        return State::waiting(text);
    }
    let uses = |pod: &&Value| {
        items(&pod["spec"]["volumes"])
            .any(|it| it["persistentVolumeClaim"]["claimName"] == object["metadata"]["name"])
    };
    if ctx.world.of_kind("Pod").any(|it| uses(&it)) {
        State::waiting("waiting for a volume")
    } else {
        State::Ready
    }
}

fn volume(object: &Value) -> State {
    match text(&object["status"]["phase"]) {
        "Available" | "Bound" | "Released" => State::Ready,
        "Failed" => State::failed(format!(
            "the volume failed: {}",
            one_line(text(&object["status"]["message"]))
        )),
        _ => State::waiting("waiting for the volume"),
    }
}

fn namespace(object: &Value) -> State {
    match text(&object["status"]["phase"]) {
        "Active" => State::Ready,
        _ => State::waiting("waiting for the namespace"),
    }
}

fn definition(object: &Value) -> State {
    if let Some(refused) = condition(object, "NamesAccepted").filter(|it| it["status"] == "False") {
        return State::failed(format!(
            "its names are not accepted: {}",
            one_line(text(&refused["message"]))
        ));
    }
    match condition(object, "Established") {
        Some(it) if it["status"] == "True" => State::Ready,
        _ => State::waiting("waiting to be established"),
    }
}

fn available(object: &Value) -> State {
    match condition(object, "Available") {
        Some(it) if it["status"] == "True" => State::Ready,
        Some(it) => State::waiting(format!("not available: {}", one_line(text(&it["message"])))),
        None => State::waiting("waiting to be available"),
    }
}

/// The generic rules of kstatus, for objects of controllers that we do not know.
fn by_conditions(object: &Value) -> State {
    let is =
        |type_: &str, status: &str| condition(object, type_).filter(|it| it["status"] == status);
    if let Some(stalled) = is("Stalled", "True") {
        return State::failed(format!("stalled: {}", one_line(text(&stalled["message"]))));
    }
    if let Some(reconciling) = is("Reconciling", "True") {
        return State::waiting(format!("reconciling: {}", one_line(text(&reconciling["message"]))));
    }
    match condition(object, "Ready") {
        Some(ready) if ready["status"] == "False" => {
            State::waiting(format!("not ready: {}", one_line(text(&ready["message"]))))
        }
        Some(ready) if ready["status"] == "Unknown" => State::waiting("not known to be ready yet"),
        _ => State::Ready,
    }
}
