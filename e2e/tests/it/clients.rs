//! The clients that everybody has: the real helm on zarpa's releases, the real kubectl on the embedded cluster.

use std::{io::Write as _, process::Stdio};

use serde_json::Value;

use crate::{
    address::body,
    machine::{Machine, repository, run, tool},
    project::Project,
};

fn running() -> (Machine, Project, String) {
    let (machine, project) = (Machine::new(), Project::new());
    let up = machine.zarpa(project.path(), &["up"]).good();
    let address = up.last_line().to_owned();
    (machine, project, address)
}

/// Hands a manifest to kubectl and returns what it says.
fn apply(machine: &Machine, manifest: &str) -> String {
    let mut command = machine.client("kubectl");
    command.args(["apply", "-n", "dev", "-f", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(manifest.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{manifest}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn helm_reads_what_zarpa_deployed() {
    let (machine, _project, _) = running();
    let list: Value =
        serde_json::from_str(&machine.helm(&["list", "-n", "dev", "-o", "json"])).unwrap();
    assert_eq!(list[0]["name"], "web");
    assert_eq!(list[0]["revision"], "1");
    assert_eq!(list[0]["status"], "deployed");
    assert_eq!(list[0]["chart"], "small-0.1.0");
    let manifest = machine.helm(&["get", "manifest", "web", "-n", "dev"]);
    assert!(manifest.starts_with("---\n# Source: small/templates/web.yaml\n"), "{manifest}");
    assert!(
        manifest.contains("kind: Deployment") && manifest.contains("kind: Ingress"),
        "{manifest}"
    );
    let values = machine.helm(&["get", "values", "web", "-n", "dev"]);
    assert!(values.contains("image: web:"), "{values}");
    let status = machine.helm(&["status", "web", "-n", "dev"]);
    assert!(status.contains("STATUS: deployed"), "{status}");
}

#[test]
fn kubectl_runs_commands_in_containers_and_hears_why_one_cannot_run() {
    let (machine, _project, _) = running();
    let exec = |command: &[&str]| {
        let mut kubectl = machine.client("kubectl");
        run(kubectl.args(["exec", "deploy/web", "-n", "dev", "--"]).args(command))
    };
    assert_eq!(exec(&["/bin/busybox", "echo", "hi"]).good().out, "hi\n");
    assert_eq!(exec(&["/bin/busybox", "sh", "-c", "exit 7"]).status.code(), Some(7));
    let missing = exec(&["/bin/nothing"]).failed();
    assert!(missing.err.contains("/bin/nothing"), "{}", missing.err);
}

#[test]
fn faro_s_chart_is_rendered_as_helm_does_and_helm_finds_nothing_wrong_with_it() {
    let machine = Machine::new();
    let helm = |args: &[&str]| {
        let mut command = machine.command(tool("helm"), repository());
        run(command.args(args)).good().out
    };
    let lint = helm(&["lint", "--strict", "charts/faro"]);
    assert!(lint.contains("1 chart(s) linted, 0 chart(s) failed"), "{lint}");
    let sets = [
        [].as_slice(),
        &["--set", "autoscaling.enabled=true,persistence.enabled=false"],
        &["--set", "ingress.host=a.example.com", "--namespace", "prod", "--is-upgrade"],
    ];
    for set in sets {
        let expect = helm(&[&["template", "faro", "charts/faro"], set].concat());
        let args = [&["chart", "template", "faro", "charts/faro"], set].concat();
        assert_eq!(machine.zarpa(repository(), &args).good().out, expect, "{set:?}");
    }
}

#[test]
fn helm_and_zarpa_take_turns() {
    let (machine, project, address) = running();
    project.write("greeting.txt", "Hello again\n");
    machine.zarpa(project.path(), &["up"]).good();
    assert_eq!(body(&address, "/"), "Hello again\n");
    machine.helm(&["rollback", "web", "1", "-n", "dev", "--wait"]);
    assert_eq!(body(&address, "/"), "Hello\n");
    machine.zarpa(project.path(), &["up"]).good();
    assert_eq!(body(&address, "/"), "Hello again\n");

    let chart = project.path().join("chart").display().to_string();
    let one = ["--reuse-values", "--set", "replicas=1", "-n", "dev", "--wait"];
    machine.helm(&[&["upgrade", "web", &chart], one.as_slice()].concat());
    assert_eq!(body(&address, "/"), "Hello again\n");
    machine.zarpa(project.path(), &["up"]).good();
    let replicas = ["get", "deploy", "web", "-n", "dev", "-o", "jsonpath={.status.readyReplicas}"];
    assert_eq!(machine.kubectl(&replicas), "2");
    let history = machine.history("dev", "web");
    assert_eq!(history.iter().map(|it| it.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(history.last().unwrap().1, "deployed");

    machine.helm(&["uninstall", "web", "-n", "dev", "--wait"]);
    let up = machine.zarpa(project.path(), &["up"]).good();
    assert_eq!(body(up.last_line(), "/"), "Hello again\n");
}

#[test]
fn zarpa_s_own_words_about_the_release() {
    let (machine, project, address) = running();
    let zarpa = |args: &[&str]| machine.zarpa(project.path(), args).good();
    let status = zarpa(&["status"]);
    status.says("web in dev: revision 1 deployed").says(&address);
    project.write("greeting.txt", "Hello again\n");
    zarpa(&["up"]);
    zarpa(&["rollback"]);
    assert_eq!(body(&address, "/"), "Hello\n");
    zarpa(&["history"]).says("3").says("superseded");
    let pods = machine.kubectl(&["get", "pods", "-n", "dev", "-o", "name"]);
    zarpa(&["restart"]);
    for pod in pods.lines() {
        machine.kubectl(&["wait", "--for=delete", pod, "-n", "dev", "--timeout=30s"]);
    }
    assert_eq!(body(&address, "/"), "Hello\n");
    zarpa(&["logs"]).says("response:200");
    zarpa(&["unlock"]).says("was not locked");
    let plan = zarpa(&["plan", "--set", "replicas=1"]);
    plan.says("change deployment/web").says("  spec.replicas: 2 → 1");
    zarpa(&["runs"]).says("plan").says("succeeded");
    let status = zarpa(&["cluster", "status", "--output", "json"]).json();
    for key in ["pid", "server", "version", "nodes"] {
        assert!(!status[key].is_null(), "{key}: {status}");
    }
    zarpa(&["cluster", "stop"]);
    let up = zarpa(&["up"]);
    assert_eq!(up.last_line(), address, "the address is kept");
    assert_eq!(body(&address, "/"), "Hello again\n");
}

#[test]
fn kubectl_reads_and_writes() {
    let (machine, _project, address) = running();
    let kubectl = |args: &[&str]| machine.kubectl(&[args, &["-n", "dev"]].concat());
    let pods = kubectl(&["get", "pods"]);
    assert!(pods.starts_with("NAME ") && pods.contains("1/1     Running   0 "), "{pods}");
    assert!(kubectl(&["get", "nodes"]).contains("v1.34.4"));
    let described = kubectl(&["describe", "deployment", "web"]);
    assert!(
        described.contains("RollingUpdateStrategy:  0 max unavailable, 1 max surge"),
        "{described}"
    );
    let described = kubectl(&["describe", "pod", "--selector", "app=web"]);
    assert!(described.contains("Started container web"), "{described}");
    body(&address, "/");
    assert!(kubectl(&["logs", "--selector", "app=web"]).contains("response:200"));

    let map = |value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: mine}}\ndata: {{a: \"{value}\"}}\n"
        )
    };
    assert_eq!(apply(&machine, &map("1")), "configmap/mine created\n");
    assert_eq!(apply(&machine, &map("1")), "configmap/mine unchanged\n");
    assert_eq!(apply(&machine, &map("2")), "configmap/mine configured\n");
    assert_eq!(kubectl(&["get", "configmap", "mine", "-o", "jsonpath={.data.a}"]), "2");
    kubectl(&["delete", "configmap", "mine"]);
    let gone = run(machine.client("kubectl").args(["get", "configmap", "mine", "-n", "dev"]));
    assert!(gone.err.contains("configmaps \"mine\" not found"), "{}", gone.err);
}

#[test]
fn kubectl_rolls_out_scales_and_undoes() {
    let (machine, _project, address) = running();
    let kubectl = |args: &[&str]| machine.kubectl(&[args, &["-n", "dev"]].concat());
    let settle = || kubectl(&["rollout", "status", "deployment/web", "--timeout", "60s"]);
    kubectl(&["scale", "deployment/web", "--replicas", "4"]);
    assert!(settle().contains("successfully rolled out"));
    assert_eq!(machine.pods("dev").iter().filter(|it| it.ends_with("true")).count(), 4);

    let before = machine.pods("dev");
    let name = before[0].split_whitespace().next().unwrap();
    kubectl(&["delete", "pod", name]);
    settle();
    let after = machine.pods("dev");
    assert!(after.len() == 4 && !after.contains(&before[0]), "{after:?}");

    kubectl(&["set", "env", "deployment/web", "COLOUR=green"]);
    settle();
    let colour =
        ["get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[0].env[0].value}"];
    assert_eq!(kubectl(&colour), "green");
    kubectl(&["rollout", "undo", "deployment/web"]);
    settle();
    assert_eq!(kubectl(&colour), "");
    assert!(kubectl(&["rollout", "history", "deployment/web"]).contains("3 "));
    assert_eq!(body(&address, "/"), "Hello\n");
}

#[test]
fn a_service_without_an_ingress_is_checked_through_a_port_forward() {
    let (machine, project) = (Machine::new(), Project::new());
    let up = machine.zarpa(project.path(), &["up", "--set", "ingress=false"]).good();
    up.says("port-forward");
    assert!(up.err.contains("✓ GET /: "), "{}", up.err);
    assert_eq!(up.last_line(), "", "there is no address to print");
}
