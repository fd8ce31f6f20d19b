//! Events: events.k8s.io/v1 and core/v1 name the same things differently.
//!
//! Source: kubernetes 1.34, `pkg/apis/events/v1/conversion.go`.

use serde_json::{Map, Value};

/// events.k8s.io/v1, core/v1.
const NAMES: [(&str, &str); 7] = [
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("reportingController", "reportingComponent"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
];

pub(crate) fn to_core(event: Value) -> Value {
    rename(event, "v1", |name| NAMES.iter().find(|it| it.0 == name).map(|it| it.1))
}

pub(crate) fn from_core(event: Value) -> Value {
    rename(event, "events.k8s.io/v1", |name| NAMES.iter().find(|it| it.1 == name).map(|it| it.0))
}

fn rename(event: Value, api_version: &str, other: impl Fn(&str) -> Option<&'static str>) -> Value {
    let Value::Object(fields) = event else { return event };
    let renamed = |(name, value): (String, Value)| {
        let name = other(&name).map_or(name, str::to_owned);
        (name, value)
    };
    let mut fields: Map<String, Value> = fields.into_iter().map(renamed).collect();
    fields.insert("apiVersion".to_owned(), api_version.into());
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_comes_back_from_its_stored_form() {
        let event = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "regarding": { "kind": "Pod" }, "note": "Started", "reason": "Started",
            "reportingController": "kubelet", "deprecatedCount": 2,
        });
        let core = to_core(event.clone());
        assert_eq!(core["involvedObject"]["kind"], "Pod");
        assert_eq!(core["message"], "Started");
        assert_eq!(core["reportingComponent"], "kubelet");
        assert_eq!(from_core(core), event);
    }
}
