//! Conditions in a status: lists of (type, status, reason, message, times).

use serde_json::{Value, json};

pub(crate) use kobject::meta::{condition as find, is_condition_true as is_true};

use crate::object;

pub(crate) fn in_status<'a>(status: &'a Value, condition_type: &str) -> Option<&'a Value> {
    object::list_at(status, "conditions").iter().find(|it| it["type"] == condition_type)
}

/// Replaces a condition, unless status and reason are the same; the time of transition stays while the status does.
///
/// Source: `SetDeploymentCondition` and its siblings, Kubernetes 1.34, `pkg/controller/deployment/util`.
pub(crate) fn set(status: &mut Value, mut condition: Value) {
    let name = condition["type"].as_str().unwrap_or_default().to_owned();
    if let Some(current) = in_status(status, &name) {
        if current["status"] == condition["status"] && current["reason"] == condition["reason"] {
            return;
        }
        if current["status"] == condition["status"] {
            condition["lastTransitionTime"] = current["lastTransitionTime"].clone();
        }
    }
    remove(status, &name);
    push(status, condition);
}

/// Replaces a condition with one that counts even when only its message or time is new.
pub(crate) fn overwrite(status: &mut Value, mut condition: Value) {
    let name = condition["type"].as_str().unwrap_or_default().to_owned();
    if let Some(current) = in_status(status, &name)
        && current["status"] == condition["status"]
    {
        condition["lastTransitionTime"] = current["lastTransitionTime"].clone();
    }
    remove(status, &name);
    push(status, condition);
}

pub(crate) fn remove(status: &mut Value, condition_type: &str) {
    if let Some(conditions) = status.get_mut("conditions").and_then(Value::as_array_mut) {
        conditions.retain(|it| it["type"] != condition_type);
        if conditions.is_empty()
            && let Some(status) = status.as_object_mut()
        {
            status.remove("conditions");
        }
    }
}

fn push(status: &mut Value, condition: Value) {
    match status.get_mut("conditions").and_then(Value::as_array_mut) {
        Some(conditions) => conditions.push(condition),
        None => status["conditions"] = json!([condition]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_keeps_its_time_of_transition_while_its_status_stays() {
        let mut status = json!({});
        set(
            &mut status,
            json!({"type": "A", "status": "True", "reason": "x", "lastTransitionTime": "1"}),
        );
        set(
            &mut status,
            json!({"type": "A", "status": "True", "reason": "y", "lastTransitionTime": "2"}),
        );
        assert_eq!(status["conditions"][0]["lastTransitionTime"], "1");
        set(
            &mut status,
            json!({"type": "A", "status": "False", "reason": "y", "lastTransitionTime": "3"}),
        );
        assert_eq!(status["conditions"][0]["lastTransitionTime"], "3");
        remove(&mut status, "A");
        assert_eq!(status, json!({}));
    }
}
