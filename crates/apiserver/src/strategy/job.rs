//! A Job's own selector and the labels that make its pods its own.
//!
//! Source: kubernetes 1.34, `pkg/registry/batch/job/strategy.go`, `generateSelector`.

use kobject::meta;
use serde_json::{Map, Value, json};

const UID_LABELS: [&str; 2] = ["controller-uid", "batch.kubernetes.io/controller-uid"];
const NAME_LABELS: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];

pub(crate) fn prepare_create(job: &mut Value) {
    if job["spec"]["manualSelector"] == true {
        return;
    }
    let (uid, name) = (meta::uid(job).to_owned(), meta::name(job).to_owned());
    let metadata = meta::metadata_mut(&mut job["spec"]["template"]);
    let labels = metadata.entry("labels".to_owned()).or_insert_with(|| Value::Object(Map::new()));
    for label in UID_LABELS {
        labels[label] = uid.as_str().into();
    }
    for label in NAME_LABELS {
        labels[label] = name.as_str().into();
    }
    // Defaulting would have copied the template's labels, had they been there.
    let labels = labels.clone();
    if meta::labels(job).is_none_or(Map::is_empty) {
        meta::metadata_mut(job).insert("labels".to_owned(), labels);
    }
    job["spec"]["selector"] =
        json!({ "matchLabels": { "batch.kubernetes.io/controller-uid": uid } });
}
