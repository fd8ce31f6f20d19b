//! faro with the chart's own Redis and PostgreSQL as pods: replicas roll and go under load, the stores start again.

use std::{
    fs,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::json;

use crate::{
    address::Caller,
    faro_stores::{client::Client, faro_program, visit},
    machine::{Machine, repository, run},
    project::Project,
};

const PROJECT: &str = r#"name = "stores"

[services.faro.image]
files = { "/usr/bin/faro" = "faro" }
ports = [8080, 9090]

[services.faro.chart]
path = "faro-chart"
image = "image"
set = [
    "redis.enabled=true",
    "redis.image=redis:debian",
    "redis.password=count-me",
    "postgresql.enabled=true",
    "postgresql.image=postgres:debian",
    "postgresql.password=keep-us",
]

[[services.faro.smoke]]
path = "/"
contains = "I have been seen"
"#;
const N_USERS: usize = 20;

#[test]
fn the_chart_brings_its_stores_and_nothing_is_lost_when_pods_go() {
    let (machine, project) = (Machine::new(), Project::new());
    fs::copy(faro_program(), project.path().join("faro")).unwrap();
    let chart = [&repository().join("charts/faro"), &project.path().join("faro-chart")];
    run(Command::new("cp").arg("-r").args(chart)).good();
    project.write("zarpa.toml", PROJECT);
    let archive = machine.path().join("stores.tar").display().to_string();
    let script = repository().join("e2e/images/stores.sh");
    run(Command::new("sh").arg(script).arg(&archive)).good();
    machine.zarpa(machine.path(), &["cluster", "start"]).good();
    machine.zarpa(machine.path(), &["cluster", "load", &archive]).good();

    let up = machine.zarpa(project.path(), &["up"]).good();
    let address = up.last_line();
    let authority = address.trim_start_matches("http://").trim_end_matches('/');
    let client = Client::new(authority.parse().unwrap());
    let version = client.get("/version").json();
    assert_eq!((&version["counter"], &version["users"]), (&json!("redis"), &json!("postgres")));
    for n in 0..N_USERS {
        let user = json!({"dni": format!("{n}"), "name": "Somebody"});
        assert_eq!(client.send("POST", "/api/users", &user).status, 201);
    }

    let before = visit(&client);
    let n_asked = roll_and_scale_under_load(&machine, address, &client);
    let n_counted = usize::try_from(visit(&client) - before).unwrap();
    assert!(n_asked < n_counted, "each of {n_asked} visitors was counted: {n_counted}");

    let before = visit(&client);
    let kubectl = |args: &[&str]| machine.kubectl(&[args, &["-n", "dev"]].concat());
    kubectl(&["delete", "pod", "faro-redis-0", "faro-postgresql-0"]);
    for store in ["statefulset/faro-redis", "statefulset/faro-postgresql", "deployment/faro"] {
        kubectl(&["rollout", "status", store, "--timeout", "60s"]);
    }
    kubectl(&["wait", "--for=condition=Ready", "pods", "--all", "--timeout", "60s"]);
    assert_eq!(visit(&client), before + 1, "the count is on the volume");
    let page = client.get("/api/users?limit=100").json();
    assert_eq!(page["items"].as_array().unwrap().len(), N_USERS);
}

/// Asks without pause while every replica is replaced and two of three go; returns how many visits were counted.
fn roll_and_scale_under_load(machine: &Machine, address: &str, client: &Client) -> usize {
    let kubectl = |args: &[&str]| machine.kubectl(&[args, &["-n", "dev"]].concat());
    let is_over = AtomicBool::new(false);
    let caller = Caller::start(address);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut n_read = 0;
            while !is_over.load(Ordering::Relaxed) {
                let page = client.get("/api/users?limit=100").json();
                assert_eq!(page["items"].as_array().unwrap().len(), N_USERS);
                n_read += 1;
            }
            n_read
        });
        let old = kubectl(&["get", "pods", "-l", "app.kubernetes.io/component=web", "-o", "name"]);
        kubectl(&["rollout", "restart", "deployment/faro"]);
        kubectl(&["rollout", "status", "deployment/faro", "--timeout", "120s"]);
        kubectl(&["scale", "deployment/faro", "--replicas", "1"]);
        for pod in old.lines() {
            kubectl(&["wait", "--for=delete", pod, "--timeout", "60s"]);
        }
        kubectl(&["rollout", "status", "deployment/faro", "--timeout", "60s"]);
        is_over.store(true, Ordering::Relaxed);
        assert!(0 < reader.join().unwrap());
    });
    let calls = caller.end();
    assert_eq!(calls.failures, Vec::<String>::new(), "of {} calls", calls.n_good);
    calls.n_good
}
