//! Pods that an earlier process left: not ready until the kubelet has looked at them.
//!
//! Their stored status may be from before a reboot; whoever asks first must not be told that they serve.

use futures_util::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::json;

const REASON: &str = "NodeStarting";
const CONDITIONS: [&str; 2] = ["Ready", "ContainersReady"];

/// Marks every pod that is stored as ready as not ready.
pub(crate) async fn mark_unready(client: &Client, now: Timestamp) -> Result<(), kube::Error> {
    let pods = Api::<Pod>::all(client.clone()).list(&ListParams::default()).await?;
    let patch = patch(now);
    let ready = pods.items.iter().filter(|it| is_ready(it));
    let patches = ready.map(|pod| {
        let api = Api::<Pod>::namespaced(client.clone(), &pod.namespace().unwrap_or_default());
        let (name, patch) = (pod.name_any(), &patch);
        async move { api.patch_status(&name, &PatchParams::default(), patch).await }
    });
    join_all(patches).await.into_iter().try_for_each(|it| it.map(drop))
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().filter_map(|it| it.conditions.as_ref()).flatten();
    conditions.into_iter().any(|it| it.type_ == "Ready" && it.status == "True")
}

fn patch(now: Timestamp) -> Patch<serde_json::Value> {
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now).to_string();
    let conditions = CONDITIONS.map(
        |it| json!({"type": it, "status": "False", "reason": REASON, "lastTransitionTime": now}),
    );
    Patch::Strategic(json!({"status": {"conditions": conditions}}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pods_that_are_ready_are_touched() {
        let pod = |status: &str| {
            let pod = json!({"metadata": {"name": "a"},
                "status": {"conditions": [{"type": "Ready", "status": status}]}});
            serde_json::from_value::<Pod>(pod).unwrap()
        };
        assert!(is_ready(&pod("True")));
        assert!(!is_ready(&pod("False")));
        assert!(!is_ready(&Pod::default()));
    }
}
