//! The end-to-end tests: the program of `make up`, real clients, and the privileges that containers need.

use std::{fs, os::unix::fs::MetadataExt as _, path::PathBuf, process::Command};

use anyhow::ensure;

use crate::{
    shell::{self, root},
    tools,
};

/// Builds what the tests need and runs those whose name contains one of `filters`; all when there is none.
///
/// One after the other: several of them measure time, and all of them want the whole machine.
pub(crate) fn run(filters: &[String]) -> anyhow::Result<()> {
    be_root()?;
    tools::fetch()?;
    let zarpa = zarpa()?;
    // With the whole workspace selected, crates are built with the features that `cargo test` built them with.
    shell::run(
        Command::new("cargo")
            .args(["test", "--locked", "--workspace", "--test", "e2e", "--", "--test-threads=1"])
            .args(filters)
            .current_dir(root())
            .env("ZARPA_E2E_PROGRAM", zarpa)
            .env("ZARPA_E2E_TOOLS", tools::dir()),
    )
}

/// Fails for users who may not make containers.
pub(crate) fn be_root() -> anyhow::Result<()> {
    let user = fs::metadata("/proc/self")?.uid();
    ensure!(user == 0, "this makes containers, so it needs root: run it with sudo");
    Ok(())
}

/// Builds zarpa exactly as `make up` does, and returns where it lies.
pub(crate) fn zarpa() -> anyhow::Result<PathBuf> {
    shell::run(Command::new("make").args(["--silent", "build"]).current_dir(root()))?;
    Ok(root().join("target/release/zarpa"))
}
