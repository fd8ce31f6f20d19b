//! Figures: what zarpa takes on this machine, beside kubectl and helm in the same run and beside the design's targets.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::{
    e2e,
    shell::{self, root},
    tools,
};

mod project;
mod work;

const RUNS_DEFAULT: usize = 7;
/// The namespace in which helm deploys the same chart.
const PEER: &str = "peer";

/// Measures everything `runs` times and prints one line for each figure.
pub(crate) fn run(runs: Option<&String>) -> anyhow::Result<()> {
    e2e::be_root()?;
    tools::fetch()?;
    let n_runs = runs.map_or(Ok(RUNS_DEFAULT), |it| it.parse()).context("how many runs?")?;
    ensure!(0 < n_runs, "no run measures nothing");
    let bench = Bench { zarpa: e2e::zarpa()?, home: root().join("target/bench") };
    eprintln!("bench: compiling and testing faro once");
    bench.zarpa(&["up"])?;
    let mut table = Table::default();
    bench.starts(n_runs, &mut table)?;
    bench.deploys(n_runs, &mut table)?;
    bench.renders(n_runs, &mut table)?;
    bench.zarpa(&["down"])?;
    work::measure(&bench, n_runs, &mut table)?;
    bench.zarpa(&["down", "--cluster"])?;
    eprint!("{}", table.text());
    Ok(())
}

struct Bench {
    zarpa: PathBuf,
    /// A state folder of its own.
    home: PathBuf,
}

impl Bench {
    /// The cluster and the whole job, from nothing and again.
    fn starts(&self, n_runs: usize, table: &mut Table) -> anyhow::Result<()> {
        let (mut start, mut up, mut again) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..n_runs {
            self.zarpa(&["cluster", "reset"])?;
            start.push(self.zarpa(&["cluster", "start"])?);
            self.zarpa(&["cluster", "reset"])?;
            up.push(self.zarpa(&["up"])?);
            again.push(self.zarpa(&["up"])?);
        }
        table.add("cluster start, command to API ready", &start, "150 ms");
        table.add("up, compiled, no cluster, 3 replicas", &up, "1000 ms");
        table.add("up, nothing changed", &again, "50 ms");
        let process = fs::read_to_string(format!("/proc/{}/status", self.cluster_pid()?))?;
        let rss = process.lines().find_map(|it| it.strip_prefix("VmRSS:")).unwrap_or_default();
        let rss_kb: f64 = rss.trim().trim_end_matches(" kB").parse().context("VmRSS")?;
        table.note(&format!(
            "cluster RSS with 3 replicas: {:.0} MB (target: 40 MB idle)",
            rss_kb / 1024.0
        ));
        Ok(())
    }

    /// The deploy alone on a running cluster, and helm's of the same chart with the same image.
    fn deploys(&self, n_runs: usize, table: &mut Table) -> anyhow::Result<()> {
        let image = self.image("faro")?;
        let helm: Vec<String> =
            ["upgrade", "--install", "faro", "charts/faro", "--wait", "--create-namespace"]
                .map(str::to_owned)
                .into_iter()
                .chain([
                    "--set".to_owned(),
                    format!("image={image}"),
                    "--set".to_owned(),
                    "ingress.host=peer.localhost".to_owned(),
                ])
                .collect();
        let helm: Vec<&str> = helm.iter().map(String::as_str).collect();
        let (mut ours, mut ours_again) = (Vec::new(), Vec::new());
        let (mut theirs, mut theirs_again, mut get) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..n_runs {
            self.zarpa(&["down"])?;
            ours.push(self.zarpa(&["deploy"])?);
            ours_again.push(self.zarpa(&["deploy"])?);
            theirs.push(self.client("helm", &helm)?);
            theirs_again.push(self.client("helm", &helm)?);
            get.push(self.client("kubectl", &["get", "pods"])?);
            self.client("helm", &["uninstall", "faro", "--wait"])?;
        }
        table.add("deploy, 3 replicas, with smoke", &ours, "300 ms");
        table.add("  helm upgrade --install --wait", &theirs, "");
        table.add("deploy, nothing changed", &ours_again, "50 ms");
        table.add("  helm upgrade, nothing changed", &theirs_again, "");
        table.add("  kubectl get pods", &get, "");
        Ok(())
    }

    /// One-shot rendering of faro's chart.
    fn renders(&self, n_runs: usize, table: &mut Table) -> anyhow::Result<()> {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..n_runs {
            ours.push(self.zarpa(&["chart", "template", "charts/faro"])?);
            theirs.push(self.client("helm", &["template", "charts/faro"])?);
        }
        table.add("chart template charts/faro", &ours, "3 ms");
        table.add("  helm template charts/faro", &theirs, "");
        Ok(())
    }

    /// The image that a service runs in the environment `dev`.
    fn image(&self, service: &str) -> anyhow::Result<String> {
        let path = "jsonpath={.spec.template.spec.containers[0].image}";
        let kubeconfig = self.home.join("zarpa/cluster/kubeconfig");
        let mut command = Command::new(tools::dir().join("kubectl"));
        command.args(["get", "deployment", service, "--namespace", "dev", "--output", path]);
        shell::read(command.arg("--kubeconfig").arg(kubeconfig))
    }

    fn cluster_pid(&self) -> anyhow::Result<u64> {
        let text = self.read(&["cluster", "status", "--output", "json"])?;
        let status: Value = serde_json::from_str(&text)?;
        status["pid"].as_u64().context("the cluster has a process")
    }

    fn zarpa(&self, args: &[&str]) -> anyhow::Result<Duration> {
        self.zarpa_in(&root(), args)
    }

    fn zarpa_in(&self, dir: &Path, args: &[&str]) -> anyhow::Result<Duration> {
        let begin = Instant::now();
        self.read_in(dir, args)?;
        Ok(begin.elapsed())
    }

    fn read(&self, args: &[&str]) -> anyhow::Result<String> {
        self.read_in(&root(), args)
    }

    fn read_in(&self, dir: &Path, args: &[&str]) -> anyhow::Result<String> {
        shell::read(&mut self.command(dir, args))
    }

    /// Runs what must fail; returns its time and what it said.
    fn failing_in(&self, dir: &Path, args: &[&str]) -> anyhow::Result<(Duration, String)> {
        let begin = Instant::now();
        let output = self.command(dir, args).output()?;
        let took = begin.elapsed();
        ensure!(output.status.code() == Some(1), "it should fail: {}", output.status);
        Ok((took, String::from_utf8(output.stderr)?))
    }

    fn command(&self, dir: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(&self.zarpa);
        command.args(args).current_dir(dir).env("XDG_DATA_HOME", &self.home);
        command
    }

    /// Runs kubectl or helm on the same cluster.
    fn client(&self, program: &str, args: &[&str]) -> anyhow::Result<Duration> {
        let begin = Instant::now();
        let mut command = Command::new(tools::dir().join(program));
        command.args(args).args(["--namespace", PEER]).current_dir(root());
        shell::read(command.env("KUBECONFIG", self.home.join("zarpa/cluster/kubeconfig")))?;
        Ok(begin.elapsed())
    }
}

/// What was measured, in the order in which it is shown.
#[derive(Default)]
struct Table {
    lines: Vec<String>,
}

impl Table {
    fn add(&mut self, what: &str, times: &[Duration], target: &str) {
        let mut ms: Vec<u128> = times.iter().map(Duration::as_millis).collect();
        ms.sort_unstable();
        let (min, median, max) = (ms[0], ms[ms.len() / 2], ms[ms.len() - 1]);
        let target = if target.is_empty() { String::new() } else { format!("  target {target}") };
        let line = format!("{what:<40} {min:>6} {median:>6} {max:>6} ms{target}");
        eprintln!("{line}");
        self.lines.push(line);
    }

    fn note(&mut self, text: &str) {
        self.lines.push(text.to_owned());
    }

    fn text(&self) -> String {
        let head = format!("\n{:<40} {:>6} {:>6} {:>6}", "", "min", "median", "max");
        format!("{head}\n{}\n", self.lines.join("\n"))
    }
}
