//! Columns of what extends the API, of flow control and of devices.

use serde_json::Value;

use super::{Printer, age, count, list, name, number, text, text_or};
use crate::meta;

pub(super) fn printer(kind: &str) -> Option<Printer> {
    Some(match kind {
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => Printer {
            columns: "Name|Webhooks:integer|Age",
            cells: |object, now| vec![name(object), count(&object["webhooks"]), age(object, now)],
        },
        "ValidatingAdmissionPolicy" => Printer {
            columns: "Name|Validations:integer|ParamKind|Age",
            cells: |policy, now| {
                let spec = &policy["spec"];
                vec![
                    name(policy),
                    count(&spec["validations"]),
                    param_kind(&spec["paramKind"]).into(),
                    age(policy, now),
                ]
            },
        },
        "ValidatingAdmissionPolicyBinding" => Printer {
            columns: "Name|PolicyName|ParamRef|Age",
            cells: |binding, now| {
                let spec = &binding["spec"];
                vec![
                    name(binding),
                    spec["policyName"].clone(),
                    param(&spec["paramRef"]).into(),
                    age(binding, now),
                ]
            },
        },
        "APIService" => Printer {
            columns: "Name|Service|Available|Age",
            cells: |service, now| {
                let target = &service["spec"]["service"];
                let target = match target.is_null() {
                    true => "Local".to_owned(),
                    false => format!("{}/{}", text(&target["namespace"]), text(&target["name"])),
                };
                vec![name(service), target.into(), available(service).into(), age(service, now)]
            },
        },
        "FlowSchema" => Printer {
            columns: "Name|PriorityLevel|MatchingPrecedence|DistinguisherMethod|Age|MissingPL",
            cells: |flow, now| {
                let spec = &flow["spec"];
                let missing =
                    meta::condition(flow, "Dangling").map_or("?", |it| text(&it["status"]));
                vec![
                    name(flow),
                    text(&spec["priorityLevelConfiguration"]["name"]).into(),
                    number(&spec["matchingPrecedence"]).into(),
                    text_or(&spec["distinguisherMethod"]["type"], "<none>").into(),
                    age(flow, now),
                    missing.into(),
                ]
            },
        },
        _ => return device_printer(kind),
    })
}

fn device_printer(kind: &str) -> Option<Printer> {
    Some(match kind {
        "PriorityLevelConfiguration" => Printer {
            columns: "Name|Type|NominalConcurrencyShares|Queues|HandSize|QueueLengthLimit|Age",
            cells: |level, now| {
                let limited = &level["spec"]["limited"];
                let queuing = &limited["limitResponse"]["queuing"];
                let part =
                    |value: &Value| if value.is_null() { "<none>".into() } else { value.clone() };
                vec![
                    name(level),
                    level["spec"]["type"].clone(),
                    part(&limited["nominalConcurrencyShares"]),
                    part(&queuing["queues"]),
                    part(&queuing["handSize"]),
                    part(&queuing["queueLengthLimit"]),
                    age(level, now),
                ]
            },
        },
        "DeviceClass" | "ResourceClaimTemplate" => Printer {
            columns: "Name|Age",
            cells: |object, now| vec![name(object), age(object, now)],
        },
        "ResourceClaim" => Printer {
            columns: "Name|State|Age",
            cells: |claim, now| vec![name(claim), claim_state(claim).into(), age(claim, now)],
        },
        "ResourceSlice" => Printer {
            columns: "Name|Node|Driver|Pool|Age",
            cells: |slice, now| {
                let spec = &slice["spec"];
                let part = |value: &Value| text(value).into();
                vec![
                    name(slice),
                    part(&spec["nodeName"]),
                    part(&spec["driver"]),
                    part(&spec["pool"]["name"]),
                    age(slice, now),
                ]
            },
        },
        _ => return None,
    })
}

fn param_kind(kind: &Value) -> String {
    if kind.is_null() {
        return "<unset>".to_owned();
    }
    format!("{}/{}", text(&kind["apiVersion"]), text(&kind["kind"]))
}

fn param(reference: &Value) -> String {
    match (text(&reference["name"]), text_or(&reference["namespace"], "*")) {
        ("", _) if reference["selector"].is_null() => "<unset>".to_owned(),
        ("", _) => reference["selector"].to_string(),
        (name, namespace) => format!("{namespace}/{name}"),
    }
}

fn available(service: &Value) -> String {
    match meta::condition(service, "Available") {
        None => "Unknown".to_owned(),
        Some(it) if it["status"] == "True" => "True".to_owned(),
        Some(it) => format!("{} ({})", text(&it["status"]), text(&it["reason"])),
    }
}

fn claim_state(claim: &Value) -> String {
    let status = &claim["status"];
    let is_deleted = meta::deletion_timestamp(claim).is_some();
    let mut states = Vec::new();
    states.extend(is_deleted.then_some("deleted"));
    if status["allocation"].is_null() {
        states.extend((!is_deleted).then_some("pending"));
    } else {
        states.push("allocated");
        states.extend((!list(&status["reservedFor"]).is_empty()).then_some("reserved"));
    }
    states.join(",")
}
