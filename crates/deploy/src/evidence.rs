//! Collects what tells why a deploy failed, before anything is put back.

use std::collections::BTreeSet;

use release::{Cause, Target, World, object, verdict};
use serde::Serialize;
use serde_json::Value;

use crate::{
    api::{self, Detail, Select},
    cluster::Cluster,
    hooks::Scene,
    progress::{Context, Progress},
    wait::pods_of,
};

/// The logs of so many pods are kept; more of one workload say the same.
const PODS_MAX: usize = 6;
/// So many last lines of each container are kept.
const LOG_LINES_MAX: &str = "1000";
/// So many last lines of the container to blame are shown.
const SHOWN_LINES_MAX: usize = 20;

/// What was collected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The files that were written, as they were named to the sink.
    pub files: Vec<String>,
    /// The last lines of the container to blame, oldest first; empty when there are none.
    pub log: Vec<String>,
    /// Whose log that is, `pod/container`.
    pub log_of: Option<String>,
    /// The warnings about the objects, oldest first, one a line.
    pub warnings: Vec<String>,
}

/// Collects logs of this and the previous container, events, conditions and probe answers.
///
/// Nothing here fails: what cannot be read is missing from the evidence, and said in its place.
pub(crate) async fn collect(
    cluster: &Cluster,
    scene: &Scene,
    (line, cause): (&str, Option<&Cause>),
    ctx: Context<'_>,
) -> Evidence {
    let mut evidence = Evidence::default();
    keep(&mut evidence, "cause.txt", format!("{line}\n").as_bytes(), ctx);
    for target in &scene.targets {
        if let Some(object) = scene.world.get(&target.id) {
            let name = format!("objects/{}-{}.json", target.id.kind.to_lowercase(), target.id.name);
            keep(&mut evidence, &name, &pretty(object), ctx);
        }
    }
    let pods = pods(&scene.targets, &scene.world, cause);
    for pod in &pods {
        let name = format!("pods/{}/pod.json", object::name(pod));
        keep(&mut evidence, &name, &pretty(pod), ctx);
        logs(cluster, pod, cause, &mut evidence, ctx).await;
    }
    events(cluster, scene, &pods, &mut evidence, ctx).await;
    evidence
}

/// The pods to look at: the one to blame, then those that are not ready, then the others.
fn pods<'s>(targets: &[Target], world: &'s World, cause: Option<&Cause>) -> Vec<&'s Value> {
    let mut pods: Vec<&Value> = targets.iter().flat_map(|it| pods_of(&it.id, world)).collect();
    let blamed = cause.and_then(|it| it.pod.as_deref());
    pods.sort_by_key(|it| {
        let is_ready = verdict::pod_state(it, world) == verdict::PodState::Ready;
        (Some(object::name(it)) != blamed, is_ready)
    });
    pods.truncate(PODS_MAX);
    pods
}

async fn logs(
    cluster: &Cluster,
    pod: &Value,
    cause: Option<&Cause>,
    evidence: &mut Evidence,
    ctx: Context<'_>,
) {
    let statuses = object::items(&pod["status"]["initContainerStatuses"])
        .chain(object::items(&pod["status"]["containerStatuses"]));
    for status in statuses {
        let container = status["name"].as_str().unwrap_or_default();
        let has_run = |state: &Value| !state["running"].is_null() || !state["terminated"].is_null();
        let mut shown = Vec::new();
        for (is_previous, suffix) in [(true, ".previous"), (false, "")] {
            let state = if is_previous { &status["lastState"] } else { &status["state"] };
            if !has_run(state) {
                continue;
            }
            let Some(text) = log(cluster, pod, container, is_previous).await else { continue };
            let name = format!("pods/{}/{container}{suffix}.log", object::name(pod));
            keep(evidence, &name, text.as_bytes(), ctx);
            if !text.trim().is_empty() {
                shown = text.lines().map(str::to_owned).collect();
            }
        }
        let is_blamed = match cause {
            Some(Cause { pod: Some(blamed), container: blamed_container, .. }) => {
                blamed == object::name(pod)
                    && blamed_container.as_deref().is_none_or(|it| it == container)
            }
            _ => true,
        };
        if is_blamed && evidence.log.is_empty() && !shown.is_empty() {
            evidence.log = shown.split_off(shown.len().saturating_sub(SHOWN_LINES_MAX));
            evidence.log_of = Some(format!("{}/{container}", object::name(pod)));
        }
    }
}

/// The last lines of a container, of its run before this one if asked for.
pub(crate) async fn log(
    cluster: &Cluster,
    pod: &Value,
    container: &str,
    is_previous: bool,
) -> Option<String> {
    let path = format!("{}/log", cluster.path(pod).await.ok()?);
    let mut query = vec![("container", container), ("tailLines", LOG_LINES_MAX)];
    if is_previous {
        query.push(("previous", "true"));
    }
    match api::text(cluster.client(), &path, &query).await {
        Ok(text) => Some(text),
        Err(error) => {
            tracing::debug!(%error, "no log");
            None
        }
    }
}

/// The events about the targets and everything between them and their pods.
async fn events(
    cluster: &Cluster,
    scene: &Scene,
    pods: &[&Value],
    evidence: &mut Evidence,
    ctx: Context<'_>,
) {
    let targets = scene.targets.iter().filter_map(|it| scene.world.get(&it.id));
    let concerned: Vec<&Value> = targets.chain(pods.iter().copied()).collect();
    let mut uids: BTreeSet<&str> = concerned.iter().map(|it| object::uid(it)).collect();
    uids.extend(concerned.iter().filter_map(|it| object::controller(it)));
    let namespaces: BTreeSet<&str> =
        concerned.iter().filter_map(|it| object::namespace(it)).collect();
    let mut lines = Vec::new();
    for namespace in namespaces {
        let Ok(kind) = cluster.kind("v1", "Event").await else { return };
        let path = kind.collection(Some(namespace));
        match api::list(cluster.client(), &path, &Select::default(), Detail::Whole).await {
            Ok(listed) => lines.extend(
                listed
                    .items
                    .iter()
                    .filter(|it| {
                        uids.contains(it["involvedObject"]["uid"].as_str().unwrap_or_default())
                    })
                    .map(event_line),
            ),
            Err(error) => tracing::debug!(%error, "no events"),
        }
    }
    lines.sort();
    if lines.is_empty() {
        return;
    }
    let text: String = lines.iter().map(|it| format!("{it}\n")).collect();
    keep(evidence, "events.txt", text.as_bytes(), ctx);
    let warnings = lines.iter().filter(|it| it.split_whitespace().nth(1) == Some("Warning"));
    evidence.warnings =
        warnings.map(|it| it.splitn(3, ' ').last().unwrap_or_default().to_owned()).collect();
}

/// `2026-11-20T10:00:00Z Warning Unhealthy pod/faro-1: Readiness probe failed (3 times)`.
fn event_line(event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let times =
        [&event["lastTimestamp"], &event["eventTime"], &event["metadata"]["creationTimestamp"]];
    let time = times.into_iter().find_map(Value::as_str).unwrap_or("-");
    let about = &event["involvedObject"];
    let n_times =
        event["count"].as_i64().or_else(|| event["series"]["count"].as_i64()).unwrap_or(1);
    let times = if n_times > 1 { format!(" ({n_times} times)") } else { String::new() };
    let message = text(&event["message"]).trim().replace('\n', " ");
    format!(
        "{time} {} {} {}/{}: {message}{times}",
        text(&event["type"]),
        text(&event["reason"]),
        text(&about["kind"]).to_lowercase(),
        text(&about["name"]),
    )
}

fn keep(evidence: &mut Evidence, name: &str, content: &[u8], ctx: Context<'_>) {
    match ctx.evidence.write(name, content) {
        Ok(()) => {
            evidence.files.push(name.to_owned());
            ctx.tell(Progress::EvidenceWritten { name: name.to_owned() });
        }
        Err(error) => tracing::warn!(%error, name, "could not write evidence"),
    }
}

fn pretty(object: &Value) -> Vec<u8> {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    serde_json::to_vec_pretty(&object).expect("a value is JSON")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::event_line;

    #[test]
    fn events_are_one_line_each() {
        let event = json!({
            "lastTimestamp": "2026-11-20T10:00:00Z", "type": "Warning", "reason": "Unhealthy", "count": 3,
            "involvedObject": { "kind": "Pod", "name": "faro-1" }, "message": "Readiness probe failed:\n503 ",
        });
        assert_eq!(
            event_line(&event),
            "2026-11-20T10:00:00Z Warning Unhealthy pod/faro-1: Readiness probe failed: 503 (3 times)"
        );
    }
}
