//! Priority and DefaultTolerationSeconds.

use kobject::{Resource, meta};
use serde_json::{Value, json};

use crate::{api::Api, error::ApiError};

const CLASSES: &str = "/scheduling.k8s.io/priorityclasses/";

/// How long a pod stays on a node that is in trouble.
const TOLERATION_SECONDS: i64 = 300;

pub(crate) fn mutate(api: &Api, resource: &Resource, pod: &mut Value) -> Result<(), ApiError> {
    set_priority(api, resource, pod)?;
    for taint in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        tolerate(pod, taint);
    }
    Ok(())
}

/// Source: kubernetes 1.34, `plugin/pkg/admission/priority`.
fn set_priority(api: &Api, resource: &Resource, pod: &mut Value) -> Result<(), ApiError> {
    let (entries, _) = api.store.list(CLASSES);
    let mut classes = entries.iter().map(store::Entry::object);
    let named = pod["spec"]["priorityClassName"].as_str().unwrap_or_default().to_owned();
    let class = if named.is_empty() {
        classes.find(|it| it["globalDefault"] == true)
    } else {
        let class = classes.find(|it| meta::name(it) == named);
        Some(class.ok_or_else(|| {
            let why = format!("no PriorityClass with name {named} was found");
            ApiError::forbidden(resource, meta::name(pod), why)
        })?)
    };
    let class = class.unwrap_or_else(|| json!({}));
    let priority = class["value"].as_i64().unwrap_or(0);
    if let Some(wanted) = pod["spec"]["priority"].as_i64()
        && wanted != priority
    {
        let why = format!(
            "the integer value of priority ({wanted}) must not be provided in pod spec; priority admission controller computed {priority} from the given PriorityClass name"
        );
        return Err(ApiError::forbidden(resource, meta::name(pod), why));
    }
    pod["spec"]["priority"] = priority.into();
    if !class["metadata"].is_null() {
        pod["spec"]["priorityClassName"] = meta::name(&class).into();
    }
    if pod["spec"]["preemptionPolicy"].is_null() {
        let policy = class["preemptionPolicy"].as_str().unwrap_or("PreemptLowerPriority");
        pod["spec"]["preemptionPolicy"] = policy.into();
    }
    Ok(())
}

/// Source: kubernetes 1.34, `plugin/pkg/admission/defaulttolerationseconds`.
fn tolerate(pod: &mut Value, taint: &str) {
    let tolerations = pod["spec"]["tolerations"].as_array().into_iter().flatten();
    let mut tolerations: Vec<Value> = tolerations.cloned().collect();
    let covers = |it: &Value| {
        let key = it["key"].as_str().unwrap_or_default();
        let effect = it["effect"].as_str().unwrap_or_default();
        (key == taint || key.is_empty()) && matches!(effect, "" | "NoExecute")
    };
    if tolerations.iter().any(covers) {
        return;
    }
    tolerations.push(json!({
        "key": taint, "operator": "Exists", "effect": "NoExecute",
        "tolerationSeconds": TOLERATION_SECONDS,
    }));
    pod["spec"]["tolerations"] = tolerations.into();
}
