//! `IntOrString`: a count, or a percentage of one.

use serde_json::Value;

/// The count that a value means of `total`; what is neither a number nor a percentage counts as zero.
///
/// Source: `GetScaledValueFromIntOrPercent`, `k8s.io/apimachinery/pkg/util/intstr`.
pub(crate) fn scaled(value: &Value, total: i64, is_rounded_up: bool) -> i64 {
    if let Some(count) = value.as_i64() {
        return count;
    }
    let percent =
        value.as_str().and_then(|it| it.strip_suffix('%')).and_then(|it| it.parse::<i64>().ok());
    let hundredths = percent.unwrap_or_default() * total;
    if is_rounded_up { (hundredths + 99).div_euclid(100) } else { hundredths.div_euclid(100) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn percentages_round_both_ways() {
        assert_eq!(scaled(&json!("25%"), 3, true), 1);
        assert_eq!(scaled(&json!("25%"), 3, false), 0);
        assert_eq!(scaled(&json!("50%"), 4, true), 2);
        assert_eq!(scaled(&json!(7), 3, false), 7);
        assert_eq!(scaled(&json!("x"), 3, true), 0);
    }
}
