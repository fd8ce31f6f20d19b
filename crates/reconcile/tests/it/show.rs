//! What a script can look at, as lines.

use reconcile::{Key, Kind, kinds};
use serde_json::Value;

use crate::sim::{Sim, is_ready};

/// The lines of one view, sorted.
pub(crate) fn show(sim: &Sim, what: &str) -> Vec<String> {
    let pods = || sim.world.list(kinds::POD);
    let mut lines: Vec<String> = match what {
        "sets" => sim.world.list(kinds::REPLICA_SET).map(|it| set(it)).collect(),
        "pods" => pods().map(|it| format!("pod {} {}", image(it), state(it))).collect(),
        "names" => pods()
            .map(|it| format!("{} {} {}", text(&it["metadata"]["name"]), image(it), state(it)))
            .collect(),
        "conditions" => conditions(sim),
        "events" => events(sim),
        "job" => status(sim, kinds::JOB, "task", &["active", "succeeded", "failed"]),
        "stateful" => status(
            sim,
            kinds::STATEFUL_SET,
            "db",
            &["replicas", "updatedReplicas", "currentReplicas"],
        ),
        "daemon" => {
            status(sim, kinds::DAEMON_SET, "agent", &["updatedNumberScheduled", "numberAvailable"])
        }
        other => unreachable!("cannot show {other}"),
    };
    lines.sort();
    lines
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn image(pod: &Value) -> &str {
    text(&pod["spec"]["containers"][0]["image"])
}

fn set(set: &Value) -> String {
    let revision = text(&set["metadata"]["annotations"]["deployment.kubernetes.io/revision"]);
    let count = |value: &Value| value.as_i64().unwrap_or_default();
    let (wanted, available) =
        (count(&set["spec"]["replicas"]), count(&set["status"]["availableReplicas"]));
    let image = image(&set["spec"]["template"]);
    format!("set {image} revision {revision}: {wanted} wanted, {available} available")
}

fn state(pod: &Value) -> &'static str {
    let is_over = matches!(text(&pod["status"]["phase"]), "Succeeded" | "Failed");
    match (pod["metadata"]["deletionTimestamp"].is_string(), is_ready(pod)) {
        (true, _) => "ending",
        (false, true) => "ready",
        (false, false) if is_over => "ended",
        (false, false) => "starting",
    }
}

fn conditions(sim: &Sim) -> Vec<String> {
    let web = sim.world.get(&Key::new(kinds::DEPLOYMENT, "d", "web")).expect("it is there");
    let conditions = web["status"]["conditions"].as_array().into_iter().flatten();
    let line = |it: &Value| {
        format!("{} {} {}", text(&it["type"]), text(&it["status"]), text(&it["reason"]))
    };
    conditions.map(line).collect()
}

/// The messages about Deployments, without the hashes in names.
fn events(sim: &Sim) -> Vec<String> {
    let plain =
        |word: &str| if word.starts_with("web-") { "web-*".to_owned() } else { word.to_owned() };
    let told = sim.told.iter().filter(|it| it.about["kind"] == "Deployment");
    told.map(|it| it.message.split(' ').map(plain).collect::<Vec<_>>().join(" ")).collect()
}

/// One line: counts of an object's status, and the types of its conditions that hold.
fn status(sim: &Sim, kind: Kind, name: &str, counts: &[&str]) -> Vec<String> {
    let Some(object) = sim.world.find(kind, "d", name) else { return vec!["gone".to_owned()] };
    let status = &object["status"];
    let counts = counts.iter().filter_map(|it| Some(format!("{it} {}", status[*it].as_i64()?)));
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let holding =
        conditions.filter(|it| it["status"] == "True").map(|it| text(&it["type"]).to_owned());
    vec![counts.chain(holding).collect::<Vec<_>>().join(", ")]
}
