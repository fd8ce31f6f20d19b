//! Other programs, run to their end.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};

/// The repository's folder.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

/// Runs a program that says itself what it does.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = forget_package(command).status().with_context(|| shown(command))?;
    ensure!(status.success(), "{}: {status}", shown(command));
    Ok(())
}

/// Runs a program and returns what it wrote to standard output.
pub(crate) fn read(command: &mut Command) -> anyhow::Result<String> {
    let command = forget_package(command);
    let output = command.stderr(Stdio::piped()).output().with_context(|| shown(command))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {}\n{errors}", shown(command), output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Leaves out what cargo tells this program of its own package.
///
/// Build scripts that look at it would run again, and half of the workspace would be compiled once for those who call
/// cargo from here and once for all others.
pub(crate) fn forget_package(command: &mut Command) -> &mut Command {
    let is_of_package =
        |name: &str| ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|it| name.starts_with(it));
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_of_package) {
            command.env_remove(name);
        }
    }
    command
}

/// Says that a program is installed.
pub(crate) fn has(program: &str) -> bool {
    Command::new("which").arg(program).output().is_ok_and(|it| it.status.success())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|it| it.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
