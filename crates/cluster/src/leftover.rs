//! What an earlier process left behind says of readiness: taken back until the kubelet has looked at the pods.
//!
//! The stored state may be from before a reboot; whoever asks first must not be told that anything serves.
//! What derives from pods is taken back with them: controllers write it anew, but not before somebody may have read it.

use futures_util::future::try_join_all;
use jiff::Timestamp;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet},
        core::v1::Pod,
        discovery::v1::EndpointSlice,
    },
};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{ListParams, Patch, PatchParams},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const REASON: &str = "NodeStarting";
const CONDITIONS: [&str; 2] = ["Ready", "ContainersReady"];
/// The slices that a controller makes of pods; others are their users' own.
const SLICES: &str = "endpointslice.kubernetes.io/managed-by=endpointslice-controller.k8s.io";

/// Marks every pod that is stored as ready as not ready, and what its controllers and Services have counted it in.
pub(crate) async fn mark_unready(client: &Client, now: Timestamp) -> Result<(), kube::Error> {
    let conditions = unready_conditions(now);
    let all = ListParams::default;
    tokio::try_join!(
        patch_all::<Pod>(client, Part::Status, all(), |it| pod(it, &conditions)),
        patch_all::<ReplicaSet>(client, Part::Status, all(), replica_set),
        patch_all::<Deployment>(client, Part::Status, all(), deployment),
        patch_all::<StatefulSet>(client, Part::Status, all(), stateful_set),
        patch_all::<DaemonSet>(client, Part::Status, all(), daemon_set),
        patch_all::<EndpointSlice>(client, Part::Whole, all().labels(SLICES), slice),
    )?;
    Ok(())
}

/// What of an object is patched.
#[derive(Clone, Copy)]
enum Part {
    Whole,
    Status,
}

/// Patches the objects for which `decide` has a patch.
async fn patch_all<K>(
    client: &Client,
    part: Part,
    which: ListParams,
    decide: impl Fn(&K) -> Option<Patch<Value>>,
) -> Result<(), kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + DeserializeOwned + std::fmt::Debug,
{
    let all = Api::<K>::all(client.clone()).list(&which).await?;
    let patches = all.items.iter().filter_map(|it| Some((it, decide(it)?)));
    let patches = patches.map(|(object, patch)| async move {
        let namespace = object.namespace().unwrap_or_default();
        let api = Api::<K>::namespaced(client.clone(), &namespace);
        let (name, params) = (object.name_any(), PatchParams::default());
        match part {
            Part::Whole => api.patch(&name, &params, &patch).await,
            Part::Status => api.patch_status(&name, &params, &patch).await,
        }
    });
    try_join_all(patches).await.map(drop)
}

fn unready_conditions(now: Timestamp) -> Value {
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now).to_string();
    let condition =
        |it| json!({"type": it, "status": "False", "reason": REASON, "lastTransitionTime": now});
    CONDITIONS.into_iter().map(condition).collect()
}

fn pod(pod: &Pod, conditions: &Value) -> Option<Patch<Value>> {
    let mut all = pod.status.iter().filter_map(|it| it.conditions.as_ref()).flatten();
    let is_ready = all.any(|it| it.type_ == "Ready" && it.status == "True");
    is_ready.then(|| Patch::Strategic(json!({"status": {"conditions": conditions}})))
}

fn replica_set(set: &ReplicaSet) -> Option<Patch<Value>> {
    let is_ready = set.status.as_ref()?.ready_replicas.is_some_and(|it| it != 0);
    is_ready.then(|| merge(&json!({"readyReplicas": null, "availableReplicas": null})))
}

fn deployment(deployment: &Deployment) -> Option<Patch<Value>> {
    let status = deployment.status.as_ref()?;
    status.ready_replicas.is_some_and(|it| it != 0).then(|| {
        merge(&json!({
            "readyReplicas": null,
            "availableReplicas": null,
            "unavailableReplicas": status.replicas,
        }))
    })
}

fn stateful_set(set: &StatefulSet) -> Option<Patch<Value>> {
    let is_ready = set.status.as_ref()?.ready_replicas.is_some_and(|it| it != 0);
    is_ready.then(|| merge(&json!({"readyReplicas": null, "availableReplicas": 0})))
}

fn daemon_set(set: &DaemonSet) -> Option<Patch<Value>> {
    let status = set.status.as_ref()?;
    (status.number_ready != 0).then(|| {
        merge(&json!({
            "numberReady": 0,
            "numberAvailable": null,
            "numberUnavailable": status.desired_number_scheduled,
        }))
    })
}

fn slice(slice: &EndpointSlice) -> Option<Patch<Value>> {
    let mut endpoints = slice.endpoints.clone();
    let mut is_ready = false;
    for conditions in endpoints.iter_mut().filter_map(|it| it.conditions.as_mut()) {
        is_ready |= conditions.ready == Some(true) || conditions.serving == Some(true);
        conditions.ready = Some(false);
        conditions.serving = Some(false);
    }
    is_ready.then(|| Patch::Merge(json!({"endpoints": endpoints})))
}

fn merge(status: &Value) -> Patch<Value> {
    Patch::Merge(json!({"status": status}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object<K: DeserializeOwned>(value: Value) -> K {
        serde_json::from_value(value).unwrap()
    }

    fn text(patch: Option<Patch<Value>>) -> String {
        match patch {
            Some(Patch::Merge(value) | Patch::Strategic(value)) => value.to_string(),
            _ => String::new(),
        }
    }

    #[test]
    fn only_pods_that_are_ready_are_touched() {
        let with = |status: &str| {
            object::<Pod>(json!({"metadata": {"name": "a"},
                "status": {"conditions": [{"type": "Ready", "status": status}]}}))
        };
        let conditions = unready_conditions(Timestamp::UNIX_EPOCH);
        assert!(text(pod(&with("True"), &conditions)).contains("1970-01-01T00:00:00Z"));
        assert!(pod(&with("False"), &conditions).is_none());
        assert!(pod(&Pod::default(), &conditions).is_none());
    }

    #[test]
    fn workloads_count_no_ready_pods_any_more() {
        let counts = json!({"metadata": {}, "spec": {"selector": {}, "template": {}},
            "status": {"replicas": 3, "readyReplicas": 2, "availableReplicas": 2}});
        assert_eq!(
            text(deployment(&object(counts.clone()))),
            r#"{"status":{"availableReplicas":null,"readyReplicas":null,"unavailableReplicas":3}}"#
        );
        assert_eq!(
            text(replica_set(&object(counts))),
            r#"{"status":{"availableReplicas":null,"readyReplicas":null}}"#
        );
        let none = json!({"metadata": {}, "status": {"replicas": 3}});
        assert!(deployment(&object(none.clone())).is_none());
        assert!(replica_set(&object(none.clone())).is_none());
        assert!(stateful_set(&object(none)).is_none());
    }

    #[test]
    fn endpoints_of_slices_keep_all_but_their_readiness() {
        let with = |is_ready: bool| {
            object::<EndpointSlice>(json!({"addressType": "IPv4", "endpoints": [{
                "addresses": ["10.244.0.2"],
                "conditions": {"ready": is_ready, "serving": is_ready, "terminating": false},
            }]}))
        };
        assert_eq!(
            text(slice(&with(true))),
            r#"{"endpoints":[{"addresses":["10.244.0.2"],"conditions":{"ready":false,"serving":false,"terminating":false}}]}"#
        );
        assert!(slice(&with(false)).is_none());
    }
}
