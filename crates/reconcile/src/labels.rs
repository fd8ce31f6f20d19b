//! Which labels a `metav1.LabelSelector`, a plain map of labels, or a node selector term selects.

use serde_json::{Map, Value};

use crate::object;

type Labels<'a> = Option<&'a Map<String, Value>>;

/// Whether a `metav1.LabelSelector` selects these labels; an empty one selects all, an absent one nothing.
pub(crate) fn selects(selector: Option<&Value>, labels: Labels<'_>) -> bool {
    let Some(selector) = selector else { return false };
    let pairs = object::map_at(selector, "matchLabels");
    contains(labels, pairs)
        && object::list_at(selector, "matchExpressions").iter().all(|it| requirement(it, labels))
}

/// Whether a `metav1.LabelSelector` says nothing, and so would select everything.
pub(crate) fn is_everything(selector: Option<&Value>) -> bool {
    selector.is_some_and(|it| {
        object::map_at(it, "matchLabels").is_none_or(Map::is_empty)
            && object::list_at(it, "matchExpressions").is_empty()
    })
}

/// Whether the labels have all these pairs.
pub(crate) fn contains(labels: Labels<'_>, pairs: Labels<'_>) -> bool {
    pairs.into_iter().flatten().all(|(key, value)| labels.and_then(|it| it.get(key)) == Some(value))
}

/// One requirement: `In`, `NotIn`, `Exists`, `DoesNotExist`, and for nodes `Gt` and `Lt`.
pub(crate) fn requirement(expression: &Value, labels: Labels<'_>) -> bool {
    let values = object::list_at(expression, "values");
    let value = labels.and_then(|it| it.get(object::str_at(expression, "key")));
    let number = |value: &Value| value.as_str().and_then(|it| it.parse::<i64>().ok());
    let compare = |holds: fn(&i64, &i64) -> bool| {
        let pair = value.and_then(number).zip(values.first().and_then(number));
        pair.is_some_and(|(value, bound)| holds(&value, &bound))
    };
    match object::str_at(expression, "operator") {
        "In" => value.is_some_and(|it| values.contains(it)),
        "NotIn" => value.is_none_or(|it| !values.contains(it)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compare(i64::gt),
        "Lt" => compare(i64::lt),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(selector: &Value, labels: &Value, expect: bool) {
        assert_eq!(selects(Some(selector), labels.as_object()), expect, "{selector} on {labels}");
    }

    #[test]
    fn selectors_select_as_upstream() {
        let labels = json!({"app": "faro", "tier": "web"});
        check(&json!({}), &labels, true);
        check(&json!({"matchLabels": {"app": "faro"}}), &labels, true);
        check(&json!({"matchLabels": {"app": "other"}}), &labels, false);
        let on = |operator: &str, values: Value| json!({"matchExpressions": [{"key": "tier", "operator": operator, "values": values}]});
        check(&on("In", json!(["web", "db"])), &labels, true);
        check(&on("NotIn", json!(["web"])), &labels, false);
        check(&on("NotIn", json!(["web"])), &json!({}), true);
        check(&on("Exists", json!([])), &labels, true);
        check(&on("DoesNotExist", json!([])), &labels, false);
        assert!(!selects(None, labels.as_object()));
    }
}
