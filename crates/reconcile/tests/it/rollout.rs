//! The law of a rolling update: never too few available, never too many in all, and it ends.

use proptest::{prelude::*, test_runner::Config};
use reconcile::{Key, Part, kinds};
use serde_json::{Value, json};

use crate::sim::{Sim, is_ready};

pub(crate) fn deployment(replicas: i64, surge: &Value, unavailable: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "d" },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": "web" } },
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": surge, "maxUnavailable": unavailable } },
            "progressDeadlineSeconds": 600,
            "revisionHistoryLimit": 10,
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "c", "image": "a" }] },
            },
        },
    })
}

/// (available pods, pods that ReplicaSets ask for): like upstream, the surge bounds what is asked for.
fn counts(sim: &Sim) -> (i64, i64) {
    let staying =
        sim.world.list(kinds::POD).filter(|it| it["metadata"]["deletionTimestamp"].is_null());
    let n_available = i64::try_from(staying.filter(|it| is_ready(it)).count()).expect("few");
    let sets = sim.world.list(kinds::REPLICA_SET);
    (n_available, sets.map(|it| it["spec"]["replicas"].as_i64().expect("a count")).sum())
}

fn bound(value: &Value, replicas: i64, is_up: bool) -> i64 {
    match value {
        Value::Number(it) => it.as_i64().expect("small"),
        it => {
            let percent: i64 =
                it.as_str().expect("a percentage").trim_end_matches('%').parse().expect("a number");
            let exact = percent * replicas;
            if is_up { (exact + 99) / 100 } else { exact / 100 }
        }
    }
}

fn limits() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0i64..4).prop_map(|it| json!(it)),
        (0i64..101).prop_map(|it| json!(format!("{it}%")))
    ]
}

/// Rolls out `images` one after the other, each begun at any moment of the last, in any order of events.
fn check(replicas: i64, surge: &Value, unavailable: &Value, choices: &[u8]) {
    let mut sim = Sim::new();
    let key = Key::new(kinds::DEPLOYMENT, "d", "web");
    sim.create(kinds::DEPLOYMENT, deployment(replicas, surge, unavailable)).expect("it is new");
    sim.run();
    let max_surge = bound(surge, replicas, true);
    let max_unavailable = match bound(unavailable, replicas, false) {
        0 if max_surge == 0 => 1,
        n => n.min(replicas),
    };
    let mut images = ["b", "c", "a"].into_iter();
    let image = |it: &str| json!({ "spec": { "template": { "spec": { "containers": [{ "name": "c", "image": it }] } } } });
    sim.patch(&key, Part::Whole, &image(images.next().expect("three")));
    for choice in choices.iter().copied().chain(std::iter::repeat_n(0, 3000)) {
        let moves = sim.kubelet_moves();
        let n_works = sim.waiting.len();
        let n = n_works + moves.len();
        match usize::from(choice) {
            it if it > 250 => {
                if let Some(next) = images.next() {
                    sim.patch(&key, Part::Whole, &image(next));
                }
            }
            _ if n == 0 => break,
            it if it % n < n_works => {
                let work = sim.waiting.iter().nth(it % n).cloned().expect("in range");
                sim.decide(&work);
            }
            it => sim.move_kubelet(&moves[it % n - n_works]),
        }
        let (available, total) = counts(&sim);
        assert!(
            available >= replicas - max_unavailable,
            "{available} available of {replicas} - {max_unavailable}"
        );
        assert!(total <= replicas + max_surge, "{total} pods of {replicas} + {max_surge}");
    }
    sim.run();
    let status = &sim.world.get(&key).expect("it is there")["status"];
    assert_eq!(counts(&sim), (replicas, replicas), "{status}");
    assert_eq!(status["updatedReplicas"].as_i64().unwrap_or_default(), replicas);
    let progressing = status["conditions"]
        .as_array()
        .expect("conditions")
        .iter()
        .find(|it| it["type"] == "Progressing");
    assert_eq!(progressing.expect("a condition")["reason"], "NewReplicaSetAvailable");
}

proptest! {
    #![proptest_config(Config { cases: 100, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_rollout_keeps_its_bounds_and_ends(
        replicas in 1i64..8,
        surge in limits(),
        unavailable in limits(),
        choices in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        check(replicas, &surge, &unavailable, &choices);
    }
}
