//! The checks of the Pod Security Standards, each a function from a pod's spec to what is wrong with it.
//!
//! Source: `k8s.io/pod-security-admission` 0.34, `policy/check_*.go`; the order is that of their names, baseline first.

use std::collections::BTreeSet;

use serde_json::Value;

/// What is demanded; what is privileged demands nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Baseline,
    Restricted,
}

impl Level {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }
}

/// Why a pod is refused, and where it is wrong.
type Violation = Option<(&'static str, String)>;

const BASELINE: &[fn(&Value) -> Violation] = &[
    capabilities_baseline,
    host_namespaces,
    host_path_volumes,
    host_ports,
    privileged,
    proc_mount,
    seccomp_baseline,
    sysctls,
];

const RESTRICTED: &[fn(&Value) -> Violation] = &[
    host_namespaces,
    host_ports,
    privileged,
    proc_mount,
    sysctls,
    allow_privilege_escalation,
    capabilities_restricted,
    restricted_volumes,
    run_as_non_root,
    run_as_user,
    seccomp_restricted,
];

const DEFAULT_CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

const SAFE_SYSCTLS: &[&str] = &[
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

const SAFE_VOLUMES: &[&str] = &[
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// Everything that is wrong with a pod, as one text.
pub(crate) fn violations(level: Level, spec: &Value) -> Option<String> {
    let checks = match level {
        Level::Baseline => BASELINE,
        Level::Restricted => RESTRICTED,
    };
    let found: Vec<String> = checks
        .iter()
        .filter_map(|check| check(spec))
        .map(|(reason, detail)| format!("{reason} ({detail})"))
        .collect();
    (!found.is_empty()).then(|| found.join(", "))
}

fn capabilities_baseline(spec: &Value) -> Violation {
    let (bad, added) = adding(spec, |it| DEFAULT_CAPABILITIES.contains(&it));
    let detail = format!(
        "{} must not include {} in securityContext.capabilities.add",
        containers_named(&bad),
        quoted(added)
    );
    (!bad.is_empty()).then_some(("non-default capabilities", detail))
}

fn host_namespaces(spec: &Value) -> Violation {
    let names = ["hostNetwork", "hostPID", "hostIPC"];
    let used = names.iter().filter(|it| spec[**it] == true);
    let used: Vec<String> = used.map(|it| format!("{it}=true")).collect();
    (!used.is_empty()).then(|| ("host namespaces", used.join(", ")))
}

fn host_path_volumes(spec: &Value) -> Violation {
    let bad: Vec<&str> = volumes(spec).filter(|it| !it["hostPath"].is_null()).map(name).collect();
    let detail = format!("{} {}", plural("volume", bad.len()), quoted(bad.iter().copied()));
    (!bad.is_empty()).then_some(("hostPath volumes", detail))
}

fn host_ports(spec: &Value) -> Violation {
    let mut ports = BTreeSet::new();
    let mut bad = Vec::new();
    for container in containers(spec) {
        let items = container["ports"].as_array().into_iter().flatten();
        let used: Vec<u64> =
            items.filter_map(|it| it["hostPort"].as_u64()).filter(|it| *it != 0).collect();
        if !used.is_empty() {
            bad.push(name(container));
            ports.extend(used.iter().map(u64::to_string));
        }
    }
    let verb = if bad.len() == 1 { "uses" } else { "use" };
    let listed: Vec<String> = ports.iter().cloned().collect();
    let ports = plural("hostPort", ports.len());
    let detail = format!("{} {verb} {ports} {}", containers_named(&bad), listed.join(", "));
    (!bad.is_empty()).then_some(("hostPort", detail))
}

fn privileged(spec: &Value) -> Violation {
    let bad = bad_containers(spec, |it| it["privileged"] == true);
    let detail = format!("{} must not set securityContext.privileged=true", containers_named(&bad));
    (!bad.is_empty()).then_some(("privileged", detail))
}

fn proc_mount(spec: &Value) -> Violation {
    let is_bad = |it: &Value| it["procMount"].as_str().is_some_and(|it| it != "Default");
    let bad = bad_containers(spec, is_bad);
    let detail = format!(
        "{} must not set securityContext.procMount to {}",
        containers_named(&bad),
        quoted(["Unmasked"])
    );
    (!bad.is_empty()).then_some(("procMount", detail))
}

fn seccomp_baseline(spec: &Value) -> Violation {
    seccomp_set(spec).map(|detail| ("seccompProfile", detail))
}

fn sysctls(spec: &Value) -> Violation {
    let set = spec["securityContext"]["sysctls"].as_array().into_iter().flatten();
    let bad: Vec<&str> = set.map(name).filter(|it| !SAFE_SYSCTLS.contains(it)).collect();
    (!bad.is_empty()).then(|| ("forbidden sysctls", bad.join(", ")))
}

fn allow_privilege_escalation(spec: &Value) -> Violation {
    let bad = bad_containers(spec, |it| it["allowPrivilegeEscalation"] != false);
    let detail = format!(
        "{} must set securityContext.allowPrivilegeEscalation=false",
        containers_named(&bad)
    );
    (!bad.is_empty()).then_some(("allowPrivilegeEscalation != false", detail))
}

fn capabilities_restricted(spec: &Value) -> Violation {
    let drops_all = |it: &Value| {
        let mut dropped = it["capabilities"]["drop"].as_array().into_iter().flatten();
        dropped.any(|it| it == "ALL")
    };
    let keeping = bad_containers(spec, |it| !drops_all(it));
    let (bad, added) = adding(spec, |it| it == "NET_BIND_SERVICE");
    let mut details = Vec::new();
    if !keeping.is_empty() {
        let who = containers_named(&keeping);
        details.push(format!("{who} must set securityContext.capabilities.drop=[\"ALL\"]"));
    }
    if !bad.is_empty() {
        let who = containers_named(&bad);
        let what = quoted(added);
        details.push(format!("{who} must not include {what} in securityContext.capabilities.add"));
    }
    (!details.is_empty()).then(|| ("unrestricted capabilities", details.join("; ")))
}

fn restricted_volumes(spec: &Value) -> Violation {
    let mut kinds = BTreeSet::new();
    let mut bad = Vec::new();
    for volume in volumes(spec) {
        let sources = volume.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
        let unsafe_kind = sources.filter(|it| *it != "name").find(|it| !SAFE_VOLUMES.contains(it));
        if let Some(kind) = unsafe_kind {
            bad.push(name(volume));
            kinds.insert(kind);
        }
    }
    let verb = if bad.len() == 1 { "uses" } else { "use" };
    let detail = format!(
        "{} {} {verb} {} {}",
        plural("volume", bad.len()),
        quoted(bad.iter().copied()),
        plural("restricted volume type", kinds.len()),
        quoted(kinds)
    );
    (!bad.is_empty()).then_some(("restricted volume types", detail))
}

fn run_as_non_root(spec: &Value) -> Violation {
    const REASON: &str = "runAsNonRoot != true";
    let set = |context: &Value| context["runAsNonRoot"].as_bool();
    let of_pod = set(&spec["securityContext"]);
    let refusing = bad_containers(spec, |it| set(it) == Some(false));
    let setters = setters(of_pod == Some(false), &refusing);
    if !setters.is_empty() {
        let detail = format!("{setters} must not set securityContext.runAsNonRoot=false");
        return Some((REASON, detail));
    }
    let silent = bad_containers(spec, |it| set(it).is_none() && of_pod != Some(true));
    let who = containers_named(&silent);
    let detail = format!("pod or {who} must set securityContext.runAsNonRoot=true");
    (!silent.is_empty()).then_some((REASON, detail))
}

fn run_as_user(spec: &Value) -> Violation {
    let is_root = |context: &Value| context["runAsUser"] == 0;
    let setters = setters(is_root(&spec["securityContext"]), &bad_containers(spec, is_root));
    (!setters.is_empty()).then(|| ("runAsUser=0", format!("{setters} must not set runAsUser=0")))
}

fn seccomp_restricted(spec: &Value) -> Violation {
    if let Some(detail) = seccomp_set(spec) {
        return Some(("seccompProfile", detail));
    }
    let has = |context: &Value| !context["seccompProfile"].is_null();
    let is_pod_set = has(&spec["securityContext"]);
    let silent = bad_containers(spec, |it| !has(it) && !is_pod_set);
    let detail = format!(
        "pod or {} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"",
        containers_named(&silent)
    );
    (!silent.is_empty()).then_some(("seccompProfile", detail))
}

/// Who sets a profile that is no protection.
fn seccomp_set(spec: &Value) -> Option<String> {
    let bad = |context: &Value| {
        let kind = context["seccompProfile"]["type"].as_str()?;
        (!matches!(kind, "RuntimeDefault" | "Localhost")).then(|| kind.to_owned())
    };
    let of_pod = bad(&spec["securityContext"]);
    let of_containers = bad_containers(spec, |it| bad(it).is_some());
    let values: BTreeSet<String> = containers(spec)
        .filter_map(|it| bad(&it["securityContext"]))
        .chain(of_pod.clone())
        .collect();
    let setters = setters(of_pod.is_some(), &of_containers);
    let values = quoted(values.iter().map(String::as_str));
    (!setters.is_empty())
        .then(|| format!("{setters} must not set securityContext.seccompProfile.type to {values}"))
}

/// The containers that add capabilities beyond those allowed, and which.
fn adding(spec: &Value, is_allowed: impl Fn(&str) -> bool) -> (Vec<&str>, BTreeSet<&str>) {
    let mut bad = Vec::new();
    let mut added = BTreeSet::new();
    for container in containers(spec) {
        let wanted = container["securityContext"]["capabilities"]["add"].as_array();
        let wanted = wanted.into_iter().flatten().filter_map(Value::as_str);
        let more: Vec<&str> = wanted.filter(|it| !is_allowed(it)).collect();
        if !more.is_empty() {
            bad.push(name(container));
            added.extend(more);
        }
    }
    (bad, added)
}

/// The names of the containers whose security context is bad.
fn bad_containers(spec: &Value, is_bad: impl Fn(&Value) -> bool) -> Vec<&str> {
    containers(spec).filter(|it| is_bad(&it["securityContext"])).map(name).collect()
}

fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    ["initContainers", "containers", "ephemeralContainers"]
        .into_iter()
        .flat_map(|list| spec[list].as_array().into_iter().flatten())
}

fn volumes(spec: &Value) -> impl Iterator<Item = &Value> {
    spec["volumes"].as_array().into_iter().flatten()
}

fn name(object: &Value) -> &str {
    object["name"].as_str().unwrap_or_default()
}

fn setters(is_pod: bool, containers: &[&str]) -> String {
    let pod = is_pod.then(|| "pod".to_owned());
    let containers = (!containers.is_empty()).then(|| containers_named(containers));
    pod.into_iter().chain(containers).collect::<Vec<_>>().join(" and ")
}

fn containers_named(names: &[&str]) -> String {
    format!("{} {}", plural("container", names.len()), quoted(names.iter().copied()))
}

fn plural(word: &str, count: usize) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

fn quoted<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    items.into_iter().map(|it| format!("{it:?}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
