//! The check on a real Kubernetes: this repository's own project, pushed, deployed, and found unchanged.

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::{
    e2e,
    shell::{self, root},
    tools,
};

/// The address at which that Kubernetes' node pulls from this machine; zarpa.toml names it too.
const REGISTRY: &str = "10.243.0.2:5000";
const NAMESPACE: &str = "faro";
/// Where helm deploys the same chart.
const PEER: &str = "faro-by-helm";
/// With these the release brings a Redis and a PostgreSQL, of the images that `e2e/images/stores.sh` makes.
const STORES: &str = "redis.enabled=true,redis.image=redis:debian,redis.password=count-me,\
    postgresql.enabled=true,postgresql.image=postgres:debian,postgresql.password=keep-us";

/// Runs the check; `folder` holds the scripts `up`, `addons`, `load` and `down`.
pub(crate) fn run(folder: &Path) -> anyhow::Result<()> {
    e2e::be_root()?;
    tools::fetch()?;
    ensure!(shell::has("wrk"), "real: apt-get install wrk");
    let zarpa = e2e::zarpa()?;
    let cluster = Kubernetes::start(folder)?;
    let work = root().join("target/real");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&work)?;
    let _registry = Registry::start(&work)?;
    cluster.load_stores(&work)?;
    let trial = Trial { zarpa, work, cluster };
    trial.cluster.restrict(NAMESPACE)?;
    eprintln!("real: first, everything is new");
    trial.zarpa("up", &[])?;
    let before = trial.revision()?;
    eprintln!("real: again, with nothing changed");
    trial.zarpa("up", &[])?;
    let after = trial.revision()?;
    ensure!(before == after, "the second `zarpa up` made revision {after}");
    shell::run(trial.helm(NAMESPACE).args(["history", "faro"]))?;
    eprintln!("real: the same chart by helm");
    trial.helm_installs()?;
    eprintln!("real: with a Redis and a PostgreSQL of the release's own");
    trial.keeps_what_its_stores_hold()?;
    eprintln!("real: more replicas under load");
    trial.scales()?;
    trial.zarpa("down", &[])
}

/// The program under test, its state folder, and where it deploys to.
struct Trial {
    zarpa: PathBuf,
    work: PathBuf,
    cluster: Kubernetes,
}

impl Trial {
    fn zarpa(&self, command: &str, args: &[&str]) -> anyhow::Result<()> {
        let mut program = Command::new(&self.zarpa);
        program.args([command, "--env", "real", "--context", "real", "--kubeconfig"]);
        program.arg(&self.cluster.kubeconfig).args(args);
        shell::run(program.current_dir(root()).env("XDG_DATA_HOME", &self.work))
    }

    /// The number of the newest revision.
    fn revision(&self) -> anyhow::Result<u64> {
        let text = shell::read(self.helm(NAMESPACE).args(["history", "faro", "--output", "json"]))?;
        let history: Value = serde_json::from_str(&text)?;
        let last = history.as_array().and_then(|it| it.last()).context("there is no revision")?;
        ensure!(last["status"] == "deployed", "the newest revision is {}", last["status"]);
        last["revision"].as_u64().context("a revision has a number")
    }

    /// Helm installs, tests and removes the same chart with the same image and stores, in a namespace as strict.
    fn helm_installs(&self) -> anyhow::Result<()> {
        let path = "jsonpath={.spec.template.spec.containers[0].image}";
        let deployment = ["get", "deployment", "faro", "--namespace", NAMESPACE, "--output", path];
        let image = shell::read(self.cluster.kubectl().args(deployment))?;
        self.cluster.restrict(PEER)?;
        let install = ["install", "faro", "charts/faro", "--wait", "--set"];
        let mut helm = self.helm(PEER);
        let values = format!("image={image},{STORES}");
        shell::run(helm.args(install).arg(values).current_dir(root()))?;
        shell::run(self.helm(PEER).args(["test", "faro"]))?;
        shell::run(self.helm(PEER).args(["uninstall", "faro", "--wait"]))
    }

    /// The autoscaler reads the pods' CPU, and makes more of them while they are asked without pause.
    fn scales(&self) -> anyhow::Result<()> {
        self.zarpa("up", &["--set", "autoscaling.enabled=true"])?;
        let kubectl = |args: &[&str]| self.kubectl(args);
        let active = ["wait", "hpa/faro", "--for=condition=ScalingActive", "--timeout=180s"];
        shell::run(&mut kubectl(&active))?;
        let url = self.url("health")?;
        let mut load = inside(&["wrk", "-t1", "-c32", "-d240s", &url]);
        let load = Load(load.stdout(Stdio::null()).spawn()?);
        let replicas = "jsonpath={.spec.replicas}{\"\\n\"}";
        let watch = ["get", "deployment", "faro", "--watch", "--output", replicas];
        // It ends by itself when the load has.
        let mut watch =
            kubectl(&watch).arg("--request-timeout=240s").stdout(Stdio::piped()).spawn()?;
        let counts = BufReader::new(watch.stdout.take().context("its output is piped")?).lines();
        let is_more = |it: &io::Result<String>| {
            it.as_ref().is_ok_and(|it| it.parse::<u32>().is_ok_and(|it| 3 < it))
        };
        let more = counts.into_iter().find(is_more);
        watch.kill().and_then(|()| watch.wait())?;
        drop(load);
        shell::run(&mut kubectl(&["get", "hpa", "faro"]))?;
        let more = more.context("no replica was added under load")??;
        eprintln!("real: {more} replicas under load");
        Ok(())
    }

    /// The count and the users outlive the pods of the stores that hold them.
    fn keeps_what_its_stores_hold(&self) -> anyhow::Result<()> {
        let old = ["get", "pods", "--selector=app.kubernetes.io/instance=faro", "--output=name"];
        let old = shell::read(&mut self.kubectl(&old))?;
        self.zarpa("up", &["--set", STORES])?;
        // Until the node has heard that they end, they count on in their own store.
        let gone = ["wait", "--for=delete", "--timeout=120s"];
        shell::run(self.kubectl(&gone).args(old.split_whitespace()))?;
        let users = self.url("api/users")?;
        let user = r#"{"dni": "1", "name": "Ana"}"#;
        let user = ["--header", "content-type: application/json", "--data", user, &users];
        shell::read(inside(CURL).args(user))?;
        let before = self.n_visits()?;
        let stores = ["faro-redis-0", "faro-postgresql-0"];
        shell::run(self.kubectl(&["delete", "pod"]).args(stores))?;
        for store in ["statefulset/faro-redis", "statefulset/faro-postgresql"] {
            shell::run(&mut self.kubectl(&["rollout", "status", store, "--timeout=120s"]))?;
        }
        let after = self.n_visits()?;
        ensure!(after == before + 1, "{before} visits before the Redis went, {after} after");
        let page = shell::read(inside(CURL).arg(&users))?;
        ensure!(page.contains("Ana"), "after the PostgreSQL went, the users are {page}");
        eprintln!("real: visit {after} was counted, and the users are there, after both went");
        Ok(())
    }

    /// Visits once more; returns the count.
    fn n_visits(&self) -> anyhow::Result<u64> {
        let json = ["--header", "accept: application/json", &self.url("")?];
        let text = shell::read(inside(CURL).args(json))?;
        let answer: Value = serde_json::from_str(&text)?;
        answer["visits"].as_u64().with_context(|| format!("no count in {text}"))
    }

    /// Where the Service answers, from within the node.
    fn url(&self, path: &str) -> anyhow::Result<String> {
        let address = ["get", "service", "faro", "--output", "jsonpath={.spec.clusterIP}"];
        Ok(format!("http://{}/{path}", shell::read(&mut self.kubectl(&address))?))
    }

    fn kubectl(&self, args: &[&str]) -> Command {
        let mut command = self.cluster.kubectl();
        command.args(args).args(["--namespace", NAMESPACE]);
        command
    }

    fn helm(&self, namespace: &str) -> Command {
        let mut command = Command::new(tools::dir().join("helm"));
        command.arg("--kubeconfig").arg(&self.cluster.kubeconfig).args(["--namespace", namespace]);
        command
    }
}

/// It asks again when faro answers that a store is away.
const CURL: &[&str] = &["curl", "--silent", "--show-error", "--fail", "--retry", "5"];

/// A program that runs in the node's network.
fn inside(command: &[&str]) -> Command {
    let mut program = Command::new("nsenter");
    program.arg("--net=/run/netns/real").args(command);
    program
}

/// Requests without pause, for as long as this lives.
struct Load(Child);

impl Drop for Load {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).ok();
    }
}

/// The real Kubernetes, ended when it was started here.
struct Kubernetes {
    folder: PathBuf,
    kubeconfig: PathBuf,
    was_up: bool,
}

impl Kubernetes {
    fn start(folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.canonicalize().with_context(|| folder.display().to_string())?;
        eprintln!("real: {}/up", folder.display());
        let output = Command::new(folder.join("up")).output().context("could not run `up`")?;
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        ensure!(output.status.success(), "`up` failed: {told}");
        let path = told.split_whitespace().find(|it| it.ends_with(".kubeconfig"));
        let kubeconfig = PathBuf::from(path.context("`up` named no kubeconfig")?);
        let cluster = Self { folder, kubeconfig, was_up: told.contains("already up") };
        if !cluster.was_up {
            shell::run(&mut Command::new(cluster.folder.join("addons")))?;
        }
        Ok(cluster)
    }

    fn kubectl(&self) -> Command {
        let mut command = Command::new(tools::dir().join("kubectl"));
        command.arg("--kubeconfig").arg(&self.kubeconfig);
        command
    }

    /// Puts the images of a Redis and a PostgreSQL into the node.
    fn load_stores(&self, work: &Path) -> anyhow::Result<()> {
        let archive = work.join("stores.tar");
        shell::run(Command::new("sh").arg(root().join("e2e/images/stores.sh")).arg(&archive))?;
        shell::run(Command::new(self.folder.join("load")).arg(&archive))
    }

    /// Makes a namespace that takes only pods of the restricted standard.
    fn restrict(&self, namespace: &str) -> anyhow::Result<()> {
        if shell::read(self.kubectl().args(["get", "namespace", namespace])).is_err() {
            shell::run(self.kubectl().args(["create", "namespace", namespace]))?;
        }
        let label = "pod-security.kubernetes.io/enforce=restricted";
        shell::run(self.kubectl().args(["label", "--overwrite", "namespace", namespace, label]))
    }
}

impl Drop for Kubernetes {
    fn drop(&mut self) {
        if !self.was_up
            && let Err(error) = shell::run(&mut Command::new(self.folder.join("down")))
        {
            eprintln!("real: {error:#}");
        }
    }
}

/// Debian's registry, for as long as the check takes.
struct Registry(Child);

impl Registry {
    fn start(work: &Path) -> anyhow::Result<Self> {
        let storage = work.join("registry");
        let config = work.join("registry.yml");
        let text = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{REGISTRY}\"}}\n",
            storage.display()
        );
        fs::write(&config, text)?;
        let mut child = Command::new(tools::dir().join("docker-registry"))
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("could not start docker-registry")?;
        let mut log = BufReader::new(child.stderr.take().context("its log is piped")?);
        let registry = Self(child);
        let mut told = String::new();
        while !told.contains("listening on") {
            let n_bytes = log.read_line(&mut told)?;
            ensure!(n_bytes != 0, "docker-registry does not serve {REGISTRY}: {told}");
        }
        thread::spawn(move || io::copy(&mut log, &mut io::sink()));
        Ok(registry)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).ok();
    }
}
