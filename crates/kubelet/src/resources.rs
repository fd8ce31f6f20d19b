//! What containers ask of the machine: quality of service, cgroup values, OOM scores, `resourceFieldRef`.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Container, Pod, PodSpec, ResourceFieldSelector},
    apimachinery::pkg::api::resource::Quantity,
};

const CRITICAL_PRIORITY: i32 = 2_000_000_000;
/// Of pods that must not be killed first; the kernel's range is -1000 to 1000.
const OOM_SCORE_GUARANTEED: i32 = -997;
const OOM_SCORE_BEST_EFFORT: i32 = 1000;

/// What the whole machine offers to pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) cpu_milli: i64,
    pub(crate) memory_bytes: i64,
    pub(crate) disk_bytes: i64,
    pub(crate) pods_max: u32,
}

/// A pod's quality of service class, in the words of `status.qosClass`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Qos {
    Guaranteed,
    Burstable,
    BestEffort,
}

impl Qos {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Guaranteed => "Guaranteed",
            Self::Burstable => "Burstable",
            Self::BestEffort => "BestEffort",
        }
    }
}

/// Classifies a pod by the CPU and memory of all its containers.
///
/// Source: Kubernetes 1.34, `pkg/apis/core/v1/helper/qos/qos.go`.
pub(crate) fn qos(spec: &PodSpec) -> Qos {
    let mut asks_anything = false;
    let mut is_guaranteed = true;
    for container in spec.init_containers.iter().flatten().chain(&spec.containers) {
        for name in ["cpu", "memory"] {
            let limit = limit(container, name).filter(|it| *it > 0);
            let request = request(container, name).filter(|it| *it > 0);
            asks_anything |= limit.is_some() || request.is_some();
            is_guaranteed &= limit.is_some() && limit == request;
        }
    }
    match (asks_anything, is_guaranteed) {
        (false, _) => Qos::BestEffort,
        (true, true) => Qos::Guaranteed,
        (true, false) => Qos::Burstable,
    }
}

/// Says how early the kernel may kill this container when memory runs out.
///
/// Source: Kubernetes 1.34, `pkg/kubelet/qos/policy.go`.
pub(crate) fn oom_score_adj(pod: &Pod, container: &Container, machine: &Machine) -> i32 {
    let Some(spec) = &pod.spec else { return OOM_SCORE_BEST_EFFORT };
    if spec.priority.is_some_and(|it| it >= CRITICAL_PRIORITY) {
        return OOM_SCORE_GUARANTEED;
    }
    match qos(spec) {
        Qos::Guaranteed => OOM_SCORE_GUARANTEED,
        Qos::BestEffort => OOM_SCORE_BEST_EFFORT,
        Qos::Burstable => {
            // In thousandths of a byte on both sides, so the ratio is the same.
            let request = request(container, "memory").unwrap_or(0);
            let share = i128::from(request) / i128::from(machine.memory_bytes.max(1));
            let score = 1000 - i32::try_from(share).unwrap_or(1000);
            score.clamp(1000 + OOM_SCORE_GUARANTEED, 999)
        }
    }
}

/// What a container's cgroup is given; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cgroup {
    pub(crate) memory_limit_bytes: Option<u64>,
    pub(crate) cpu_shares_milli: Option<u64>,
    pub(crate) cpu_limit_milli: Option<u64>,
}

pub(crate) fn cgroup(container: &Container) -> Cgroup {
    let positive = |it: i64| u64::try_from(it).ok().filter(|it| *it > 0);
    Cgroup {
        memory_limit_bytes: limit(container, "memory").and_then(|it| positive(divide_up(it, 1000))),
        cpu_shares_milli: request(container, "cpu").and_then(positive),
        cpu_limit_milli: limit(container, "cpu").and_then(positive),
    }
}

/// Why a `resourceFieldRef` has no value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum ResourceFieldError {
    #[error("unsupported container resource: {0}")]
    Unsupported(String),
    #[error("container {0} not found")]
    NoContainer(String),
    #[error("divisor `{0}` of resource `{1}` is no positive quantity")]
    Divisor(String, String),
}

/// Computes `limits.cpu`, `requests.memory` and the like of a container, divided and rounded up.
///
/// A missing limit is what the machine has; a missing request is the limit when there is one, else 0.
/// Source: Kubernetes 1.34, `pkg/api/v1/resource/helpers.go`.
pub(crate) fn resource_field(
    selector: &ResourceFieldSelector,
    container: &Container,
    machine: &Machine,
) -> Result<String, ResourceFieldError> {
    let unsupported = || ResourceFieldError::Unsupported(selector.resource.clone());
    let (kind, name) = selector.resource.split_once('.').ok_or_else(unsupported)?;
    let whole = match name {
        "cpu" => machine.cpu_milli,
        "memory" => machine.memory_bytes.saturating_mul(1000),
        "ephemeral-storage" => machine.disk_bytes.saturating_mul(1000),
        _ if name.starts_with("hugepages-") => 0,
        _ => return Err(unsupported()),
    };
    let amount_milli = match kind {
        "limits" => limit(container, name).unwrap_or(whole),
        "requests" => request(container, name).unwrap_or(0),
        _ => return Err(unsupported()),
    };
    let divisor = selector.divisor.as_ref().map_or("1", |it| it.0.as_str());
    let divisor_milli = match divisor {
        "" | "0" => 1000,
        text => milli(text).filter(|it| *it > 0).ok_or_else(|| {
            ResourceFieldError::Divisor(divisor.to_owned(), selector.resource.clone())
        })?,
    };
    Ok(divide_up(amount_milli, divisor_milli).to_string())
}

/// A container of the pod by name, among init containers too.
pub(crate) fn container<'a>(spec: &'a PodSpec, name: &str) -> Option<&'a Container> {
    spec.containers.iter().chain(spec.init_containers.iter().flatten()).find(|it| it.name == name)
}

/// In thousandths.
fn limit(container: &Container, name: &str) -> Option<i64> {
    amount(container.resources.as_ref()?.limits.as_ref()?, name)
}

/// In thousandths; a missing request is the limit.
fn request(container: &Container, name: &str) -> Option<i64> {
    let resources = container.resources.as_ref()?;
    let request = resources.requests.as_ref().and_then(|it| amount(it, name));
    request.or_else(|| limit(container, name))
}

fn amount(amounts: &BTreeMap<String, Quantity>, name: &str) -> Option<i64> {
    milli(&amounts.get(name)?.0)
}

/// Thousandths of a quantity, rounded up; `None` for what is no quantity.
pub(crate) fn milli(text: &str) -> Option<i64> {
    let quantity: kobject::Quantity = text.parse().ok()?;
    Some(quantity.to_milli())
}

/// Whole units of a quantity (bytes, say), rounded up.
pub(crate) fn whole(quantity: &Quantity) -> Option<u64> {
    u64::try_from(divide_up(milli(&quantity.0)?, 1000)).ok()
}

/// Rounds up; both are not negative.
fn divide_up(amount: i64, by: i64) -> i64 {
    amount / by + i64::from(amount % by > 0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const MACHINE: Machine =
        Machine { cpu_milli: 2000, memory_bytes: 8 << 30, disk_bytes: 1 << 40, pods_max: 110 };

    fn pod(resources: &Value) -> Pod {
        let spec = json!({"containers": [{"name": "a", "resources": resources}]});
        serde_json::from_value(json!({"spec": spec})).unwrap()
    }

    fn check_qos(resources: &Value, want: Qos, score: i32) {
        let pod = pod(resources);
        let spec = pod.spec.as_ref().unwrap();
        assert_eq!(qos(spec), want, "{resources}");
        assert_eq!(oom_score_adj(&pod, &spec.containers[0], &MACHINE), score, "{resources}");
    }

    #[test]
    fn classes_and_scores_are_those_of_upstream() {
        check_qos(&json!({}), Qos::BestEffort, 1000);
        check_qos(&json!({"limits": {"cpu": "1", "memory": "1Gi"}}), Qos::Guaranteed, -997);
        check_qos(&json!({"requests": {"memory": "2Gi"}}), Qos::Burstable, 750);
        check_qos(&json!({"requests": {"cpu": "100m"}}), Qos::Burstable, 999);
        let uneven = json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}});
        check_qos(&uneven, Qos::Burstable, 875);
    }

    #[test]
    fn cgroup_values_come_from_limits_and_requests() {
        let pod = pod(&json!({"limits": {"cpu": "1500m", "memory": "64Mi"}}));
        let want = Cgroup {
            memory_limit_bytes: Some(64 << 20),
            cpu_shares_milli: Some(1500),
            cpu_limit_milli: Some(1500),
        };
        assert_eq!(cgroup(&pod.spec.unwrap().containers[0]), want);
    }

    #[test]
    fn resource_fields_are_divided_and_rounded_up() {
        let pod = pod(&json!({"limits": {"cpu": "1100m"}, "requests": {"memory": "1Mi"}}));
        let container = &pod.spec.unwrap().containers[0];
        let check = |resource: &str, divisor: &str, want: &str| {
            let selector = ResourceFieldSelector {
                resource: resource.to_owned(),
                divisor: Some(Quantity(divisor.to_owned())),
                container_name: None,
            };
            assert_eq!(resource_field(&selector, container, &MACHINE).unwrap(), want);
        };
        check("limits.cpu", "0", "2");
        check("limits.cpu", "1m", "1100");
        check("requests.memory", "1Ki", "1024");
        check("limits.memory", "1Gi", "8");
    }
}
