//! What goes wrong with a project: each time the cause in one line, the evidence below it, and the version before still answers.

use std::time::Duration;

use crate::{address::body, machine::Machine, project::Project};

/// A crash must be told by then.
const CRASH_MAX: Duration = Duration::from_secs(10);

const CRASHING: &str = "args: [sh, -c, \"echo there is no /etc/web.conf; exit 3\"]\n";

/// A project that is up, and its address.
fn running() -> (Machine, Project, String) {
    let (machine, project) = (Machine::new(), Project::new());
    let up = machine.zarpa(project.path(), &["up"]).good();
    let address = up.last_line().to_owned();
    assert_eq!(body(&address, "/"), "Hello\n");
    (machine, project, address)
}

/// The first version answers, and helm agrees that a good revision is there.
#[track_caller]
fn still_answers(machine: &Machine, address: &str) {
    assert_eq!(body(address, "/"), "Hello\n");
    assert_eq!(machine.history("dev", "web").last().unwrap().1, "deployed");
}

#[test]
fn a_crash_at_start_is_told_within_seconds_and_undone() {
    let (machine, project, address) = running();
    project.write("crash.yaml", CRASHING);
    let failed = machine.zarpa(project.path(), &["up", "-f", "crash.yaml"]).failed();
    assert!(failed.took < CRASH_MAX, "{:?}", failed.took);
    assert!(failed.cause().contains("web"), "{}", failed.cause());
    failed.says("exit code 3").says("there is no /etc/web.conf").says("revision 1 is back");
    still_answers(&machine, &address);
    let folder = project.path().join(".zarpa/runs");
    let runs = machine.zarpa(project.path(), &["runs", "--output", "json"]).good().json();
    let run = runs.as_array().unwrap().last().unwrap();
    assert_eq!(run["verdict"], "failed");
    assert!(folder.join(run["id"].as_str().unwrap()).join("web/evidence").is_dir());
    let up = machine.zarpa(project.path(), &["up"]).good();
    assert_eq!(up.last_line(), address, "the way on is the usual one");
}

#[test]
fn a_first_install_that_crashes_leaves_nothing_of_itself() {
    let (machine, project) = (Machine::new(), Project::new());
    project.write("crash.yaml", CRASHING);
    let failed = machine.zarpa(project.path(), &["up", "-f", "crash.yaml"]).failed();
    assert!(failed.took < CRASH_MAX, "{:?}", failed.took);
    failed.says("there is no /etc/web.conf");
    let left = machine.kubectl(&["get", "deploy,svc,ingress", "-n", "dev", "-o", "name"]);
    assert_eq!(left, "");
    let up = machine.zarpa(project.path(), &["up"]).good();
    assert_eq!(body(up.last_line(), "/"), "Hello\n");
}

#[test]
fn a_wrong_readiness_path_is_told_with_what_the_probe_got() {
    let (machine, project, address) = running();
    let args = ["up", "--set", "readinessPath=/nothing", "--timeout", "6s"];
    let failed = machine.zarpa(project.path(), &args).failed();
    failed.says("404").says("revision 1 is back");
    still_answers(&machine, &address);
}

#[test]
fn a_failing_test_ends_the_run_before_anything_is_deployed() {
    let (machine, project, address) = running();
    project.write("test.sh", "echo expected Hello, found nothing; exit 7\n");
    let failed = machine.zarpa(project.path(), &["up"]).failed();
    assert!(failed.cause().contains("`sh test.sh` ended with exit code 7"), "{}", failed.cause());
    failed.says("expected Hello, found nothing");
    still_answers(&machine, &address);
    assert_eq!(machine.history("dev", "web").len(), 1);
}

#[test]
fn a_chart_that_does_not_render_is_told_with_its_place() {
    let (machine, project, address) = running();
    project.replace("chart/templates/web.yaml", "{{ .Values.replicas }}", "{{ replicass 3 }}");
    let failed = machine.zarpa(project.path(), &["up"]).failed();
    failed.says("replicass").says("templates/web.yaml:6");
    still_answers(&machine, &address);
    assert_eq!(machine.history("dev", "web").len(), 1);
}

#[test]
fn values_that_break_the_schema_are_told_by_their_path() {
    let (machine, project, address) = running();
    project.write("wrong.yaml", "replicas: many\n");
    let failed = machine.zarpa(project.path(), &["up", "-f", "wrong.yaml"]).failed();
    failed.says("replicas").says("integer");
    still_answers(&machine, &address);
    assert_eq!(machine.history("dev", "web").len(), 1);
}
