//! The pods of a Job: how they are made, and when one ended.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{COMPONENT, FINALIZER, Sync, indexed};
use crate::{action::Action, kinds, object, pod};

/// When the last container of a pod ended.
pub(super) fn ended_at(pod: &Value) -> Timestamp {
    let statuses = object::list_at(pod, "status.containerStatuses").iter();
    let ends = statuses.filter_map(|it| object::time_at(it, "state.terminated.finishedAt"));
    ends.max().unwrap_or_else(|| object::created(pod))
}

pub(super) fn creations(sync: &Sync<'_>, count: usize) -> Vec<Action> {
    let pod = pod(sync);
    let report = pod::creation_report(kinds::JOB, sync.job, COMPONENT);
    let create =
        |object: Value| Action::Create { kind: kinds::POD, object, report: Some(report.clone()) };
    match sync.tally.indexes() {
        None => vec![create(pod); count],
        Some(done) => {
            let next = indexed::next(sync.job, &sync.pods, done, count);
            next.into_iter().map(|it| create(indexed_pod(sync, pod.clone(), it))).collect()
        }
    }
}

fn pod(sync: &Sync<'_>) -> Value {
    let mut pod = pod::from_template(&sync.job["spec"]["template"], kinds::JOB, sync.job);
    let (name, uid) = (object::name(sync.job), object::uid(sync.job));
    // The API server puts these on the template; a pod without them would not be found by its Job's selector.
    for (key, value) in [
        ("job-name", name),
        ("batch.kubernetes.io/job-name", name),
        ("controller-uid", uid),
        ("batch.kubernetes.io/controller-uid", uid),
    ] {
        object::set(&mut pod, &["metadata", "labels", key], value.into());
    }
    let finalizers = object::list_at(&pod, "metadata.finalizers").iter().cloned();
    pod["metadata"]["finalizers"] = finalizers.chain([json!(FINALIZER)]).collect();
    pod
}

fn indexed_pod(sync: &Sync<'_>, mut pod: Value, index: u32) -> Value {
    let name = object::name(sync.job);
    object::set(&mut pod, &["metadata", "annotations", indexed::INDEX], index.to_string().into());
    object::set(&mut pod, &["metadata", "labels", indexed::INDEX], index.to_string().into());
    pod["metadata"]["generateName"] = format!("{}-{index}-", object::truncate(name, 230)).into();
    pod["spec"]["hostname"] = format!("{name}-{index}").into();
    let path = format!("metadata.labels['{}']", indexed::INDEX);
    let variable = json!({ "name": "JOB_COMPLETION_INDEX", "valueFrom": { "fieldRef": { "fieldPath": path } } });
    for field in ["containers", "initContainers"] {
        for container in
            pod["spec"].get_mut(field).and_then(Value::as_array_mut).into_iter().flatten()
        {
            let env = object::list_at(container, "env");
            if env.iter().all(|it| it["name"] != variable["name"]) {
                container["env"] = env.iter().cloned().chain([variable.clone()]).collect();
            }
        }
    }
    pod
}
