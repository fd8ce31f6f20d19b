//! Which labels a `metav1.LabelSelector`, a plain map of labels, or a requirement of a node selector selects.

use kobject::LabelSelector;
use serde_json::{Map, Value};

use crate::object;

type Labels<'a> = Option<&'a Map<String, Value>>;

/// Reads a `metav1.LabelSelector`; an absent one, or one that cannot be read, selects nothing.
pub(crate) fn selector(selector: Option<&Value>) -> LabelSelector {
    LabelSelector::from_object(selector.unwrap_or(&Value::Null))
        .unwrap_or_else(|_| LabelSelector::nothing())
}

/// Whether a `metav1.LabelSelector` selects these labels.
pub(crate) fn selects(selector: Option<&Value>, labels: Labels<'_>) -> bool {
    self::selector(selector).matches(labels)
}

/// Whether the labels have all these pairs.
pub(crate) fn contains(labels: Labels<'_>, pairs: Labels<'_>) -> bool {
    pairs.into_iter().flatten().all(|(key, value)| labels.and_then(|it| it.get(key)) == Some(value))
}

/// One requirement of a node selector: unlike a label selector's it may also be `Gt` or `Lt`.
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

    fn check(operator: &str, values: &Value, expect: bool) {
        let labels = json!({ "tier": "web", "cores": "8" });
        let key = if matches!(operator, "Gt" | "Lt") { "cores" } else { "tier" };
        let expression = json!({ "key": key, "operator": operator, "values": values });
        assert_eq!(requirement(&expression, labels.as_object()), expect, "{expression}");
    }

    #[test]
    fn requirements_hold_as_upstream() {
        check("In", &json!(["web", "db"]), true);
        check("NotIn", &json!(["web"]), false);
        check("Exists", &json!([]), true);
        check("DoesNotExist", &json!([]), false);
        check("Gt", &json!(["4"]), true);
        check("Lt", &json!(["4"]), false);
        check("Unknown", &json!([]), false);
        assert!(!selects(None, None));
        assert!(selects(Some(&json!({})), None));
    }
}
