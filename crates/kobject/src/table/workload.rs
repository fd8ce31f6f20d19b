//! Columns of what makes pods, scales them, or limits their disruption.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Printer, age, containers, human_duration, labels, list, name, number, selector, since, text,
    text_or,
};
use crate::{Quantity, catalog::split_api_version, meta};

pub(super) fn printer(kind: &str) -> Option<Printer> {
    Some(match kind {
        "Deployment" => Printer {
            columns: "Name|Ready|Up-to-date|Available|Age|+Containers|+Images|+Selector",
            cells: deployment,
        },
        "ReplicaSet" | "ReplicationController" => Printer {
            columns: "Name|Desired:integer|Current:integer|Ready:integer|Age|+Containers|+Images|+Selector",
            cells: replica_set,
        },
        "StatefulSet" => Printer {
            columns: "Name|Ready|Age|+Containers|+Images",
            cells: |set, now| {
                let [names, images] = containers(&set["spec"]["template"]["spec"]);
                vec![name(set), ready(set), age(set, now), names, images]
            },
        },
        "DaemonSet" => Printer {
            columns: "Name|Desired:integer|Current:integer|Ready:integer|Up-to-date:integer|Available:integer|Node Selector|Age|+Containers|+Images|+Selector",
            cells: daemon_set,
        },
        "ControllerRevision" => Printer {
            columns: "Name|Controller|Revision|Age",
            cells: |revision, now| {
                vec![
                    name(revision),
                    controller(revision).into(),
                    revision["revision"].clone(),
                    age(revision, now),
                ]
            },
        },
        _ => return task_printer(kind),
    })
}

fn task_printer(kind: &str) -> Option<Printer> {
    Some(match kind {
        "Job" => Printer {
            columns: "Name|Status|Completions|Duration|Age|+Containers|+Images|+Selector",
            cells: job,
        },
        "CronJob" => Printer {
            columns: "Name|Schedule|Timezone|Suspend:boolean|Active:integer|Last Schedule|Age|+Containers|+Images|+Selector",
            cells: cron_job,
        },
        "HorizontalPodAutoscaler" => Printer {
            columns: "Name|Reference|Targets|MinPods|MaxPods|Replicas|Age",
            cells: autoscaler,
        },
        "PodDisruptionBudget" => Printer {
            columns: "Name|Min Available|Max Unavailable|Allowed Disruptions:integer|Age",
            cells: |budget, now| {
                let spec = &budget["spec"];
                vec![
                    name(budget),
                    int_or_string(&spec["minAvailable"]).into(),
                    int_or_string(&spec["maxUnavailable"]).into(),
                    number(&budget["status"]["disruptionsAllowed"]).into(),
                    age(budget, now),
                ]
            },
        },
        "Scale" => Printer {
            columns: "Name|Desired:integer|Available:integer|Age",
            cells: |scale, now| {
                let (desired, current) = (&scale["spec"]["replicas"], &scale["status"]["replicas"]);
                vec![name(scale), number(desired).into(), number(current).into(), age(scale, now)]
            },
        },
        _ => return None,
    })
}

fn ready(object: &Value) -> Value {
    let (ready, desired) = (&object["status"]["readyReplicas"], &object["spec"]["replicas"]);
    format!("{}/{}", number(ready), number(desired)).into()
}

fn deployment(deployment: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&deployment["spec"], &deployment["status"]);
    let [names, images] = containers(&spec["template"]["spec"]);
    vec![
        name(deployment),
        ready(deployment),
        number(&status["updatedReplicas"]).into(),
        number(&status["availableReplicas"]).into(),
        age(deployment, now),
        names,
        images,
        selector(&spec["selector"]).into(),
    ]
}

fn replica_set(set: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&set["spec"], &set["status"]);
    let [names, images] = containers(&spec["template"]["spec"]);
    let is_plain =
        spec["selector"].get("matchLabels").or(spec["selector"].get("matchExpressions")).is_none();
    let selected = if is_plain { labels(&spec["selector"]) } else { selector(&spec["selector"]) };
    vec![
        name(set),
        number(&spec["replicas"]).into(),
        number(&status["replicas"]).into(),
        number(&status["readyReplicas"]).into(),
        age(set, now),
        names,
        images,
        selected.into(),
    ]
}

fn daemon_set(set: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&set["spec"], &set["status"]);
    let [names, images] = containers(&spec["template"]["spec"]);
    vec![
        name(set),
        number(&status["desiredNumberScheduled"]).into(),
        number(&status["currentNumberScheduled"]).into(),
        number(&status["numberReady"]).into(),
        number(&status["updatedNumberScheduled"]).into(),
        number(&status["numberAvailable"]).into(),
        labels(&spec["template"]["spec"]["nodeSelector"]).into(),
        age(set, now),
        names,
        images,
        selector(&spec["selector"]).into(),
    ]
}

fn controller(object: &Value) -> String {
    let Some(owner) = meta::controller_of(object) else { return "<none>".to_owned() };
    let (group, _) = split_api_version(text(&owner["apiVersion"]));
    let kind = text(&owner["kind"]).to_lowercase();
    let kind = if group.is_empty() { kind } else { format!("{kind}.{group}") };
    format!("{kind}/{}", text(&owner["name"]))
}

fn job(job: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&job["spec"], &job["status"]);
    let [names, images] = containers(&spec["template"]["spec"]);
    let succeeded = number(&status["succeeded"]);
    let completions = match (spec["completions"].as_i64(), number(&spec["parallelism"])) {
        (Some(completions), _) => format!("{succeeded}/{completions}"),
        (None, parallelism @ 2..) => format!("{succeeded}/1 of {parallelism}"),
        (None, _) => format!("{succeeded}/1"),
    };
    let started = meta::timestamp(&status["startTime"]);
    let ended = meta::timestamp(&status["completionTime"]).unwrap_or(now);
    let duration = started.map(|it| human_duration(ended.duration_since(it))).unwrap_or_default();
    vec![
        name(job),
        job_status(job).into(),
        completions.into(),
        duration.into(),
        age(job, now),
        names,
        images,
        selector(&spec["selector"]).into(),
    ]
}

fn job_status(job: &Value) -> &'static str {
    let has = |condition| meta::is_condition_true(job, condition);
    match () {
        () if has("Complete") => "Complete",
        () if has("Failed") => "Failed",
        () if meta::deletion_timestamp(job).is_some() => "Terminating",
        () if has("Suspended") => "Suspended",
        () if has("FailureTarget") => "FailureTarget",
        () if has("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    }
}

fn cron_job(job: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&job["spec"], &job["status"]);
    let job_spec = &spec["jobTemplate"]["spec"];
    let [names, images] = containers(&job_spec["template"]["spec"]);
    let last = &status["lastScheduleTime"];
    let last = if last.is_null() { "<none>".to_owned() } else { since(last, now) };
    let suspend =
        spec["suspend"].as_bool().map_or("<unset>", |it| if it { "True" } else { "False" });
    vec![
        name(job),
        spec["schedule"].clone(),
        text_or(&spec["timeZone"], "<none>").into(),
        suspend.into(),
        list(&status["active"]).len().into(),
        last.into(),
        age(job, now),
        names,
        images,
        selector(&job_spec["selector"]).into(),
    ]
}

fn int_or_string(value: &Value) -> String {
    match value {
        Value::Null => "N/A".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn autoscaler(autoscaler: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&autoscaler["spec"], &autoscaler["status"]);
    let target = &spec["scaleTargetRef"];
    let min = spec["minReplicas"].as_i64().map_or("<unset>".to_owned(), |it| it.to_string());
    vec![
        name(autoscaler),
        format!("{}/{}", text(&target["kind"]), text(&target["name"])).into(),
        metrics(spec, status).into(),
        min.into(),
        number(&spec["maxReplicas"]).into(),
        number(&status["currentReplicas"]).into(),
        age(autoscaler, now),
    ]
}

/// At most two metrics as `cpu: 5%/80%`; autoscaling/v1 has its one metric in fields of its own.
fn metrics(spec: &Value, status: &Value) -> String {
    const SHOWN_MAX: usize = 2;
    if let Some(target) = spec["targetCPUUtilizationPercentage"].as_i64() {
        let current = percent(&status["currentCPUUtilizationPercentage"]);
        return format!("cpu: {current}/{target}%");
    }
    let currents = list(&status["currentMetrics"]);
    let specs = list(&spec["metrics"]).iter().enumerate();
    let shown: Vec<String> = specs
        .map(|(it_idx, it)| metric(it, currents.get(it_idx).unwrap_or(&Value::Null)))
        .collect();
    match shown.len() {
        0 => "<none>".to_owned(),
        n if SHOWN_MAX < n => {
            format!("{} + {} more...", shown[..SHOWN_MAX].join(", "), n - SHOWN_MAX)
        }
        _ => shown.join(", "),
    }
}

fn percent(value: &Value) -> String {
    value.as_i64().map_or("<unknown>".to_owned(), |it| format!("{it}%"))
}

fn amount(value: &Value) -> String {
    Quantity::from_json(value).map_or("<unknown>".to_owned(), |it| it.to_string())
}

fn metric(spec: &Value, status: &Value) -> String {
    let key = match text(&spec["type"]) {
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        "Pods" => "pods",
        "Object" => "object",
        "External" => "external",
        _ => return "<unknown type>".to_owned(),
    };
    let (spec, current) = (&spec[key], &status[key]["current"]);
    let target = &spec["target"];
    let average = &target["averageValue"];
    let is_resource = key.ends_with("esource");
    match (is_resource, average.is_null()) {
        (true, false) => {
            format!(
                "{}: {}/{}",
                text(&spec["name"]),
                amount(&current["averageValue"]),
                amount(average)
            )
        }
        (true, true) => {
            let wanted = target["averageUtilization"].as_i64();
            let wanted = wanted.map_or("<auto>".to_owned(), |it| format!("{it}%"));
            format!("{}: {}/{wanted}", text(&spec["name"]), percent(&current["averageUtilization"]))
        }
        (false, false) => {
            let suffix = if key == "pods" { "" } else { " (avg)" };
            format!("{}/{}{suffix}", amount(&current["averageValue"]), amount(average))
        }
        (false, true) => format!("{}/{}", amount(&current["value"]), amount(&target["value"])),
    }
}
