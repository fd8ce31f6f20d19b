//! A running faro, asked everything that its own description allows, and everything that it does not.

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread,
};

use anyhow::{Context as _, ensure};

use super::{dir, venv};
use crate::shell::{self, root};

// Beside others' packages it would find versions that it cannot use.
const PACKAGES: [&str; 1] = ["schemathesis==4.32.5"];

pub(super) fn check() -> anyhow::Result<()> {
    let venv = venv("schemathesis", &PACKAGES)?;
    shell::run(
        Command::new("cargo").args(["build", "--locked", "-p", "faro"]).current_dir(root()),
    )?;
    let data = dir().join("schemathesis-data");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let mut command = Command::new(root().join("target/debug/faro"));
    command.args(["--admin-listen", "127.0.0.1:0", "--listen", &address]);
    let mut faro = command.arg("--data-dir").arg(&data).stdout(Stdio::piped()).spawn()?;
    let result = (|| {
        wait_until_serving(&mut faro)?;
        let mut schemathesis = Command::new(venv.join("bin/schemathesis"));
        schemathesis
            .arg("--config-file")
            .arg(root().join("apps/faro/schemathesis.toml"))
            .arg("run");
        schemathesis.arg(format!("http://{address}/openapi.json"));
        schemathesis.args(["--checks", "all", "--max-examples", "100", "--no-color"]);
        schemathesis.arg("--generation-deterministic").current_dir(dir());
        shell::run(&mut schemathesis)
    })();
    faro.kill()?;
    faro.wait()?;
    result
}

/// Reads the log until it says that connections are taken, and lets the rest of it go.
fn wait_until_serving(faro: &mut Child) -> anyhow::Result<()> {
    let mut log = BufReader::new(faro.stdout.take().context("its log is piped")?);
    let mut told = String::new();
    while !told.contains("\"serving\"") {
        ensure!(log.read_line(&mut told)? != 0, "faro has ended:\n{told}");
    }
    thread::spawn(move || io::copy(&mut log, &mut io::sink()));
    Ok(())
}
