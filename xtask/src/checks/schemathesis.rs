//! A running faro, asked everything that its own description allows, and everything that it does not.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
};

use anyhow::ensure;

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
    let mut faro = command.arg("--data-dir").arg(&data).stdout(Stdio::null()).spawn()?;
    let result = (|| {
        while TcpStream::connect(&address).is_err() {
            ensure!(faro.try_wait()?.is_none(), "{command:?} has ended");
        }
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
