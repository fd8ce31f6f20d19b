//! What an HTTP answer must be for a check to pass.

use std::time::Duration;

use serde_json::Value;

/// The rules for an answer; all must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expect {
    /// The status; any of 200 to 399 when nothing is said.
    pub status: Option<u16>,
    pub body: Vec<BodyRule>,
    pub json: Vec<JsonRule>,
    pub latency_max: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyRule {
    Contains(String),
    /// White space at both ends does not count.
    Equals(String),
}

/// A field of a JSON body, by RFC 6901 pointer, and its value; any value but null when nothing is said.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonRule {
    pub pointer: String,
    pub value: Option<Value>,
}

/// More of a body than this is not shown.
const SHOWN_CHARS_MAX: usize = 120;

/// Judges an answer: what to say of it, or the first rule that it breaks.
pub(super) fn judge(
    expect: &Expect,
    status: u16,
    body: &[u8],
    took: Duration,
) -> Result<String, String> {
    let is_expected = expect.status.map_or((200..400).contains(&status), |it| it == status);
    let body = String::from_utf8_lossy(body);
    if !is_expected {
        let wanted = expect.status.map_or(String::new(), |it| format!(" instead of {it}"));
        return Err(format!("HTTP {status}{wanted}{}", shown(&body)));
    }
    for rule in &expect.body {
        match rule {
            BodyRule::Contains(text) if !body.contains(text.as_str()) => {
                return Err(format!(
                    "HTTP {status}, the body does not contain {text:?}{}",
                    shown(&body)
                ));
            }
            BodyRule::Equals(text) if body.trim() != text.trim() => {
                return Err(format!("HTTP {status}, the body is not {text:?}{}", shown(&body)));
            }
            BodyRule::Contains(_) | BodyRule::Equals(_) => {}
        }
    }
    if !expect.json.is_empty() {
        let json: Value = serde_json::from_str(&body)
            .map_err(|_| format!("HTTP {status}, the body is not JSON{}", shown(&body)))?;
        expect.json.iter().try_for_each(|rule| judge_json(rule, &json))?;
    }
    let took_ms = took.as_millis();
    match expect.latency_max {
        Some(max) if took > max => {
            Err(format!("HTTP {status} took {took_ms} ms, more than {} ms", max.as_millis()))
        }
        _ => Ok(format!("HTTP {status} in {took_ms} ms")),
    }
}

fn judge_json(rule: &JsonRule, json: &Value) -> Result<(), String> {
    let found = json.pointer(&rule.pointer).filter(|it| !it.is_null());
    match (found, &rule.value) {
        (None, _) => Err(format!("the JSON body has no {}", rule.pointer)),
        (Some(found), Some(wanted)) if found != wanted => {
            Err(format!("{} of the JSON body is {found}, not {wanted}", rule.pointer))
        }
        (Some(_), _) => Ok(()),
    }
}

fn shown(body: &str) -> String {
    let line = body.trim().lines().next().unwrap_or_default();
    let cut: String = line.chars().take(SHOWN_CHARS_MAX).collect();
    if cut.is_empty() { String::new() } else { format!(": {cut}") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::{BodyRule, Expect, JsonRule, judge};

    fn check(expect: &Expect, status: u16, body: &str) -> String {
        judge(expect, status, body.as_bytes(), Duration::from_millis(7))
            .unwrap_or_else(|it| format!("not: {it}"))
    }

    #[test]
    fn rules_hold_or_say_what_is_wrong() {
        let any = Expect::default();
        assert_eq!(check(&any, 204, ""), "HTTP 204 in 7 ms");
        assert_eq!(check(&any, 503, "no endpoints\nmore"), "not: HTTP 503: no endpoints");
        let teapot = Expect { status: Some(418), ..Expect::default() };
        assert_eq!(check(&teapot, 200, ""), "not: HTTP 200 instead of 418");
        let body =
            Expect { body: vec![BodyRule::Contains("seen".to_owned())], ..Expect::default() };
        assert_eq!(check(&body, 200, "seen 3 times"), "HTTP 200 in 7 ms");
        assert_eq!(
            check(&body, 200, "hello"),
            "not: HTTP 200, the body does not contain \"seen\": hello"
        );
        let quick = Expect { latency_max: Some(Duration::from_millis(5)), ..Expect::default() };
        assert_eq!(check(&quick, 200, ""), "not: HTTP 200 took 7 ms, more than 5 ms");
    }

    #[test]
    fn json_fields_are_found_by_pointer() {
        let rule = |value| Expect {
            json: vec![JsonRule { pointer: "/status/ok".to_owned(), value }],
            ..Expect::default()
        };
        assert_eq!(
            check(&rule(Some(json!(true))), 200, r#"{"status":{"ok":true}}"#),
            "HTTP 200 in 7 ms"
        );
        assert_eq!(check(&rule(None), 200, r#"{"status":{"ok":1}}"#), "HTTP 200 in 7 ms");
        assert_eq!(
            check(&rule(Some(json!(true))), 200, r#"{"status":{"ok":1}}"#),
            "not: /status/ok of the JSON body is 1, not true"
        );
        assert_eq!(check(&rule(None), 200, "{}"), "not: the JSON body has no /status/ok");
        assert_eq!(check(&rule(None), 200, "ok"), "not: HTTP 200, the body is not JSON: ok");
    }
}
