//! The downward API: values of a pod's own fields.

use std::{collections::BTreeMap, net::Ipv4Addr};

use k8s_openapi::api::core::v1::Pod;

/// A path that names no field of a pod.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum FieldError {
    #[error("unsupported fieldPath: {0}")]
    Unsupported(String),
}

/// Where a pod is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) pod: Option<Ipv4Addr>,
    pub(crate) host: Ipv4Addr,
}

/// Reads `metadata.name`, `metadata.labels['x']`, `status.podIP` and the like; absent is empty.
///
/// `metadata.labels` and `metadata.annotations` give one `key="value"` line for each entry, sorted.
/// Source: Kubernetes 1.34, `pkg/fieldpath/fieldpath.go` and `podFieldSelectorRuntimeValue`.
pub(crate) fn value(pod: &Pod, addresses: Addresses, path: &str) -> Result<String, FieldError> {
    let metadata = &pod.metadata;
    let spec = pod.spec.as_ref();
    if let Some((map, key)) = subscript(path) {
        let map = match map {
            "metadata.labels" => metadata.labels.as_ref(),
            "metadata.annotations" => metadata.annotations.as_ref(),
            _ => return Err(FieldError::Unsupported(path.to_owned())),
        };
        return Ok(map.and_then(|it| it.get(key)).cloned().unwrap_or_default());
    }
    let value = match path {
        "metadata.name" => metadata.name.clone(),
        "metadata.namespace" => metadata.namespace.clone(),
        "metadata.uid" => metadata.uid.clone(),
        "metadata.labels" => Some(lines(metadata.labels.as_ref())),
        "metadata.annotations" => Some(lines(metadata.annotations.as_ref())),
        "spec.nodeName" => spec.and_then(|it| it.node_name.clone()),
        "spec.serviceAccountName" => spec.and_then(|it| it.service_account_name.clone()),
        "status.hostIP" | "status.hostIPs" => Some(addresses.host.to_string()),
        "status.podIP" | "status.podIPs" => addresses.pod.map(|it| it.to_string()),
        _ => return Err(FieldError::Unsupported(path.to_owned())),
    };
    Ok(value.unwrap_or_default())
}

/// Splits `metadata.labels['key']`.
fn subscript(path: &str) -> Option<(&str, &str)> {
    let (map, rest) = path.split_once("['")?;
    Some((map, rest.strip_suffix("']")?))
}

fn lines(map: Option<&BTreeMap<String, String>>) -> String {
    let lines = map.into_iter().flatten().map(|(key, value)| format!("{key}={}", quoted(value)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Quotes as Go's `%q` does.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            _ if (char as u32) < 0x20 || char as u32 == 0x7f => {
                quoted.extend(["\\x", &format!("{:02x}", char as u32)]);
            }
            _ => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(path: &str, want: &str) {
        let pod = serde_json::from_value(json!({
            "metadata": {"name": "web", "namespace": "ns", "uid": "u1",
                "labels": {"b": "2", "a": "say \"hi\"\n"}, "annotations": {"x/y": "z"}},
            "spec": {"nodeName": "zarpa", "serviceAccountName": "sa", "containers": []},
        }))
        .unwrap();
        let addresses = Addresses {
            pod: Some(Ipv4Addr::new(10, 244, 0, 9)),
            host: Ipv4Addr::new(10, 244, 0, 1),
        };
        assert_eq!(value(&pod, addresses, path).unwrap(), want, "{path}");
    }

    #[test]
    fn fields_are_read_by_path() {
        check("metadata.name", "web");
        check("metadata.namespace", "ns");
        check("metadata.labels['b']", "2");
        check("metadata.labels['none']", "");
        check("metadata.annotations['x/y']", "z");
        check("metadata.labels", "a=\"say \\\"hi\\\"\\n\"\nb=\"2\"");
        check("spec.nodeName", "zarpa");
        check("spec.serviceAccountName", "sa");
        check("status.podIP", "10.244.0.9");
        check("status.hostIP", "10.244.0.1");
    }

    #[test]
    fn an_unknown_field_is_named() {
        let addresses = Addresses { pod: None, host: Ipv4Addr::LOCALHOST };
        let error = value(&Pod::default(), addresses, "spec.containers").unwrap_err();
        assert_eq!(error.to_string(), "unsupported fieldPath: spec.containers");
    }
}
