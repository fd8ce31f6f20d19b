//! Replicas that an autoscaler of the same release takes over.
//!
//! A chart then leaves `spec.replicas` out. Whoever owned the field and drops it resets it to one, until the autoscaler
//! has looked: so the field is given up, not dropped.

use serde_json::Value;

use crate::object;

/// Says that the manifest names no replicas and holds an autoscaler for this workload.
pub(crate) fn is_handed_over(workload: &Value, desired: &[Value]) -> bool {
    workload["spec"]["replicas"].is_null() && desired.iter().any(|it| scales(it, workload))
}

fn scales(scaler: &Value, workload: &Value) -> bool {
    let target = &scaler["spec"]["scaleTargetRef"];
    object::group(scaler) == "autoscaling"
        && object::kind(scaler) == "HorizontalPodAutoscaler"
        && object::namespace(scaler) == object::namespace(workload)
        && target["kind"] == object::kind(workload)
        && target["name"] == object::name(workload)
        && object::group(target) == object::group(workload)
}

/// A manifest as if it had never named replicas.
pub(crate) fn without_replicas(manifest: &Value) -> Value {
    let mut manifest = manifest.clone();
    if let Some(spec) = manifest.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("replicas");
    }
    manifest
}
