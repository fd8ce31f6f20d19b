//! Columns of configuration, access, nodes, events and the rest of the core.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Printer, age, count, human_duration, list, name, number, since, text, text_or};
use crate::meta;

pub(super) fn printer(kind: &str) -> Option<Printer> {
    Some(match kind {
        "Namespace" => Printer {
            columns: "Name|Status|Age",
            cells: |object, now| {
                vec![name(object), text(&object["status"]["phase"]).into(), age(object, now)]
            },
        },
        "ConfigMap" => Printer {
            columns: "Name|Data|Age",
            cells: |map, now| {
                let n_keys = |key| map[key].as_object().map_or(0, Map::len);
                vec![name(map), (n_keys("data") + n_keys("binaryData")).into(), age(map, now)]
            },
        },
        "Secret" => Printer {
            columns: "Name|Type|Data|Age",
            cells: |secret, now| {
                vec![name(secret), secret["type"].clone(), count(&secret["data"]), age(secret, now)]
            },
        },
        "ServiceAccount" => Printer {
            columns: "Name|Secrets|Age",
            cells: |account, now| {
                vec![name(account), count(&account["secrets"]), age(account, now)]
            },
        },
        "ResourceQuota" => Printer { columns: "Name|Request|Limit|Age", cells: quota },
        "ComponentStatus" => Printer { columns: "Name|Status|Message|Error", cells: component },
        "Lease" => Printer {
            columns: "Name|Holder|Age",
            cells: |lease, now| {
                vec![name(lease), text(&lease["spec"]["holderIdentity"]).into(), age(lease, now)]
            },
        },
        "PriorityClass" => Printer {
            columns: "Name|Value:integer|Global-Default:boolean|Age|PreemptionPolicy",
            cells: |class, now| {
                let is_default = class["globalDefault"] == true;
                let policy = text(&class["preemptionPolicy"]).into();
                vec![
                    name(class),
                    number(&class["value"]).into(),
                    is_default.into(),
                    age(class, now),
                    policy,
                ]
            },
        },
        "RuntimeClass" => Printer {
            columns: "Name|Handler|Age",
            cells: |class, now| vec![name(class), class["handler"].clone(), age(class, now)],
        },
        _ => return wide_printer(kind),
    })
}

fn wide_printer(kind: &str) -> Option<Printer> {
    Some(match kind {
        "Node" => Printer {
            columns: "Name|Status|Roles|Age|Version|+Internal-IP|+External-IP|+OS-Image|+Kernel-Version|+Container-Runtime",
            cells: node,
        },
        "Event" => Printer {
            columns: "Last Seen|Type|Reason|Object|+Subobject|+Source|Message|+First Seen|+Count|+Name",
            cells: event,
        },
        "RoleBinding" | "ClusterRoleBinding" => {
            Printer { columns: "Name|Role|Age|+Users|+Groups|+ServiceAccounts", cells: binding }
        }
        "CertificateSigningRequest" => Printer {
            columns: "Name|Age|SignerName|Requestor|RequestedDuration|Condition",
            cells: signing_request,
        },
        _ => return None,
    })
}

fn quota(quota: &Value, now: Timestamp) -> Vec<Value> {
    let status = &quota["status"];
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    for (resource, hard) in status["hard"].as_object().into_iter().flatten() {
        let used = text_or(&status["used"][resource.as_str()], "0");
        let shown = format!("{resource}: {used}/{}", text(hard));
        if resource.starts_with("limits.") { limits.push(shown) } else { requests.push(shown) }
    }
    vec![name(quota), requests.join(", ").into(), limits.join(", ").into(), age(quota, now)]
}

fn component(component: &Value, _: Timestamp) -> Vec<Value> {
    let healthy = list(&component["conditions"]).iter().find(|it| it["type"] == "Healthy");
    let part = |key: &str| healthy.map_or("", |it| text(&it[key])).into();
    let status = match healthy.map(|it| text(&it["status"])) {
        None => "Unknown",
        Some("True") => "Healthy",
        Some(_) => "Unhealthy",
    };
    vec![name(component), status.into(), part("message"), part("error")]
}

fn node(node: &Value, now: Timestamp) -> Vec<Value> {
    let info = &node["status"]["nodeInfo"];
    let status = match meta::condition(node, "Ready") {
        None => "Unknown",
        Some(ready) if ready["status"] == "True" => "Ready",
        Some(_) => "NotReady",
    };
    let is_closed = node["spec"]["unschedulable"] == true;
    let status = if is_closed { format!("{status},SchedulingDisabled") } else { status.to_owned() };
    let address = |kind: &str| {
        let found = list(&node["status"]["addresses"]).iter().find(|it| it["type"] == kind);
        found.map_or("<none>", |it| text(&it["address"])).into()
    };
    vec![
        name(node),
        status.into(),
        roles(node).into(),
        age(node, now),
        text(&info["kubeletVersion"]).into(),
        address("InternalIP"),
        address("ExternalIP"),
        text_or(&info["osImage"], "<unknown>").into(),
        text_or(&info["kernelVersion"], "<unknown>").into(),
        text_or(&info["containerRuntimeVersion"], "<unknown>").into(),
    ]
}

fn roles(node: &Value) -> String {
    let labels = meta::labels(node).into_iter().flatten();
    let mut roles: Vec<&str> = labels
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => Some(role),
            None if key == "kubernetes.io/role" => value.as_str(),
            None => None,
        })
        .filter(|it| !it.is_empty())
        .collect();
    roles.sort_unstable();
    roles.dedup();
    super::joined(roles.into_iter())
}

/// An event of the core group, or of `events.k8s.io`, which names some fields otherwise.
fn event(event: &Value, now: Timestamp) -> Vec<Value> {
    let either = |old: &'static str, new: &'static str| {
        if event[old].is_null() { &event[new] } else { &event[old] }
    };
    let series = &event["series"];
    let first = either("firstTimestamp", "deprecatedFirstTimestamp");
    let first = since(if first.is_null() { &event["eventTime"] } else { first }, now);
    let last = either("lastTimestamp", "deprecatedLastTimestamp");
    let last = match (series.is_null(), last.is_null()) {
        (false, _) => since(&series["lastObservedTime"], now),
        (true, false) => since(last, now),
        (true, true) => first.clone(),
    };
    let counted =
        if series.is_null() { either("count", "deprecatedCount") } else { &series["count"] };
    let object = either("involvedObject", "regarding");
    let target = [text(&object["kind"]).to_lowercase(), text(&object["name"]).to_owned()];
    let target = if target[1].is_empty() { target[0].clone() } else { target.join("/") };
    let source = either("source", "deprecatedSource");
    let component =
        text_or(&source["component"], text(either("reportingComponent", "reportingController")));
    let host = text_or(&source["host"], text(&event["reportingInstance"]));
    let source =
        if host.is_empty() { component.to_owned() } else { format!("{component}, {host}") };
    vec![
        last.into(),
        text(&event["type"]).into(),
        text(&event["reason"]).into(),
        target.into(),
        text(&object["fieldPath"]).into(),
        source.into(),
        text(either("message", "note")).trim().into(),
        first.into(),
        number(counted).max(1).into(),
        name(event),
    ]
}

fn binding(binding: &Value, now: Timestamp) -> Vec<Value> {
    let role = &binding["roleRef"];
    let subjects = |kind: &str| -> Value {
        let found = list(&binding["subjects"]).iter().filter(|it| it["kind"] == kind);
        let names: Vec<String> = found
            .map(|it| match kind {
                "ServiceAccount" => format!("{}/{}", text(&it["namespace"]), text(&it["name"])),
                _ => text(&it["name"]).to_owned(),
            })
            .collect();
        names.join(", ").into()
    };
    vec![
        name(binding),
        format!("{}/{}", text(&role["kind"]), text(&role["name"])).into(),
        age(binding, now),
        subjects("User"),
        subjects("Group"),
        subjects("ServiceAccount"),
    ]
}

fn signing_request(request: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&request["spec"], &request["status"]);
    let has = |kind: &str| list(&status["conditions"]).iter().any(|it| it["type"] == kind);
    let mut words = vec![match () {
        () if has("Denied") => "Denied",
        () if has("Approved") => "Approved",
        () => "Pending",
    }];
    words.extend(has("Failed").then_some("Failed"));
    words.extend((!text(&status["certificate"]).is_empty()).then_some("Issued"));
    let seconds = spec["expirationSeconds"].as_i64();
    let duration = seconds.map(|it| human_duration(jiff::SignedDuration::from_secs(it)));
    vec![
        name(request),
        age(request, now),
        text_or(&spec["signerName"], "<none>").into(),
        text(&spec["username"]).into(),
        duration.unwrap_or_else(|| "<none>".to_owned()).into(),
        words.join(",").into(),
    ]
}
