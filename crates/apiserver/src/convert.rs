//! Between the versions of a kind: what is stored has one, what is asked for may have another. Pure.
//!
//! Events are stored as core/v1, HorizontalPodAutoscalers as autoscaling/v2.

use kobject::Resource;
use serde_json::{Value, json};

mod event;

/// Whether objects of this resource look different when stored.
pub(crate) fn is_converted(resource: &Resource) -> bool {
    conversion(resource).is_some()
}

/// The object as it is kept.
pub(crate) fn to_stored(resource: &Resource, object: Value) -> Value {
    match conversion(resource) {
        None => object,
        Some(Conversion::Event) => event::to_core(object),
        Some(Conversion::Autoscaler) => autoscaler_to_v2(object),
    }
}

/// The object as this resource's version has it.
pub(crate) fn from_stored(resource: &Resource, object: Value) -> Value {
    match conversion(resource) {
        None => object,
        Some(Conversion::Event) => event::from_core(object),
        Some(Conversion::Autoscaler) => autoscaler_to_v1(object),
    }
}

enum Conversion {
    Event,
    Autoscaler,
}

fn conversion(resource: &Resource) -> Option<Conversion> {
    match (resource.group.as_str(), resource.version.as_str(), resource.kind.as_str()) {
        ("events.k8s.io", _, "Event") => Some(Conversion::Event),
        ("autoscaling", "v1", "HorizontalPodAutoscaler") => Some(Conversion::Autoscaler),
        _ => None,
    }
}

/// The first version knows nothing but CPU: other metrics and behaviour are not shown by it.
fn autoscaler_to_v1(mut object: Value) -> Value {
    object["apiVersion"] = "autoscaling/v1".into();
    let target = cpu(&object["spec"]["metrics"], "target");
    let current = cpu(&object["status"]["currentMetrics"], "current");
    if let Some(spec) = fields(&mut object, "spec") {
        spec.remove("metrics");
        spec.remove("behavior");
        spec.extend(target.map(|it| ("targetCPUUtilizationPercentage".to_owned(), it)));
    }
    if let Some(status) = fields(&mut object, "status") {
        status.remove("currentMetrics");
        status.remove("conditions");
        status.extend(current.map(|it| ("currentCPUUtilizationPercentage".to_owned(), it)));
    }
    object
}

/// A part of the object that is there; indexing would make it.
fn fields<'a>(object: &'a mut Value, name: &str) -> Option<&'a mut serde_json::Map<String, Value>> {
    object.get_mut(name)?.as_object_mut()
}

fn cpu(metrics: &Value, part: &str) -> Option<Value> {
    let mut metrics = metrics.as_array()?.iter();
    let metric = metrics.find(|it| it["resource"]["name"] == "cpu")?;
    Some(metric["resource"][part]["averageUtilization"].clone()).filter(|it| !it.is_null())
}

fn autoscaler_to_v2(mut object: Value) -> Value {
    object["apiVersion"] = "autoscaling/v2".into();
    let metric = |part: &str, value: Value| {
        json!([{ "type": "Resource", "resource": {
            "name": "cpu", part: { "type": "Utilization", "averageUtilization": value },
        } }])
    };
    if let Some(spec) = fields(&mut object, "spec")
        && let Some(target) = spec.remove("targetCPUUtilizationPercentage")
    {
        spec.insert("metrics".to_owned(), metric("target", target));
    }
    if let Some(status) = fields(&mut object, "status")
        && let Some(current) = status.remove("currentCPUUtilizationPercentage")
    {
        status.insert("currentMetrics".to_owned(), metric("current", current));
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_autoscaler_comes_back_from_its_stored_form() {
        let v1 = json!({
            "apiVersion": "autoscaling/v1",
            "spec": { "maxReplicas": 3, "targetCPUUtilizationPercentage": 80 },
        });
        let v2 = autoscaler_to_v2(v1.clone());
        assert_eq!(v2["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 80);
        assert_eq!(autoscaler_to_v1(v2), v1);
    }
}
