//! What names, labels and keys may look like; every check answers with upstream's messages, none when all is well.
//!
//! Source: `k8s.io/apimachinery` 0.34, `pkg/util/validation/validation.go`.

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const LABEL_MAX: usize = 63;
const SUBDOMAIN_MAX: usize = 253;
const QUALIFIED: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

/// A message with its examples and the regular expression, spaced as upstream spaces it.
fn mismatch(message: &str, regex: &str, examples: &[&str]) -> String {
    let examples: Vec<String> = examples.iter().map(|it| format!("'{it}', ")).collect();
    format!("{message} (e.g. {}regex used for validation is '{regex}')", examples.join(" or "))
}

fn too_long(value: &str, chars_max: usize) -> Option<String> {
    (chars_max < value.len()).then(|| format!("must be no more than {chars_max} characters"))
}

fn is_lower(it: u8) -> bool {
    it.is_ascii_lowercase() || it.is_ascii_digit()
}

/// Whether the text is not empty, begins and ends as `edge` says, and is of `inner` all over.
fn is_word(value: &str, edge: impl Fn(u8) -> bool, inner: impl Fn(u8) -> bool) -> bool {
    let bytes = value.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    edge(*first) && edge(*last) && bytes.iter().all(|it| inner(*it))
}

fn is_label(value: &str) -> bool {
    is_word(value, is_lower, |it| is_lower(it) || it == b'-')
}

fn is_subdomain(value: &str) -> bool {
    value.split('.').all(is_label)
}

/// A lowercase RFC 1123 label: containers, volumes, namespaces.
pub fn dns1123_label(value: &str) -> Vec<String> {
    let mut messages: Vec<String> = too_long(value, LABEL_MAX).into_iter().collect();
    if !is_label(value) {
        messages.push(if is_subdomain(value) {
            "must not contain dots".to_owned()
        } else {
            let message = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters \
                           or '-', and must start and end with an alphanumeric character";
            mismatch(message, LABEL, &["my-name", "123-abc"])
        });
    }
    messages
}

/// A lowercase RFC 1123 subdomain: the names of most objects.
pub fn dns1123_subdomain(value: &str) -> Vec<String> {
    let mut messages: Vec<String> = too_long(value, SUBDOMAIN_MAX).into_iter().collect();
    if !is_subdomain(value) {
        let message = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \
                       '-' or '.', and must start and end with an alphanumeric character";
        messages.push(mismatch(message, &format!("{LABEL}(\\.{LABEL})*"), &["example.com"]));
    }
    messages
}

/// A DNS-1035 label: the names of services.
pub fn dns1035_label(value: &str) -> Vec<String> {
    let mut messages: Vec<String> = too_long(value, LABEL_MAX).into_iter().collect();
    if !is_label(value) || !value.starts_with(|it: char| it.is_ascii_lowercase()) {
        let message = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start \
                       with an alphabetic character, and end with an alphanumeric character";
        messages.push(mismatch(message, "[a-z]([-a-z0-9]*[a-z0-9])?", &["my-name", "abc-123"]));
    }
    messages
}

/// `*.` and a subdomain: hosts of ingresses.
pub fn wildcard_subdomain(value: &str) -> Vec<String> {
    let mut messages: Vec<String> = too_long(value, SUBDOMAIN_MAX).into_iter().collect();
    if !value.strip_prefix("*.").is_some_and(is_subdomain) {
        let message = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS \
                       subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and \
                       end with an alphanumeric character";
        messages.push(mismatch(
            message,
            &format!("\\*\\.{LABEL}(\\.{LABEL})*"),
            &["*.example.com"],
        ));
    }
    messages
}

fn is_qualified_part(value: &str) -> bool {
    let inner = |it: u8| it.is_ascii_alphanumeric() || b"-_.".contains(&it);
    is_word(value, |it| it.is_ascii_alphanumeric(), inner)
}

/// A name with an optional prefix, `example.com/MyName`: keys of labels and annotations.
pub fn qualified_name(value: &str) -> Vec<String> {
    let message = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
                   an alphanumeric character";
    let examples = ["MyName", "my.name", "123-abc"];
    let mut messages = Vec::new();
    let name = match value.split_once('/') {
        Some((_, name)) if name.contains('/') => {
            let message = mismatch(&format!("a qualified name {message}"), QUALIFIED, &examples);
            return vec![format!(
                "{message} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
        Some(("", name)) => {
            messages.push("prefix part must be non-empty".to_owned());
            name
        }
        Some((prefix, name)) => {
            messages.extend(
                dns1123_subdomain(prefix).into_iter().map(|it| format!("prefix part {it}")),
            );
            name
        }
        None => value,
    };
    if name.is_empty() {
        messages.push("name part must be non-empty".to_owned());
    }
    messages.extend(too_long(name, LABEL_MAX).map(|it| format!("name part {it}")));
    if !is_qualified_part(name) {
        messages.push(mismatch(&format!("name part {message}"), QUALIFIED, &examples));
    }
    messages
}

/// The value of a label; empty is allowed.
pub fn label_value(value: &str) -> Vec<String> {
    let mut messages: Vec<String> = too_long(value, LABEL_MAX).into_iter().collect();
    if !value.is_empty() && !is_qualified_part(value) {
        let message = "a valid label must be an empty string or consist of alphanumeric characters, '-', \
                       '_' or '.', and must start and end with an alphanumeric character";
        let regex = format!("({QUALIFIED})?");
        messages.push(mismatch(message, &regex, &["MyValue", "my_value", "12345"]));
    }
    messages
}

/// The name of a port (IANA service name).
pub fn port_name(value: &str) -> Vec<String> {
    let mut messages: Vec<String> = too_long(value, 15).into_iter().collect();
    if value.is_empty() || !value.bytes().all(|it| is_lower(it) || it == b'-') {
        let message = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
        messages.push(message.to_owned());
    }
    if !value.bytes().any(|it| it.is_ascii_lowercase()) {
        messages.push("must contain at least one letter (a-z)".to_owned());
    }
    if value.contains("--") {
        messages.push("must not contain consecutive hyphens".to_owned());
    }
    if value.starts_with('-') || value.ends_with('-') {
        messages.push("must not begin or end with a hyphen".to_owned());
    }
    messages
}

/// A port's number.
pub fn port_number(value: i64) -> Vec<String> {
    if (1..=65535).contains(&value) {
        Vec::new()
    } else {
        vec!["must be between 1 and 65535, inclusive".to_owned()]
    }
}

/// The name of an environment variable, as 1.34 allows it: printable ASCII without `=`.
pub fn env_var_name(value: &str) -> Vec<String> {
    let is_fine = |it: u8| (b' '..=b'~').contains(&it) && it != b'=';
    if value.bytes().all(is_fine) {
        return Vec::new();
    }
    let message = "a valid environment variable name must consist only of printable ASCII characters \
                   other than '='";
    vec![message.to_owned()]
}

/// A key of a ConfigMap or a Secret.
pub fn config_key(value: &str) -> Vec<String> {
    let mut messages: Vec<String> = too_long(value, SUBDOMAIN_MAX).into_iter().collect();
    let is_fine = |it: u8| it.is_ascii_alphanumeric() || b"-._".contains(&it);
    if value.is_empty() || !value.bytes().all(is_fine) {
        let message = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
        messages.push(mismatch(message, "[-._a-zA-Z0-9]+", &["key.name", "KEY_NAME", "key-name"]));
    }
    match value {
        "." => messages.push("must not be '.'".to_owned()),
        ".." => messages.push("must not be '..'".to_owned()),
        _ if value.starts_with("..") => messages.push("must not start with '..'".to_owned()),
        _ => {}
    }
    messages
}

/// A segment of a path: the names of roles.
pub fn path_segment(value: &str) -> Vec<String> {
    if value == "." || value == ".." {
        return vec![format!("may not be '{value}'")];
    }
    let contained = ["/", "%"].into_iter().filter(|it| value.contains(it));
    contained.map(|it| format!("may not contain '{it}'")).collect()
}

/// `25%`.
pub fn percent(value: &str) -> Vec<String> {
    let digits = value.strip_suffix('%').unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit()) {
        return Vec::new();
    }
    let message = "a valid percent string must be a numeric string followed by an ending '%'";
    vec![mismatch(message, "[0-9]+%", &["1%", "93%"])]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_subdomains_are_told_apart() {
        assert!(dns1123_label("my-name").is_empty() && dns1123_subdomain("a.b-c.d").is_empty());
        assert_eq!(dns1123_label("a.b"), ["must not contain dots"]);
        assert_eq!(
            dns1123_label("My_Name"),
            [
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
              start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for \
              validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
            ]
        );
        assert_eq!(dns1123_label(&"a".repeat(64)), ["must be no more than 63 characters"]);
        for wrong in ["", "-a", "a-", "a..b", "A", "a_b"] {
            assert!(!dns1123_subdomain(wrong).is_empty(), "{wrong}");
        }
        assert!(!dns1035_label("1a").is_empty() && dns1035_label("a1").is_empty());
        assert!(wildcard_subdomain("*.a.b").is_empty() && !wildcard_subdomain("a.*").is_empty());
    }

    #[test]
    fn keys_may_have_a_prefix() {
        for fine in ["a", "App_1.x", "example.com/Name", "kubernetes.io/metadata.name"] {
            assert!(qualified_name(fine).is_empty(), "{fine}");
        }
        for wrong in ["", "/a", "a/", "A.com/x", "a/b/c", "-a", "a b"] {
            assert!(!qualified_name(wrong).is_empty(), "{wrong}");
        }
        assert!(label_value("").is_empty() && !label_value("a b").is_empty());
    }

    #[test]
    fn ports_keys_and_percents_are_checked() {
        assert!(port_name("http-2").is_empty() && !port_name("123").is_empty());
        assert!(!port_name("a-very-long-port-name").is_empty());
        assert!(port_number(80).is_empty() && !port_number(0).is_empty());
        assert!(config_key("app.conf").is_empty() && !config_key("..x").is_empty());
        assert!(env_var_name("A-b.1 x").is_empty() && !env_var_name("A=B").is_empty());
        assert!(percent("25%").is_empty() && !percent("%").is_empty());
        assert!(path_segment("system:basic-user").is_empty() && !path_segment("a/b").is_empty());
    }
}
