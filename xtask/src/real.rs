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

/// Runs the check; `folder` holds the scripts `up`, `addons` and `down`.
pub(crate) fn run(folder: &Path) -> anyhow::Result<()> {
    e2e::be_root()?;
    tools::fetch()?;
    let zarpa = e2e::zarpa()?;
    let cluster = Kubernetes::start(folder)?;
    let work = root().join("target/real");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&work)?;
    let _registry = Registry::start(&work)?;
    let up = || {
        let mut command = Command::new(&zarpa);
        command.args(["up", "--env", "real", "--context", "real", "--kubeconfig"]);
        command.arg(&cluster.kubeconfig).current_dir(root()).env("XDG_DATA_HOME", &work);
        shell::run(&mut command)
    };
    eprintln!("real: first, everything is new");
    up()?;
    let before = revisions(&cluster)?;
    eprintln!("real: again, with nothing changed");
    up()?;
    let after = revisions(&cluster)?;
    ensure!(before == after, "the second `zarpa up` made revision {after}");
    shell::run(helm(&cluster).args(["history", "faro"]))?;
    shell::run(
        Command::new(&zarpa)
            .args(["down", "--env", "real", "--context", "real", "--kubeconfig"])
            .arg(&cluster.kubeconfig)
            .current_dir(root())
            .env("XDG_DATA_HOME", &work),
    )
}

fn helm(cluster: &Kubernetes) -> Command {
    let mut command = Command::new(tools::dir().join("helm"));
    command.arg("--kubeconfig").arg(&cluster.kubeconfig).args(["--namespace", NAMESPACE]);
    command
}

/// The number of the newest revision.
fn revisions(cluster: &Kubernetes) -> anyhow::Result<u64> {
    let text = shell::read(helm(cluster).args(["history", "faro", "--output", "json"]))?;
    let history: Value = serde_json::from_str(&text)?;
    let last = history.as_array().and_then(|it| it.last()).context("there is no revision")?;
    ensure!(last["status"] == "deployed", "the newest revision is {}", last["status"]);
    last["revision"].as_u64().context("a revision has a number")
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
