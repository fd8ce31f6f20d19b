//! Defaults of what extends the API: webhooks, policies, custom resources, flow control.

use serde_json::{Value, json};

use super::{Object, child, items, set, set_zero, text};

pub(super) fn fill(kind: &str, map: &mut Object) {
    match kind {
        "admissionregistration.v1.ValidatingWebhook" => webhook(map),
        "admissionregistration.v1.MutatingWebhook" => {
            webhook(map);
            set(map, "reinvocationPolicy", "Never");
        }
        "admissionregistration.v1.RuleWithOperations"
        | "admissionregistration.v1.NamedRuleWithOperations" => set(map, "scope", "*"),
        "admissionregistration.v1.ServiceReference" => set(map, "port", 443),
        "admissionregistration.v1.ValidatingAdmissionPolicySpec" => {
            set(map, "failurePolicy", "Fail");
        }
        "admissionregistration.v1.MatchResources" => {
            set(map, "matchPolicy", "Equivalent");
            set(map, "namespaceSelector", json!({}));
            set(map, "objectSelector", json!({}));
        }
        "apiextensions.v1.CustomResourceDefinition" => custom_resource_definition(map),
        "flowcontrol.v1.FlowSchemaSpec" => set_zero(map, "matchingPrecedence", 1000),
        "flowcontrol.v1.ExemptPriorityLevelConfiguration" => {
            set(map, "nominalConcurrencyShares", 0);
            set(map, "lendablePercent", 0);
        }
        "flowcontrol.v1.LimitedPriorityLevelConfiguration" => {
            set(map, "nominalConcurrencyShares", 30);
            set(map, "lendablePercent", 0);
        }
        "flowcontrol.v1.QueuingConfiguration" => {
            set_zero(map, "handSize", 8);
            set_zero(map, "queues", 64);
            set_zero(map, "queueLengthLimit", 50);
        }
        _ => {}
    }
}

fn webhook(map: &mut Object) {
    set(map, "failurePolicy", "Fail");
    set(map, "matchPolicy", "Equivalent");
    set(map, "namespaceSelector", json!({}));
    set(map, "objectSelector", json!({}));
    set(map, "timeoutSeconds", 10);
}

fn custom_resource_definition(map: &mut Object) {
    let spec = child(map, "spec");
    let names = child(spec, "names");
    let kind = text(names, "kind").to_owned();
    set_zero(names, "singular", kind.to_lowercase());
    if !kind.is_empty() {
        set_zero(names, "listKind", format!("{kind}List"));
    }
    set(spec, "conversion", json!({"strategy": "None"}));
    let webhook = spec.get_mut("conversion").and_then(|it| it.get_mut("webhook"));
    let service = webhook.and_then(|it| it.get_mut("clientConfig")?.get_mut("service"));
    if let Some(service) = service.and_then(Value::as_object_mut) {
        set(service, "port", 443);
    }
    let is_stored = |it: &&mut Object| it.get("storage") == Some(&Value::Bool(true));
    let stored = items(spec, "versions").find(is_stored).map(|it| text(it, "name").to_owned());
    if let Some(name) = stored {
        set_zero(child(map, "status"), "storedVersions", json!([name]));
    }
}
