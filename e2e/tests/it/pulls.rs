//! Pods whose images lie in a registry of this machine, without TLS, with and without a password.

use std::{path::PathBuf, process::Command};

use crate::{
    machine::{Machine, run},
    project::Project,
    registry::{Access, Registry},
};

const LOGIN: &str = r#"{"auths": {"ADDRESS": {"auth": "c29tZWJvZHk6b3BlbiBzZXNhbWU="}}}"#;
const WRONG_LOGIN: &str = r#"{"auths": {"ADDRESS": {"auth": "c29tZWJvZHk6b3BlbiBiYXJsZXk="}}}"#;

/// Builds the small project's image on a machine of its own and copies it to a registry as `team/web:1` and `:2`.
fn publish(registry: &Registry) {
    let (machine, project) = (Machine::new(), Project::new());
    let built = machine.zarpa(project.path(), &["build"]).good();
    let store = machine.data().join("zarpa/images");
    let image = format!("oci:{}:docker.io/library/{}", store.display(), built.last_line());
    for tag in [1, 2] {
        let target = format!("docker://{}/team/web:{tag}", registry.address);
        let mut copy = Command::new("skopeo");
        copy.args(["copy", "--quiet", "--dest-tls-verify=false"]);
        copy.args(["--dest-creds=somebody:open sesame", &image, &target]);
        run(&mut copy).good();
    }
}

/// Runs `team/web` as a pod, in which `extra` stands in the spec.
fn start(machine: &Machine, registry: &Registry, (name, tag): (&str, u8), extra: &str) {
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  {extra}\n  \
         terminationGracePeriodSeconds: 0\n  containers: [{{name: web, image: {}/team/web:{tag}}}]\n",
        registry.address
    );
    apply(machine, &pod);
}

fn apply(machine: &Machine, manifest: &str) {
    let path: PathBuf = machine.path().join("manifest.yaml");
    std::fs::write(&path, manifest).unwrap();
    machine.kubectl(&["apply", "-f", &path.display().to_string()]);
}

fn secret(machine: &Machine, registry: &Registry, name: &str, login: &str) {
    let path = machine.path().join("secret.json");
    std::fs::write(&path, login.replace("ADDRESS", &registry.address)).unwrap();
    let file = format!("--from-file=.dockerconfigjson={}", path.display());
    let kind = "--type=kubernetes.io/dockerconfigjson";
    machine.kubectl(&["create", "secret", "generic", name, kind, &file]);
}

fn is_ready(machine: &Machine, pod: &str) {
    let pod = format!("pod/{pod}");
    machine.kubectl(&["wait", "--for=condition=Ready", &pod, "--timeout=60s"]);
}

/// Waits until a pod's container waits for this reason.
fn waits_for(machine: &Machine, pod: &str, reason: &str) {
    let condition =
        format!("--for=jsonpath={{.status.containerStatuses[0].state.waiting.reason}}={reason}");
    machine.kubectl(&["wait", &condition, &format!("pod/{pod}"), "--timeout=60s"]);
}

#[test]
fn an_image_is_pulled_with_the_pull_secrets_of_the_pod_or_of_its_service_account() {
    let machine = Machine::new();
    let registry = Registry::start(machine.path(), Access::Password);
    publish(&registry);
    machine.zarpa(machine.path(), &["cluster", "start"]).good();

    start(&machine, &registry, ("bare", 1), "");
    waits_for(&machine, "bare", "ImagePullBackOff");
    let events = machine.kubectl(&["events", "--for=pod/bare"]);
    assert!(events.contains("does not allow this"), "{events}");
    assert!(events.contains(&registry.address), "{events}");

    secret(&machine, &registry, "wrong", WRONG_LOGIN);
    start(&machine, &registry, ("refused", 1), "imagePullSecrets: [{name: wrong}]");
    waits_for(&machine, "refused", "ImagePullBackOff");

    // Both are tried, as Kubernetes does.
    secret(&machine, &registry, "right", LOGIN);
    start(&machine, &registry, ("own", 1), "imagePullSecrets: [{name: wrong}, {name: right}]");
    is_ready(&machine, "own");

    machine.kubectl(&["create", "serviceaccount", "puller"]);
    let patch = r#"{"imagePullSecrets": [{"name": "right"}]}"#;
    machine.kubectl(&["patch", "serviceaccount", "puller", "-p", patch]);
    // Another name, so that the image is not there yet.
    start(&machine, &registry, ("account", 2), "serviceAccountName: puller");
    is_ready(&machine, "account");
    let secrets = "jsonpath={.spec.imagePullSecrets[*].name}";
    assert_eq!(machine.kubectl(&["get", "pod", "account", "-o", secrets]), "right");
}

#[test]
fn an_image_is_pulled_with_what_the_user_logged_in_with_and_without_a_restart() {
    let machine = Machine::new();
    let registry = Registry::start(machine.path(), Access::Password);
    publish(&registry);
    machine.zarpa(machine.path(), &["cluster", "start"]).good();
    start(&machine, &registry, ("early", 1), "");
    waits_for(&machine, "early", "ImagePullBackOff");
    std::fs::create_dir_all(machine.path().join(".docker")).unwrap();
    let login = LOGIN.replace("ADDRESS", &registry.address);
    std::fs::write(machine.path().join(".docker/config.json"), login).unwrap();
    is_ready(&machine, "early");
}
