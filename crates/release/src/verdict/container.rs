//! What the state of one container says about its pod.

use jiff::Timestamp;
use serde_json::Value;

use super::{Context, Failure, State, one_line, world};
use crate::object::{self, count, text};

/// What registries and runtimes say of an image that will not come, however long one waits.
const FINAL_PULL_ERRORS: [&str; 13] = [
    "not found",
    "manifest unknown",
    "name unknown",
    "does not exist",
    "unauthorized",
    "authentication required",
    "no basic auth credentials",
    "insufficient_scope",
    "denied",
    "forbidden",
    "invalid reference",
    "no match for platform",
    "no matching manifest",
];

/// The part of a pod status that is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Container<'a> {
    pub(super) pod: &'a Value,
    pub(super) status: &'a Value,
    pub(super) is_init: bool,
    pub(super) crashes_max: i64,
}

/// Judges a container that keeps its pod from being ready; `None` when it says nothing of its own.
pub(super) fn judge(container: Container<'_>, ctx: Context<'_>) -> Option<State> {
    let waiting = &container.status["state"]["waiting"];
    let message = runtime_error(text(&waiting["message"]));
    match text(&waiting["reason"]) {
        "ErrImagePull" | "ImagePullBackOff" | "ImageInspectError" | "RegistryUnavailable" => {
            Some(image_pull(container, ctx))
        }
        "InvalidImageName" => {
            Some(failed(container, &format!("has an invalid image name, `{}`", image(container))))
        }
        "ErrImageNeverPull" => {
            let text = format!(
                "needs image `{}`, which is not on the node, and its pull policy is Never",
                image(container)
            );
            Some(failed(container, &text))
        }
        "CreateContainerConfigError" => {
            Some(failed(container, &format!("cannot be configured: {message}")))
        }
        "CreateContainerError" | "RunContainerError" => {
            Some(failed(container, &format!("could not start: {message}")))
        }
        _ => crashes(container, ctx),
    }
}

fn image_pull(container: Container<'_>, ctx: Context<'_>) -> State {
    let message = text(&container.status["state"]["waiting"]["message"]);
    let event = ctx.world.recent_event(object::uid(container.pod), &["Failed"], ctx.budgets.since);
    let event = event.filter(|it| text(&it["message"]).contains("pull image"));
    // While it backs off, an older kubelet keeps the reason to the event.
    let is_bare = !message.contains(": ") || !message.contains("rror") && !message.contains("ail");
    let detail = event.map(|it| text(&it["message"])).filter(|_| is_bare).unwrap_or(message);
    let why = runtime_error(detail);
    let failure = failure(container, &format!("cannot pull image `{}`: {why}", image(container)));
    if is_final(&why.to_lowercase()) {
        return State::Failed(failure);
    }
    let since = event.and_then(world::first_seen).or_else(|| started(container.pod));
    ctx.budget(since, ctx.budgets.image_pull_s, failure)
}

fn is_final(message: &str) -> bool {
    FINAL_PULL_ERRORS.iter().any(|it| message.contains(it))
}

/// What is left of a runtime's error without the words that every one of them begins and ends with.
pub(super) fn runtime_error(message: &str) -> String {
    const PREFIXES: [&str; 12] = [
        "Back-off pulling image ",
        "ErrImagePull: ",
        "Failed to pull image ",
        "rpc error: ",
        "failed to pull and unpack image ",
        "failed to resolve reference ",
        "failed to do request: ",
        "failed to create containerd task: ",
        "failed to create shim task: ",
        "OCI runtime create failed: ",
        "runc create failed: ",
        "unable to start container process: ",
    ];
    let message = message.trim();
    let mut rest = message.strip_suffix(": unknown").unwrap_or(message);
    while let Some(after) = PREFIXES.iter().find_map(|it| rest.strip_prefix(it)) {
        // Some name the image or a code next, up to a colon.
        let skipped = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once("\": ").map(|(_, rest)| rest),
            None if after.starts_with("code = ") => {
                after.split_once("desc = ").map(|(_, rest)| rest)
            }
            None => Some(after),
        };
        match skipped {
            Some(skipped) => rest = skipped,
            None => break,
        }
    }
    one_line(rest)
}

/// A container that ended too often, or ended where it may not be started again.
fn crashes(container: Container<'_>, ctx: Context<'_>) -> Option<State> {
    let status = container.status;
    let now = &status["state"]["terminated"];
    let last = if now.is_null() { &status["lastState"]["terminated"] } else { now };
    if last.is_null() || (container.is_init && !now.is_null() && now["exitCode"] == 0) {
        return None;
    }
    let is_down = !now.is_null() || status["state"]["waiting"]["reason"] == "CrashLoopBackOff";
    let n_crashes = count(&status["restartCount"]) + i64::from(is_down);
    let policy = text(&container.pod["spec"]["restartPolicy"]);
    let is_over = match policy {
        "Never" => is_down && last["exitCode"] != 0,
        "OnFailure" if last["exitCode"] == 0 => false,
        _ => n_crashes >= container.crashes_max,
    };
    let text = ending(container, ctx, last, n_crashes);
    if is_over {
        return Some(failed(container, &text));
    }
    (is_down && last["exitCode"] != 0).then(|| State::waiting(failure(container, &text).text))
}

/// How a container ended, in words.
fn ending(container: Container<'_>, ctx: Context<'_>, last: &Value, n_crashes: i64) -> String {
    let times = if n_crashes > 1 { format!(" {n_crashes} times") } else { String::new() };
    let exit_code = count(&last["exitCode"]);
    let message = runtime_error(text(&last["message"]));
    match text(&last["reason"]) {
        "OOMKilled" => return format!("ran out of memory{}{times}", memory_limit(container)),
        "StartError" | "ContainerCannotRun" => return format!("could not start: {message}"),
        _ => {}
    }
    let is_killed = exit_code == 137 || exit_code == 143;
    if let Some(probe) = killing_probe(container, ctx).filter(|_| is_killed) {
        return format!("was restarted{times} by its probe: {probe}");
    }
    let how = match exit_code {
        0 => format!("ended{times} with exit code 0, though it should keep running"),
        code @ 129..=159 => format!("was killed{times} by signal {}", signal(code - 128)),
        code => format!("crashed{times} with exit code {code}"),
    };
    if message.is_empty() { how } else { format!("{how}: {message}") }
}

/// The last answer of a probe that restarts containers; readiness only takes them out of service.
fn killing_probe(container: Container<'_>, ctx: Context<'_>) -> Option<String> {
    let events = ctx.world.events_of(object::uid(container.pod));
    let mut messages =
        events.into_iter().filter(|it| it["reason"] == "Unhealthy").map(|it| text(&it["message"]));
    messages.rfind(|it| !it.starts_with("Readiness")).map(one_line)
}

fn signal(number: i64) -> String {
    let name = match number {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        31 => "SIGSYS",
        _ => return number.to_string(),
    };
    format!("{number} ({name})")
}

fn memory_limit(container: Container<'_>) -> String {
    let name = &container.status["name"];
    let spec = object::items(&container.pod["spec"]["containers"]).find(|it| it["name"] == *name);
    match spec.map(|it| &it["resources"]["limits"]["memory"]) {
        Some(Value::String(limit)) => format!(" (limit {limit})"),
        _ => String::new(),
    }
}

fn image(container: Container<'_>) -> &str {
    text(&container.status["image"])
}

fn started(pod: &Value) -> Option<Timestamp> {
    world::time(&pod["status"]["startTime"])
}

fn failed(container: Container<'_>, problem: &str) -> State {
    State::Failed(failure(container, problem))
}

fn failure(container: Container<'_>, problem: &str) -> Failure {
    let name = text(&container.status["name"]);
    let pod = object::name(container.pod);
    let word = if container.is_init { "init container" } else { "container" };
    Failure {
        pod: Some(pod.to_owned()),
        container: Some(name.to_owned()),
        text: format!("{word} `{name}` of pod {pod} {problem}"),
    }
}
