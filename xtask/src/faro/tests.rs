//! What the chart promises, whatever its values are.

use std::{collections::BTreeSet, ffi::OsStr};

use super::*;

fn with(set: &[&str]) -> Vec<Value> {
    objects(&rendered(&[], set).unwrap()).unwrap()
}

fn refused(set: &[&str]) -> String {
    rendered(&[], set).unwrap_err().to_string()
}

fn one<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    find(objects, kind).unwrap_or_else(|| panic!("no {kind}"))
}

fn find<'a>(objects: &'a [Value], kind: &str) -> Option<&'a Value> {
    objects.iter().find(|it| it["kind"] == kind)
}

fn image(set: &[&str]) -> String {
    let objects = with(set);
    let containers = &one(&objects, "Deployment")["spec"]["template"]["spec"]["containers"];
    containers[0]["image"].as_str().unwrap().to_owned()
}

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn every_template_makes_something_of_some_value_file() {
    let mut made = BTreeSet::new();
    for file in value_files().unwrap() {
        let rendered = rendered(std::slice::from_ref(&file), &[]).unwrap();
        made.extend(rendered.manifests.iter().map(|it| it.source.clone()));
        made.extend(rendered.hooks.iter().map(|it| it.path.clone()));
    }
    let mut files = Vec::new();
    read_folder(&dir().join("templates"), "faro/templates/", &mut files).unwrap();
    let is_template = |path: &Path| {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        path.extension() == Some(OsStr::new("yaml")) && !name.starts_with('_')
    };
    for file in files.iter().filter(|it| is_template(Path::new(&it.path))) {
        assert!(made.contains(&file.path), "no file of ci/ makes anything of {}", file.path);
    }
}

#[test]
fn the_image_is_one_string_or_its_parts() {
    let whole = format!("image=registry.example:5000/a/b:1@{DIGEST}");
    assert_eq!(image(&[&whole]), format!("registry.example:5000/a/b:1@{DIGEST}"));
    assert_eq!(image(&["image=a/b:1"]), "a/b:1");
    assert_eq!(image(&[]), "faro:0.1.0");
    assert_eq!(
        image(&["hub=registry.example/team", "image=b", "tag=2"]),
        "registry.example/team/b:2"
    );
    assert_eq!(image(&["image=b:1", "tag=2"]), "b:2");
    assert_eq!(image(&["image=b", &format!("digest={DIGEST}")]), format!("b@{DIGEST}"));
}

#[test]
fn prod_and_env_are_booleans_or_strings() {
    for (set, prod) in [("prod=true", "true"), ("prod=false", "false")] {
        assert_eq!(one(&with(&[set]), "ConfigMap")["data"]["PROD"], prod);
    }
    assert_eq!(one(&with(&["env=true"]), "ConfigMap")["data"]["ENV"], "true");
    assert!(refused(&["prod=maybe"]).contains("'/prod'"));
}

#[test]
fn the_environments_differ_in_what_they_are_called_only() {
    let files = ["values-dev.yaml", "values-prod.yaml"].map(|it| dir().join(it));
    let [dev, prod] = files.map(|it| yaml(&fs::read_to_string(it).unwrap()).unwrap());
    for values in [&dev, &prod] {
        let keys: Vec<&String> = values.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["env", "ingress", "prod"]);
        assert_eq!(values["ingress"].as_object().unwrap().keys().collect::<Vec<_>>(), ["host"]);
    }
    assert_ne!(dev["ingress"]["host"], prod["ingress"]["host"]);
}

#[test]
fn replicas_share_a_node_with_sqlite_and_spread_without() {
    let objects = with(&[]);
    let spec = &one(&objects, "Deployment")["spec"]["template"]["spec"];
    assert!(spec["affinity"]["podAffinity"].is_object());
    assert!(spec.get("topologySpreadConstraints").is_none());
    assert!(find(&objects, "PersistentVolumeClaim").is_some());

    let stores = ["redis.url=redis://r:6379", "postgresql.url=postgres://p/faro"];
    let objects = with(&stores);
    let spec = &one(&objects, "Deployment")["spec"]["template"]["spec"];
    assert!(spec["affinity"]["podAntiAffinity"].is_object());
    assert!(spec["topologySpreadConstraints"].is_array());
    assert!(find(&objects, "PersistentVolumeClaim").is_none());

    let objects = with(&stores[..1]);
    assert!(find(&objects, "PersistentVolumeClaim").is_some(), "users are in SQLite still");
}

#[test]
fn the_autoscaler_alone_decides_the_number_of_replicas() {
    let objects = with(&["autoscaling.enabled=true"]);
    assert!(one(&objects, "Deployment")["spec"].get("replicas").is_none());
    let scaler = &one(&objects, "HorizontalPodAutoscaler")["spec"];
    assert_eq!(
        (scaler["minReplicas"].as_u64(), scaler["maxReplicas"].as_u64()),
        (Some(3), Some(10))
    );
    assert_eq!(scaler["metrics"][0]["resource"]["target"]["averageUtilization"], 80);
    assert!(
        refused(&["autoscaling.enabled=true", "autoscaling.minReplicas=11"])
            .contains("maxReplicas")
    );
}

#[test]
fn a_single_replica_can_be_drained() {
    let objects = with(&["replicas=1"]);
    let budget = &one(&objects, "PodDisruptionBudget")["spec"];
    assert_eq!(budget["maxUnavailable"], 1);
    assert!(budget.get("minAvailable").is_none());
    assert!(refused(&["podDisruptionBudget.maxUnavailable=0"]).contains("maxUnavailable"));
}

#[test]
fn what_changes_outside_the_pod_rolls_it() {
    let annotations = |set: &[&str]| {
        one(&with(set), "Deployment")["spec"]["template"]["metadata"]["annotations"].clone()
    };
    let plain = annotations(&[]);
    assert_ne!(annotations(&["config.log_level=debug"]), plain);
    assert_ne!(annotations(&["secretConfig.token=a"]), annotations(&["secretConfig.token=b"]));
    let checksum = |it: &str| format!("existingSecrets[0].checksum={it}");
    let name = "existingSecrets[0].name=s";
    assert_ne!(annotations(&[name, &checksum("x")]), annotations(&[name, &checksum("y")]));
}

#[test]
fn the_environment_is_not_routed() {
    let objects = with(&["httpRoute.enabled=true", "httpRoute.parentRefs[0].name=g"]);
    let routes = [one(&objects, "Ingress").to_string(), one(&objects, "HTTPRoute").to_string()];
    for route in routes {
        assert!(
            route.contains("/api/users") && !route.contains("/env") && !route.contains("/metrics")
        );
    }
}

#[test]
fn a_pod_may_end_in_peace() {
    assert!(refused(&["terminationGracePeriodSeconds=10"]).contains("must be more than"));
}

#[test]
fn nothing_of_one_release_selects_a_pod_of_its_parts() {
    let set = ["redis.enabled=true", "postgresql.enabled=true", "postgresql.password=p"];
    let objects = with(&set);
    let selector = &one(&objects, "Deployment")["spec"]["selector"]["matchLabels"];
    let services = objects.iter().filter(|it| it["kind"] == "Service");
    let selecting: Vec<&Value> =
        services.filter(|it| it["spec"]["selector"] == *selector).collect();
    assert_eq!(selecting.len(), 1);
    for pod in objects.iter().filter(|it| it["kind"] == "Pod" || it["kind"] == "StatefulSet") {
        assert_ne!(pod["metadata"]["labels"]["app.kubernetes.io/component"], "service");
    }
}
