//! The quality of service class of a pod.
//!
//! Source: kubernetes 1.34, `pkg/apis/core/v1/helper/qos`, `ComputePodQOS`.

use kobject::Quantity;
use serde_json::Value;

const RESOURCES: [&str; 2] = ["cpu", "memory"];

pub(crate) fn qos_class(pod: &Value) -> &'static str {
    let of = |name: &str| pod["spec"][name].as_array().map_or(&[][..], Vec::as_slice);
    let containers: Vec<&Value> = of("containers").iter().chain(of("initContainers")).collect();
    let has = |container: &Value, kind: &str, name: &str| {
        amount(container, kind, name).is_some_and(|it| it > 0)
    };
    let is_best_effort = !containers.iter().any(|container| {
        RESOURCES.iter().any(|it| has(container, "requests", it) || has(container, "limits", it))
    });
    if is_best_effort {
        return "BestEffort";
    }
    let is_guaranteed = containers.iter().all(|container| {
        RESOURCES.iter().all(|it| {
            let limit = amount(container, "limits", it);
            let request = amount(container, "requests", it);
            limit.is_some_and(|it| it > 0) && (request.is_none() || request == limit)
        })
    });
    if is_guaranteed { "Guaranteed" } else { "Burstable" }
}

/// In thousandths.
fn amount(container: &Value, kind: &str, name: &str) -> Option<i64> {
    let value = &container["resources"][kind][name];
    Some(Quantity::from_json(value)?.to_milli())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(resources: &Value, expect: &str) {
        let pod = json!({ "spec": { "containers": [{ "resources": resources }] } });
        assert_eq!(qos_class(&pod), expect, "{resources}");
    }

    #[test]
    fn the_class_follows_requests_and_limits() {
        check(&json!({}), "BestEffort");
        check(&json!({ "requests": { "cpu": "0" } }), "BestEffort");
        check(&json!({ "requests": { "cpu": "1" } }), "Burstable");
        let limits = json!({ "cpu": "1", "memory": "1Gi" });
        check(&json!({ "limits": limits }), "Guaranteed");
        check(&json!({ "limits": limits, "requests": { "cpu": "1000m" } }), "Guaranteed");
        check(&json!({ "limits": limits, "requests": { "cpu": "500m" } }), "Burstable");
    }
}
