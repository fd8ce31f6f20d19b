//! What a pod requests of a node, as amounts that can be added and compared.

use std::collections::BTreeMap;

use kobject::Quantity;
use serde_json::{Map, Value};

use crate::object;

/// By resource name, in thousandths.
pub(crate) type Amounts = BTreeMap<String, i128>;

/// One whole unit of a resource.
pub(crate) const UNIT: i128 = 1000;

/// The amount that a quantity means, in thousandths, rounded up; what is no quantity counts as zero.
pub(crate) fn amount(quantity: &Value) -> i128 {
    Quantity::from_json(quantity).map_or(0, |it| i128::from(it.to_milli()))
}

pub(crate) fn amounts(list: Option<&Map<String, Value>>) -> Amounts {
    list.into_iter().flatten().map(|(resource, it)| (resource.clone(), amount(it))).collect()
}

fn add(sum: &mut Amounts, more: &Amounts) {
    for (resource, amount) in more {
        *sum.entry(resource.clone()).or_default() += amount;
    }
}

fn raise(floor: &mut Amounts, more: &Amounts) {
    for (resource, amount) in more {
        let current = floor.entry(resource.clone()).or_default();
        *current = (*current).max(*amount);
    }
}

/// All that a pod requests: its containers together, or its greediest init container, and the overhead.
pub(crate) fn requests(pod: &Value) -> Amounts {
    let of = |container: &Value| amounts(object::map_at(container, "resources.requests"));
    let mut sum = Amounts::new();
    for container in object::list_at(pod, "spec.containers") {
        add(&mut sum, &of(container));
    }
    let (mut sidecars, mut peak) = (Amounts::new(), Amounts::new());
    for container in object::list_at(pod, "spec.initContainers") {
        let mut wanted = of(container);
        if container["restartPolicy"] == "Always" {
            add(&mut sidecars, &wanted);
            wanted = sidecars.clone();
        } else {
            add(&mut wanted, &sidecars);
        }
        raise(&mut peak, &wanted);
    }
    add(&mut sum, &sidecars);
    raise(&mut sum, &peak);
    add(&mut sum, &amounts(object::map_at(pod, "spec.overhead")));
    sum
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn init_containers_raise_what_a_pod_requests() {
        let container = |cpu: &str| json!({"resources": {"requests": {"cpu": cpu}}});
        let pod = json!({"spec": {
            "containers": [container("100m"), container("0.2")],
            "initContainers": [container("500m")],
        }});
        assert_eq!(requests(&pod), Amounts::from([("cpu".to_owned(), 500)]));
    }
}
