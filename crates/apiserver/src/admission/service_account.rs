//! ServiceAccount: every pod runs as one, and gets its token unless it declines.
//!
//! Source: kubernetes 1.34, `plugin/pkg/admission/serviceaccount`.

use std::time::Duration;

use kobject::{Resource, meta};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    api::{Api, core_key},
    clock,
    error::ApiError,
};

const MOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const DEFAULT: &str = "default";
const VOLUME_PREFIX: &str = "kube-api-access-";

/// How long the token in a pod holds; the kubelet renews it earlier.
const TOKEN_SECONDS: i64 = 3607;

/// How long a pod waits for its namespace's first account, which a controller makes.
const ARRIVES_WITHIN: Duration = Duration::from_secs(1);

/// Waits for account `default` of a namespace that has just been made, so that its first pods need not come twice.
pub(crate) async fn wait_for_default(api: &Api, pod: &Value) {
    if account_name(pod) != DEFAULT {
        return;
    }
    let key = core_key("serviceaccounts", meta::namespace(pod), DEFAULT);
    let (_, mut accounts) = api.store.list_and_watch(&key);
    if api.store.get(&key).is_none() {
        let _too_late = timeout(ARRIVES_WITHIN, accounts.next(1)).await;
    }
}

fn account_name(pod: &Value) -> &str {
    let said = |name: &str| pod["spec"][name].as_str().filter(|it| !it.is_empty());
    said("serviceAccountName").or_else(|| said("serviceAccount")).unwrap_or(DEFAULT)
}

pub(crate) fn mutate(api: &Api, resource: &Resource, pod: &mut Value) -> Result<(), ApiError> {
    let name = account_name(pod).to_owned();
    let spec = &mut pod["spec"];
    spec["serviceAccountName"] = name.as_str().into();
    spec["serviceAccount"] = name.as_str().into();
    let namespace = meta::namespace(pod).to_owned();
    let Some(entry) = api.store.get(&core_key("serviceaccounts", &namespace, &name)) else {
        let why = format!(
            "error looking up service account {namespace}/{name}: serviceaccount {name:?} not found"
        );
        return Err(ApiError::forbidden(resource, meta::name(pod), why));
    };
    let account = entry.object();
    if automounts(pod, &account) {
        mount_token(pod);
    }
    add_pull_secrets(pod, &account);
    Ok(())
}

/// What the pod says, else what the account says, else yes.
fn automounts(pod: &Value, account: &Value) -> bool {
    let said = pod["spec"]["automountServiceAccountToken"].as_bool();
    said.or_else(|| account["automountServiceAccountToken"].as_bool()).unwrap_or(true)
}

fn mount_token(pod: &mut Value) {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let existing = volumes
        .filter_map(|it| it["name"].as_str())
        .find(|it| it.starts_with(VOLUME_PREFIX))
        .map(str::to_owned);
    let is_new = existing.is_none();
    let name = existing.unwrap_or_else(|| format!("{VOLUME_PREFIX}{}", clock::name_suffix()));
    let mut needs_volume = false;
    for list in ["initContainers", "containers"] {
        for container in items(&mut pod["spec"], list) {
            needs_volume |= mount(container, &name);
        }
    }
    if needs_volume && is_new {
        push(&mut pod["spec"], "volumes", token_volume(&name));
    }
}

/// Whether the container did not have something at this place already.
fn mount(container: &mut Value, volume: &str) -> bool {
    let mounts = container["volumeMounts"].as_array().into_iter().flatten();
    if mounts.into_iter().any(|it| it["mountPath"] == MOUNT_PATH) {
        return false;
    }
    let mount = json!({ "name": volume, "readOnly": true, "mountPath": MOUNT_PATH });
    push(container, "volumeMounts", mount);
    true
}

/// The items of a list that may be missing; indexing would make it.
fn items<'a>(object: &'a mut Value, list: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten()
}

fn push(object: &mut Value, list: &str, item: Value) {
    match object.get_mut(list).and_then(Value::as_array_mut) {
        Some(items) => items.push(item),
        None => object[list] = json!([item]),
    }
}

fn token_volume(name: &str) -> Value {
    json!({
        "name": name,
        "projected": {
            "defaultMode": 420,
            "sources": [
                { "serviceAccountToken": { "expirationSeconds": TOKEN_SECONDS, "path": "token" } },
                { "configMap": {
                    "name": "kube-root-ca.crt",
                    "items": [{ "key": "ca.crt", "path": "ca.crt" }],
                } },
                { "downwardAPI": { "items": [{
                    "path": "namespace",
                    "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" },
                }] } },
            ],
        },
    })
}

fn add_pull_secrets(pod: &mut Value, account: &Value) {
    let has_own = pod["spec"]["imagePullSecrets"].as_array().is_some_and(|it| !it.is_empty());
    if let Some(secrets) = account["imagePullSecrets"].as_array().filter(|it| !it.is_empty())
        && !has_own
    {
        pod["spec"]["imagePullSecrets"] = secrets.clone().into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_mounted_where_nothing_else_is() {
        let mut pod = json!({ "spec": { "containers": [
            { "name": "a" },
            { "name": "b", "volumeMounts": [{ "name": "own", "mountPath": MOUNT_PATH }] },
        ] } });
        mount_token(&mut pod);
        let volume = pod["spec"]["volumes"][0]["name"].as_str().unwrap().to_owned();
        assert!(volume.starts_with(VOLUME_PREFIX));
        assert_eq!(pod["spec"]["containers"][0]["volumeMounts"][0]["name"], volume.as_str());
        assert_eq!(pod["spec"]["containers"][1]["volumeMounts"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn the_pod_has_the_last_word_about_its_token() {
        let no = json!({ "automountServiceAccountToken": false });
        assert!(automounts(&json!({}), &json!({})));
        assert!(!automounts(&json!({}), &no));
        assert!(!automounts(&json!({ "spec": no }), &json!({})));
        let yes = json!({ "spec": { "automountServiceAccountToken": true } });
        assert!(automounts(&yes, &no));
    }
}
