//! SIGKILL at any moment, to the cluster and to zarpa: the next `zarpa up` works, and nothing acknowledged is lost.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::Stdio,
};

use crate::{address::body, machine::Machine, project::Project};

#[test]
fn a_killed_cluster_keeps_every_write_that_it_acknowledged() {
    let machine = Machine::new();
    machine.zarpa(machine.path(), &["cluster", "start"]).good();
    for (round, n_before) in [(0, 1), (1, 20), (2, 90)] {
        let acknowledged = create_until_killed(&machine, round, n_before);
        assert!(n_before <= acknowledged.len(), "{acknowledged:?}");
        machine.zarpa(machine.path(), &["cluster", "start"]).good();
        let kept = machine.kubectl(&["get", "configmap", "-o", "name"]);
        for name in acknowledged {
            assert!(kept.lines().any(|it| it == name), "{name} is lost");
        }
    }
}

/// Creates objects until the cluster, killed after the first `n_before`, answers no more; returns those acknowledged.
fn create_until_killed(machine: &Machine, round: usize, n_before: usize) -> Vec<String> {
    let mut child = machine
        .client("kubectl")
        .args(["create", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let object = |n| {
        format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: written-{round}-{n}}}\n")
    };
    let objects: String = (0..400).map(object).collect();
    child.stdin.take().unwrap().write_all(objects.as_bytes()).unwrap();
    let mut names = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        // A line is `configmap/written-0-0 created`.
        names.extend(line.unwrap().strip_suffix(" created").map(str::to_owned));
        if names.len() == n_before {
            machine.kill_cluster();
        }
    }
    child.wait().unwrap();
    names
}

#[test]
fn pods_outlive_a_killed_cluster_and_are_found_again() {
    let (machine, project) = (Machine::new(), Project::new());
    let up = machine.zarpa(project.path(), &["up"]).good();
    let pods = machine.pods("dev");
    machine.kill_cluster();
    let again = machine.zarpa(project.path(), &["up"]).good();
    assert_eq!(again.last_line(), up.last_line());
    assert_eq!(body(again.last_line(), "/"), "Hello\n");
    assert_eq!(machine.pods("dev"), pods);
    assert_eq!(machine.history("dev", "web"), [(1, "deployed".to_owned())]);
}

#[test]
fn a_killed_run_is_carried_on_by_the_next_one() {
    let (machine, project) = (Machine::new(), Project::new());
    machine.zarpa(project.path(), &["up"]).good();
    let moments = ["zarpa ", "  test ", "  image ", "  plan ", "is pending", "pod web-", "smoke"];
    for (number, moment) in moments.into_iter().enumerate() {
        let greeting = format!("Hello for the {number}th time\n");
        project.write("greeting.txt", &greeting);
        let said = machine.zarpa_killed_at(project.path(), &["up"], moment);
        assert!(said.contains(moment), "`{moment}` was never said:\n{said}");
        let up = machine.zarpa(project.path(), &["up"]).good();
        assert_eq!(body(up.last_line(), "/"), greeting, "killed at `{moment}`");
        settled(&machine);
    }
}

#[test]
fn a_run_and_the_cluster_killed_together_are_carried_on() {
    let (machine, project) = (Machine::new(), Project::new());
    machine.zarpa(project.path(), &["up"]).good();
    for (number, moment) in ["is pending", "pod web-"].into_iter().enumerate() {
        let greeting = format!("Hello number {number}\n");
        project.write("greeting.txt", &greeting);
        machine.zarpa_killed_at(project.path(), &["up"], moment);
        machine.kill_cluster();
        let up = machine.zarpa(project.path(), &["up"]).good();
        assert_eq!(body(up.last_line(), "/"), greeting, "killed at `{moment}`");
        settled(&machine);
    }
}

/// No revision is left in between, and the newest is the good one.
#[track_caller]
fn settled(machine: &Machine) {
    let mut history = machine.history("dev", "web");
    assert_eq!(history.pop().unwrap().1, "deployed");
    let good = ["superseded", "failed"];
    assert!(history.iter().all(|it| good.contains(&it.1.as_str())), "{history:?}");
}
