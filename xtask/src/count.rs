//! Instructions of a request to faro, counted by callgrind and compared with those on record.
//!
//! They are the same on a busy machine, so a slower request is seen that no clock would show.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail, ensure};

use crate::shell::{self, root};

/// Without a store: its threads would take turns at random.
const PATHS: [&str; 3] = ["/health", "/version", "/nothing/here"];
const RECORD: &str = "apps/faro/instructions.txt";
/// How far a count may be from its record, in parts of a hundred: runs differ by 3, and processors in what the C
/// library copies with.
const TOLERANCE: u64 = 10;
const FEW: u64 = 200;
const MANY: u64 = 10_200;

/// Compares with the record, or writes it.
pub(crate) fn run(is_recording: bool) -> anyhow::Result<()> {
    let build = ["build", "--locked", "--release", "-p", "faro", "--example", "count"];
    shell::run(Command::new("cargo").args(build).current_dir(root()))?;
    let data = root().join("target/count");
    fs::create_dir_all(&data)?;
    let counts: Vec<(&str, u64)> =
        PATHS.into_iter().map(|it| Ok((it, count(&data, it)?))).collect::<anyhow::Result<_>>()?;
    if is_recording {
        let lines: Vec<String> = counts.iter().map(|(path, n)| format!("{path} {n}\n")).collect();
        return Ok(fs::write(root().join(RECORD), lines.concat())?);
    }
    let record = fs::read_to_string(root().join(RECORD)).context(RECORD)?;
    let mut wrong = Vec::new();
    for (path, n) in counts {
        let line = record.lines().find_map(|it| it.strip_prefix(path)?.strip_prefix(' '));
        let recorded: u64 = line.with_context(|| format!("{RECORD} lacks {path}"))?.parse()?;
        eprintln!("count: {path}: {n} instructions, {recorded} on record");
        if recorded.abs_diff(n) * 100 > recorded * TOLERANCE {
            wrong.push(path);
        }
    }
    if !wrong.is_empty() {
        let wrong = wrong.join(", ");
        bail!(
            "{wrong}: more than {TOLERANCE} % from {RECORD}: cargo xtask count record, and say why"
        );
    }
    Ok(())
}

/// Instructions of one request: what many cost more than few, so that the start is left out.
fn count(data: &Path, path: &str) -> anyhow::Result<u64> {
    let (few, many) = (collected(data, path, FEW)?, collected(data, path, MANY)?);
    Ok(many.saturating_sub(few) / (MANY - FEW))
}

fn collected(data: &Path, path: &str, times: u64) -> anyhow::Result<u64> {
    let program: PathBuf = root().join("target/release/examples/count");
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .arg(data)
        .args([path, &times.to_string()]);
    let output = command.output().context("valgrind: apt-get install valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{path}: {said}");
    let number = said.lines().find_map(|it| it.split("Collected :").nth(1));
    number.and_then(|it| it.trim().parse().ok()).with_context(|| format!("no count: {said}"))
}
