//! Records what helm prints for the golden charts of `crates/chart`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

const FOLDER: &str = "crates/chart/tests/it/golden";

/// Runs a helm on every case and writes its output beside the values; gives a line to print.
pub(crate) fn record(helm: &Path) -> anyhow::Result<String> {
    let version = Command::new(helm).args(["version", "--short"]).output()?;
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    ensure!(!version.is_empty(), "{} says no version", helm.display());
    let mut n_cases = 0;
    for case in sorted(Path::new(FOLDER))?.into_iter().filter(|it| it.is_dir()) {
        for file in sorted(&case)? {
            let name = file.file_name().map(|it| it.to_string_lossy().into_owned());
            if name.is_some_and(|it| it.starts_with("want")) {
                fs::remove_file(&file)?;
            }
        }
        for suffix in suffixes(&case)? {
            record_case(helm, &case, &suffix)?;
            n_cases += 1;
        }
    }
    let readme = format!(
        "# Golden charts\n\nEach folder is a case: `chart/` with `values.yaml` (or `values-x.yaml`) gives `want.yaml` (or `want-x.yaml`);\nwhere helm fails, `want.err` is the text after `Error: `.\n\nRecorded by `cargo xtask golden HELM` from helm {version}:\n`helm template rel chart --kube-version 1.34.0 [-f values.yaml]`.\nNothing here is written by hand but charts and values.\n"
    );
    fs::write(Path::new(FOLDER).join("README.md"), readme)?;
    Ok(format!("{n_cases} cases from helm {version}"))
}

/// What follows `values` in the names of a case's values files; empty without values of that name.
fn suffixes(case: &Path) -> anyhow::Result<Vec<String>> {
    let mut suffixes = vec![String::new()];
    for file in sorted(case)? {
        let name = file.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(suffix) = name.strip_prefix("values-").and_then(|it| it.strip_suffix(".yaml")) {
            suffixes.push(format!("-{suffix}"));
        }
    }
    Ok(suffixes)
}

fn record_case(helm: &Path, case: &Path, suffix: &str) -> anyhow::Result<()> {
    let mut command = Command::new(helm);
    command.args(["template", "rel"]).arg(case.join("chart")).args(["--kube-version", "1.34.0"]);
    command.env_clear().env("HOME", std::env::temp_dir()).env("TZ", "UTC");
    let values = case.join(format!("values{suffix}.yaml"));
    if values.exists() {
        command.arg("-f").arg(values);
    }
    let output = command.output().with_context(|| case.display().to_string())?;
    if output.status.success() {
        fs::write(case.join(format!("want{suffix}.yaml")), output.stdout)?;
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let text: Vec<&str> = text.lines().filter(|line| !line.starts_with("level=")).collect();
    let text = text.join("\n");
    let text = text.trim_start_matches("Error: ").trim();
    let text = text.trim_end_matches("Use --debug flag to render out invalid YAML").trim();
    fs::write(case.join(format!("want{suffix}.err")), format!("{text}\n"))?;
    Ok(())
}

fn sorted(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| dir.display().to_string())?;
    let mut paths =
        entries.map(|entry| entry.map(|it| it.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}
