//! Scripts: what is done to a cluster, and what it then shows.

use std::sync::Arc;

use reconcile::{Key, Kind, Part, Propagation, kinds};
use serde_json::{Value, json};

use crate::{
    rollout::deployment,
    show::show,
    sim::{Sim, is_ready, key},
};

/// Runs a transcript's commands, the lines that begin with `>`, and compares what they show with the other lines.
#[track_caller]
pub(crate) fn check(transcript: &str) {
    let want: Vec<&str> = transcript.lines().map(str::trim).filter(|it| !it.is_empty()).collect();
    let mut sim = Sim::new();
    let mut actual: Vec<String> = Vec::new();
    for line in want.iter().filter_map(|it| it.strip_prefix("> ")) {
        actual.push(format!("> {line}"));
        let words: Vec<&str> = line.split(' ').collect();
        match *words {
            ["show", what] => actual.extend(show(&sim, what)),
            _ => step(&mut sim, &words),
        }
    }
    assert!(actual == want, "the script shows this:\n{}", actual.join("\n"));
}

/// Commands about time, the kubelet and workloads other than the Deployment `web`.
fn step(sim: &mut Sim, words: &[&str]) {
    match *words {
        ["settle"] => sim.settle(),
        ["run"] => sim.run(),
        ["kubelet"] => {
            let next = sim.kubelet_moves().first().cloned().expect("there is a move");
            sim.move_kubelet(&next);
            sim.settle();
        }
        ["finish", phase] => finish(sim, phase),
        ["advance", seconds] => sim.advance(number(seconds)),
        ["quota", n] => sim.pods_max = n.parse().expect("a number"),
        ["apply", replicas, surge, unavailable] => {
            let bound = |it: &str| it.parse::<i64>().map_or_else(|_| json!(it), |it| json!(it));
            let web = deployment(number(replicas), &bound(surge), &bound(unavailable));
            sim.create(kinds::DEPLOYMENT, web).expect("new");
        }
        ["job", completions, parallelism, ref limits @ ..] => {
            sim.create(kinds::JOB, job(completions, parallelism, limits)).expect("new");
        }
        ["stateful", replicas] => {
            let policy = json!({ "replicas": number(replicas), "serviceName": "db" });
            sim.create(kinds::STATEFUL_SET, workload("db", policy)).expect("new");
        }
        ["daemon"] => sim.create(kinds::DAEMON_SET, workload("agent", json!({}))).expect("new"),
        ["update", image] => set_image(sim, kinds::STATEFUL_SET, "db", image),
        ["renew", image] => set_image(sim, kinds::DAEMON_SET, "agent", image),
        _ => step_web(sim, words),
    }
}

/// Commands about the Deployment `web`.
fn step_web(sim: &mut Sim, words: &[&str]) {
    let web = Key::new(kinds::DEPLOYMENT, "d", "web");
    let spec = match *words {
        ["delete", "foreground"] => return sim.delete(&web, Some(Propagation::Foreground)),
        ["delete", "orphan"] => return sim.delete(&web, Some(Propagation::Orphan)),
        ["delete"] => return sim.delete(&web, None),
        ["image", image] => return set_image(sim, kinds::DEPLOYMENT, "web", image),
        ["scale", n] => json!({ "replicas": number(n) }),
        ["strategy", "Recreate"] => {
            json!({ "strategy": { "type": "Recreate", "rollingUpdate": null } })
        }
        ["pause"] => json!({ "paused": true }),
        ["resume"] => json!({ "paused": null }),
        ["history", n] => json!({ "revisionHistoryLimit": number(n) }),
        _ => unreachable!("unknown command {words:?}"),
    };
    sim.patch(&web, Part::Whole, &json!({ "spec": spec }));
}

fn number(word: &str) -> i64 {
    word.parse().expect("a number")
}

fn finish(sim: &mut Sim, phase: &str) {
    let is_live =
        |pod: &&Arc<Value>| is_ready(pod) && pod["metadata"]["deletionTimestamp"].is_null();
    let pod = sim.world.list(kinds::POD).find(is_live).expect("one runs");
    let pod = key(kinds::POD, pod);
    sim.finish(&pod, phase);
    sim.settle();
}

fn job(completions: &str, parallelism: &str, limits: &[&str]) -> Value {
    let mut spec = json!({
        "completions": number(completions),
        "parallelism": number(parallelism),
        "backoffLimit": 2,
        "template": { "spec": { "restartPolicy": "Never", "containers": [{ "name": "c", "image": "task" }] } },
    });
    if let [field, value] = limits {
        spec[*field] = number(value).into();
    }
    json!({ "metadata": { "name": "task", "namespace": "d" }, "spec": spec })
}

fn workload(name: &str, policy: Value) -> Value {
    let mut spec = policy;
    spec["selector"] = json!({ "matchLabels": { "app": name } });
    spec["template"] = json!({
        "metadata": { "labels": { "app": name } },
        "spec": { "containers": [{ "name": "c", "image": "a" }] },
    });
    json!({ "metadata": { "name": name, "namespace": "d" }, "spec": spec })
}

fn set_image(sim: &mut Sim, kind: Kind, name: &str, image: &str) {
    let containers = json!([{ "name": "c", "image": image }]);
    let patch = json!({ "spec": { "template": { "spec": { "containers": containers } } } });
    sim.patch(&Key::new(kind, "d", name), Part::Whole, &patch);
}

#[test]
fn a_rolling_update_goes_step_by_step() {
    check(
        "
        > apply 3 1 0
        > run
        > show sets
        set a revision 1: 3 wanted, 3 available
        > image b
        > settle
        > show sets
        set a revision 1: 3 wanted, 3 available
        set b revision 2: 1 wanted, 0 available
        > kubelet
        > show sets
        set a revision 1: 2 wanted, 2 available
        set b revision 2: 2 wanted, 1 available
        > show pods
        pod a ending
        pod a ready
        pod a ready
        pod b ready
        pod b starting
        > run
        > show sets
        set a revision 1: 0 wanted, 0 available
        set b revision 2: 3 wanted, 3 available
        > show conditions
        Available True MinimumReplicasAvailable
        Progressing True NewReplicaSetAvailable
        > show events
        Scaled down replica set web-* from 1 to 0
        Scaled down replica set web-* from 2 to 1
        Scaled down replica set web-* from 3 to 2
        Scaled up replica set web-* from 1 to 2
        Scaled up replica set web-* from 2 to 3
        ",
    );
}

#[test]
fn recreate_ends_the_old_pods_before_it_starts_the_new() {
    check(
        "
        > apply 2 1 0
        > strategy Recreate
        > run
        > image b
        > settle
        > show pods
        pod a ending
        pod a ending
        > kubelet
        > show pods
        pod a ending
        > kubelet
        > show pods
        pod b starting
        pod b starting
        > run
        > show pods
        pod b ready
        pod b ready
        ",
    );
}

#[test]
fn a_stuck_rollout_is_told_after_its_deadline_and_undone_by_the_old_template() {
    check(
        "
        > apply 3 25% 25%
        > run
        > image broken
        > run
        > show sets
        set a revision 1: 3 wanted, 3 available
        set broken revision 2: 1 wanted, 0 available
        > show conditions
        Available True MinimumReplicasAvailable
        Progressing True ReplicaSetUpdated
        > advance 599
        > show conditions
        Available True MinimumReplicasAvailable
        Progressing True ReplicaSetUpdated
        > advance 5
        > show conditions
        Available True MinimumReplicasAvailable
        Progressing False ProgressDeadlineExceeded
        > image a
        > run
        > show sets
        set a revision 3: 3 wanted, 3 available
        set broken revision 2: 0 wanted, 0 available
        > show conditions
        Available True MinimumReplicasAvailable
        Progressing True NewReplicaSetAvailable
        ",
    );
}

#[test]
fn scaling_in_the_middle_of_a_rollout_is_proportional() {
    check(
        "
        > apply 10 3 2
        > run
        > image broken
        > run
        > show sets
        set a revision 1: 8 wanted, 8 available
        set broken revision 2: 5 wanted, 0 available
        > scale 15
        > run
        > show sets
        set a revision 1: 11 wanted, 11 available
        set broken revision 2: 7 wanted, 0 available
        ",
    );
}

#[test]
fn a_paused_deployment_scales_but_does_not_roll() {
    check(
        "
        > apply 2 1 0
        > run
        > pause
        > image b
        > scale 3
        > run
        > show sets
        set a revision 1: 3 wanted, 3 available
        > show conditions
        Available True MinimumReplicasAvailable
        Progressing Unknown DeploymentPaused
        > resume
        > run
        > show sets
        set a revision 1: 0 wanted, 0 available
        set b revision 2: 3 wanted, 3 available
        > show conditions
        Available True MinimumReplicasAvailable
        Progressing True NewReplicaSetAvailable
        ",
    );
}

#[test]
fn old_sets_beyond_the_history_go() {
    check(
        "
        > apply 1 1 0
        > history 1
        > run
        > image b
        > run
        > image c
        > run
        > image d
        > run
        > show sets
        set c revision 3: 0 wanted, 0 available
        set d revision 4: 1 wanted, 1 available
        ",
    );
}

#[test]
fn a_full_quota_shows_and_is_overcome() {
    check(
        "
        > quota 2
        > apply 3 1 0
        > run
        > show pods
        pod a ready
        pod a ready
        > show conditions
        Available False MinimumReplicasUnavailable
        Progressing True ReplicaSetUpdated
        ReplicaFailure True FailedCreate
        > quota 9
        > advance 2
        > run
        > show pods
        pod a ready
        pod a ready
        pod a ready
        > show conditions
        Available True MinimumReplicasAvailable
        Progressing True NewReplicaSetAvailable
        ",
    );
}

#[test]
fn deletion_takes_what_it_owns_or_leaves_it() {
    check(
        "
        > apply 2 1 0
        > run
        > delete
        > settle
        > show sets
        > show pods
        pod a ending
        pod a ending
        > run
        > show pods
        ",
    );
    check(
        "
        > apply 2 1 0
        > run
        > delete orphan
        > run
        > show sets
        set a revision 1: 2 wanted, 2 available
        > show pods
        pod a ready
        pod a ready
        ",
    );
    check(
        "
        > apply 2 1 0
        > run
        > delete foreground
        > settle
        > show sets
        set a revision 1: 2 wanted, 0 available
        > show pods
        pod a ending
        pod a ending
        > run
        > show sets
        > show pods
        ",
    );
}
