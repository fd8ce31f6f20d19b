//! ConfigMaps and Secrets.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::{At, Errors, name};

const DATA_BYTES_MAX: usize = 1024 * 1024;
const FROZEN: &str = "field is immutable when `immutable` is set";

pub(super) fn config_map(at: &At<'_>, old: Option<&Value>, errors: &mut Errors) {
    let (data, binary) = (at.field("data"), at.field("binaryData"));
    let mut n_bytes = 0;
    for (key, value) in data.keys() {
        name::config_key(key).iter().for_each(|it| errors.invalid_value(&value, key, it));
        if binary.field(key).is_there() {
            errors.invalid_value(&value, key, "duplicate of key present in binaryData");
        }
        n_bytes += value.text().len();
    }
    for (key, value) in binary.keys() {
        name::config_key(key).iter().for_each(|it| errors.invalid_value(&value, key, it));
        n_bytes += decoded(&value).len();
    }
    if DATA_BYTES_MAX < n_bytes {
        errors.too_long(at, DATA_BYTES_MAX);
    }
    frozen(at, old, &["data", "binaryData"], errors);
}

pub(super) fn secret(at: &At<'_>, old: Option<&Value>, errors: &mut Errors) {
    let data = at.field("data");
    let mut n_bytes = 0;
    for (key, value) in data.keys() {
        name::config_key(key).iter().for_each(|it| errors.invalid_value(&value, key, it));
        n_bytes += decoded(&value).len();
    }
    if DATA_BYTES_MAX < n_bytes {
        errors.too_long(&data, DATA_BYTES_MAX);
    }
    secret_type(at, &data, errors);
    if let Some(old) = old {
        errors.immutable(&at.field("type"), &old["type"]);
    }
    frozen(at, old, &["data"], errors);
}

/// What each type of secret must hold.
fn secret_type(at: &At<'_>, data: &At<'_>, errors: &mut Errors) {
    let required: &[&str] = match at.field("type").text() {
        "kubernetes.io/service-account-token" => {
            let (metadata, key) = (at.field("metadata"), "kubernetes.io/service-account.name");
            let annotations = metadata.field("annotations");
            if annotations.key(key).is_unset() {
                errors.required(&annotations.key(key), "");
            }
            &[]
        }
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/basic-auth" => {
            let has_either = ["username", "password"].iter().any(|it| data.key(it).is_there());
            if has_either { &[] } else { &["username", "password"] }
        }
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        _ => &[],
    };
    for key in required {
        let value = data.key(key);
        if !value.is_there() {
            errors.required(&value, "");
        } else if key.starts_with(".docker")
            && let Err(error) = serde_json::from_slice::<Value>(&decoded(&value))
        {
            errors.invalid_value(&value, "<secret contents redacted>", &error.to_string());
        }
    }
}

fn decoded(at: &At<'_>) -> Vec<u8> {
    BASE64_STANDARD.decode(at.text()).unwrap_or_default()
}

/// An object that was declared immutable stays as it is.
fn frozen(at: &At<'_>, old: Option<&Value>, keys: &[&str], errors: &mut Errors) {
    let Some(old) = old.filter(|it| it["immutable"] == true) else { return };
    if !at.field("immutable").is_true() {
        errors.forbidden(&at.field("immutable"), FROZEN);
    }
    for key in keys {
        if at.field(key).value() != &old[*key] {
            errors.forbidden(&at.field(key), FROZEN);
        }
    }
}
