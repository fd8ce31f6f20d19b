//! Figures of daily work: a changed line, pods that come up, a program that crashes, a chart of many objects, an idle cluster.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{
    Bench, Table,
    project::{N_OBJECTS, Project},
};

/// How long the idle cluster is looked at.
const IDLE: Duration = Duration::from_secs(10);
/// The kernel's unit of time in `/proc`: `getconf CLK_TCK`.
const TICK_MS: f64 = 10.0;
const PODS: [(usize, &str, &str); 3] = [
    (1, "pod created to Ready, with kubectl", "100 ms"),
    (3, "3 pods created to Ready, with kubectl", "200 ms"),
    (50, "50 pods created to Ready, with kubectl", "2000 ms"),
];

pub(crate) fn measure(bench: &Bench, n_runs: usize, table: &mut Table) -> anyhow::Result<()> {
    let web = Project::web(bench.home.join("web"))?;
    changes(bench, &web, n_runs, table)?;
    pods(bench, n_runs, table)?;
    crashes(bench, &web, n_runs, table)?;
    bench.zarpa_in(web.path(), &["down"])?;
    many(bench, n_runs, table)?;
    idle(bench, table)
}

/// One changed file of 16 MB, from the image to smoke passed on all three replicas.
fn changes(bench: &Bench, web: &Project, n_runs: usize, table: &mut Table) -> anyhow::Result<()> {
    bench.zarpa_in(web.path(), &["up"])?;
    let (mut whole, mut image) = (Vec::new(), Vec::new());
    for run in 1..=n_runs {
        web.change_program(run as u64)?;
        let begin = Instant::now();
        let record = bench.read_in(web.path(), &["up", "--output", "json"])?;
        whole.push(begin.elapsed());
        image.push(stage_time(&record, "image")?);
    }
    table.add("one change to healthy, without compiling", &whole, "500 ms");
    table.add("  image built, 16 MB changed", &image, "50 ms");
    Ok(())
}

fn stage_time(record: &str, stage: &str) -> anyhow::Result<Duration> {
    let record: Value = serde_json::from_str(record)?;
    let stages = record["services"][0]["stages"].as_array().context("a record has stages")?;
    let found = stages.iter().find(|it| it["stage"] == stage).context("no such stage")?;
    Ok(Duration::from_millis(found["tookMs"].as_u64().context("a stage has a time")?))
}

/// Deployments without probes, from kubectl's start to the end of `rollout status`.
fn pods(bench: &Bench, n_runs: usize, table: &mut Table) -> anyhow::Result<()> {
    let image = format!("--image={}", bench.image("web")?);
    for (n_pods, what, target) in PODS {
        let replicas = format!("--replicas={n_pods}");
        let sleep = ["--", "/bin/busybox", "sleep", "3600"];
        let create = [&["create", "deployment", "pods", &image, &replicas][..], &sleep].concat();
        let mut times = Vec::new();
        for _ in 0..n_runs {
            let begin = Instant::now();
            bench.client("kubectl", &create)?;
            bench.client("kubectl", &["rollout", "status", "deployment/pods"])?;
            times.push(begin.elapsed());
            bench.client("kubectl", &["delete", "deployment/pods", "--cascade=foreground"])?;
            bench.client("kubectl", &["delete", "pods", "--all", "--grace-period=0", "--force"])?;
        }
        table.add(what, &times, target);
    }
    Ok(())
}

/// A program that ends as soon as it is started: until `zarpa up` has said why.
fn crashes(bench: &Bench, web: &Project, n_runs: usize, table: &mut Table) -> anyhow::Result<()> {
    web.break_program()?;
    let mut times = Vec::new();
    for run in 0..n_runs {
        // Told and put back; then as good as new.
        web.change_program(1000 + run as u64)?;
        let failed = bench.failing_in(web.path(), &["up"])?;
        ensure!(failed.1.contains("exit"), "the cause is not told:\n{}", failed.1);
        times.push(failed.0);
    }
    table.add("crash at start: told, and rolled back", &times, "5000 ms");
    Ok(())
}

fn many(bench: &Bench, n_runs: usize, table: &mut Table) -> anyhow::Result<()> {
    let many = Project::many(bench.home.join("many"))?;
    let chart = many.path().join("chart");
    let chart = chart.to_str().context("the folder's name is no text")?;
    let helm = ["upgrade", "--install", "many", chart];
    bench.zarpa_in(many.path(), &["deploy"])?;
    bench.client("helm", &helm)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..n_runs {
        ours.push(bench.zarpa_in(many.path(), &["deploy"])?);
        theirs.push(bench.client("helm", &helm)?);
    }
    table.add(&format!("no-op deploy of {N_OBJECTS} objects"), &ours, "300 ms");
    table.add("  helm upgrade, nothing changed", &theirs, "");
    bench.client("helm", &["uninstall", "many"])?;
    bench.zarpa_in(many.path(), &["down"]).map(drop)
}

/// CPU time and memory of the cluster's process while nobody asks it anything.
fn idle(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let pid = bench.cluster_pid()?;
    let before = cpu_ms(pid)?;
    thread::sleep(IDLE);
    let used = cpu_ms(pid)? - before;
    let share = used / IDLE.as_millis() as f64 * 100.0;
    table.note(&format!("cluster idle: {share:.2} % of a core (target: 0.1 %)"));
    Ok(())
}

fn cpu_ms(pid: u64) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // After the name, which may hold anything: state is the first, user and system time the 12th and 13th.
    let (_, fields) = stat.rsplit_once(')').context("stat")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks * TICK_MS)
}
