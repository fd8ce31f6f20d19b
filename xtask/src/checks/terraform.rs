//! The infrastructure, without AWS: format, validation and tests against a provider of our own, then checkov.

use std::process::Command;

use super::program;
use crate::shell::{self, root};

pub(super) fn check() -> anyhow::Result<()> {
    let folder = root().join("infra/terraform");
    if Command::new("terraform").arg("version").output().is_err() {
        eprintln!("checks: SKIPPED terraform itself: there is no `terraform` on the path");
    } else {
        shell::run(
            Command::new("terraform").args(["fmt", "-check", "-diff", "-recursive"]).arg(&folder),
        )?;
        shell::run(program("python").arg(folder.join("offline/provider.py")).arg(&folder))?;
    }
    let config = folder.join(".checkov.yaml");
    let mut checkov = program("checkov");
    checkov.arg("--skip-download");
    shell::run(checkov.arg("--config-file").arg(config).arg("--directory").arg(&folder))
}
