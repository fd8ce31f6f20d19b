//! Defaults of pods, pod templates and what is in them.

use serde_json::{Value, json};

use super::{Object, child, items, set, set_zero, text};

pub(super) fn fill(kind: &str, map: &mut Object) {
    match kind {
        "core.v1.Pod" => pod(map),
        "core.v1.PodSpec" => pod_spec(map),
        "core.v1.PodStatus" => pod_status(map),
        "core.v1.Container" | "core.v1.EphemeralContainer" => container(map),
        "core.v1.Probe" => {
            for (key, value) in [
                ("timeoutSeconds", 1),
                ("periodSeconds", 10),
                ("successThreshold", 1),
                ("failureThreshold", 3),
            ] {
                set_zero(map, key, value);
            }
        }
        "core.v1.HTTPGetAction" => {
            set_zero(map, "path", "/");
            set_zero(map, "scheme", "HTTP");
        }
        "core.v1.ResourceFieldSelector" => set(map, "divisor", "0"),
        "core.v1.GRPCAction" => set(map, "service", ""),
        "core.v1.Volume" if map.keys().all(|it| it == "name") => {
            map.insert("emptyDir".to_owned(), json!({}));
        }
        "core.v1.SecretVolumeSource"
        | "core.v1.ConfigMapVolumeSource"
        | "core.v1.DownwardAPIVolumeSource"
        | "core.v1.ProjectedVolumeSource" => set(map, "defaultMode", 0o644),
        "core.v1.ServiceAccountTokenProjection" => set(map, "expirationSeconds", 3600),
        "core.v1.HostPathVolumeSource" => set(map, "type", ""),
        "core.v1.ObjectFieldSelector" => set_zero(map, "apiVersion", "v1"),
        _ => {}
    }
}

/// Of pods only, not of templates.
fn pod(map: &mut Object) {
    let spec = child(map, "spec");
    let is_host_network = spec.get("hostNetwork") == Some(&Value::Bool(true));
    for list in ["containers", "initContainers"] {
        for container in items(spec, list) {
            requests_from_limits(container);
            if is_host_network {
                for port in items(container, "ports") {
                    let number = port.get("containerPort").cloned().unwrap_or_default();
                    set_zero(port, "hostPort", number);
                }
            }
        }
    }
    set(spec, "enableServiceLinks", true);
    // An object that is created has no status, and the first thing that is said of it is this.
    set_zero(child(map, "status"), "phase", "Pending");
}

fn requests_from_limits(container: &mut Object) {
    let Some(resources) = container.get_mut("resources").and_then(Value::as_object_mut) else {
        return;
    };
    let Some(limits) = resources.get("limits").and_then(Value::as_object).cloned() else { return };
    let requests = child(resources, "requests");
    for (resource, amount) in limits {
        requests.entry(resource).or_insert(amount);
    }
}

fn pod_spec(map: &mut Object) {
    set_zero(map, "dnsPolicy", "ClusterFirst");
    set_zero(map, "restartPolicy", "Always");
    set(map, "securityContext", json!({}));
    set(map, "terminationGracePeriodSeconds", 30);
    set_zero(map, "schedulerName", "default-scheduler");
    // Two names of one field; the newer one wins.
    let name = match text(map, "serviceAccountName") {
        "" => text(map, "serviceAccount").to_owned(),
        name => name.to_owned(),
    };
    if !name.is_empty() {
        map.insert("serviceAccountName".to_owned(), name.clone().into());
        map.insert("serviceAccount".to_owned(), name.into());
    }
}

fn pod_status(map: &mut Object) {
    let address = text(map, "podIP").to_owned();
    if !address.is_empty() {
        set_zero(map, "podIPs", json!([{ "ip": address }]));
    }
}

fn container(map: &mut Object) {
    let policy =
        if image_tag(text(map, "image")) == Some("latest") { "Always" } else { "IfNotPresent" };
    set_zero(map, "imagePullPolicy", policy);
    set_zero(map, "terminationMessagePath", "/dev/termination-log");
    set_zero(map, "terminationMessagePolicy", "File");
}

/// The tag of an image's name, `latest` where there is neither tag nor digest.
fn image_tag(image: &str) -> Option<&str> {
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    let last = name.rsplit('/').next().unwrap_or(name);
    let tag = last.split_once(':').map(|(_, tag)| tag);
    tag.or_else(|| digest.is_none().then_some("latest"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_tags_are_found() {
        for (image, tag) in [
            ("nginx", Some("latest")),
            ("nginx:1.27", Some("1.27")),
            ("localhost:5000/nginx", Some("latest")),
            ("localhost:5000/nginx:latest", Some("latest")),
            ("nginx@sha256:00", None),
            ("nginx:1@sha256:00", Some("1")),
        ] {
            assert_eq!(image_tag(image), tag, "{image}");
        }
    }
}
