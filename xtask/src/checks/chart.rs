//! faro's chart with every value file: helm beside our own engine, then validators of what they make.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use chart::TextOptions;
use serde_json::Value;

use super::{dir, go_program, program};
use crate::{
    faro, podsecurity,
    shell::{self, root},
    tools,
};

const KUBECONFORM: &str = "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0";
/// The three newest minors, and the one that the embedded cluster reports.
const KUBERNETES: [&str; 4] = ["1.37", "1.36", "1.35", "1.34"];

pub(super) fn check() -> anyhow::Result<()> {
    tools::fetch()?;
    let folder = dir().join("rendered");
    empty(&folder)?;
    let mut files = Vec::new();
    let mut schemas = BTreeSet::new();
    for values in faro::value_files()? {
        let name = values.file_name().context("a value file has a name")?;
        eprintln!("checks: {}", name.display());
        let (text, objects) = rendered(&values)?;
        for object in &objects {
            let found = podsecurity::pod_spec(object).map(podsecurity::violations);
            ensure!(found.unwrap_or_default().is_empty(), "not restricted: {object}");
        }
        schemas.extend(objects.iter().filter_map(schema));
        files.push(folder.join(name));
        fs::write(folder.join(name), text)?;
    }
    for minor in KUBERNETES {
        let mut validate = program("kubernetes-validate");
        shell::read(validate.args(["--strict", "-k", minor]).args(&files))?;
        conform(minor, &schemas, &files)?;
    }
    let config = faro::dir().join(".checkov.yaml");
    let mut checkov = program("checkov");
    checkov.arg("--skip-download");
    shell::run(checkov.arg("--config-file").arg(config).arg("--directory").arg(&folder))
}

/// What helm makes of the value file, provided that our own engine makes the same.
fn rendered(values: &Path) -> anyhow::Result<(String, Vec<Value>)> {
    let helm = |words: &[&str]| {
        let mut command = Command::new(tools::dir().join("helm"));
        command.args(words).arg("--values").arg(values).arg("charts/faro").current_dir(root());
        shell::read(&mut command)
    };
    helm(&["lint", "--strict"])?;
    let theirs = helm(&["template", "faro"])?;
    let ours = faro::rendered(&[values.to_owned()], &[])?;
    ensure!(ours.template_text(TextOptions::default()) == theirs, "helm renders otherwise");
    Ok((theirs, faro::objects(&ours)?))
}

/// The file of an object's schema: `deployment-apps-v1.json`.
fn schema(object: &Value) -> Option<String> {
    let (group, version) = match object["apiVersion"].as_str()?.split_once('/') {
        Some((group, version)) => (format!("-{}", group.split('.').next()?), version),
        None => (String::new(), object["apiVersion"].as_str()?),
    };
    Some(format!("{}{group}-{version}.json", object["kind"].as_str()?.to_lowercase()))
}

fn conform(minor: &str, schemas: &BTreeSet<String>, files: &[PathBuf]) -> anyhow::Result<()> {
    let folder = dir().join("schemas").join(minor);
    empty(&folder)?;
    write_schemas(minor, schemas, &folder)?;
    let location = folder.join("{{ .ResourceKind }}{{ .KindSuffix }}.json");
    let mut conform = go_program(KUBECONFORM)?;
    conform.args(["-strict", "-summary", "-ignore-missing-schemas", "-schema-location"]);
    let summary = shell::read(conform.arg(location).args(files))?;
    ensure!(!summary.contains("Valid: 0"), "kubeconform found no schema: {summary}");
    eprint!("checks: Kubernetes {minor}: {summary}");
    Ok(())
}

/// Writes the schemas that kubernetes-validate brings, each with all definitions, as kubeconform needs them.
fn write_schemas(minor: &str, schemas: &BTreeSet<String>, folder: &Path) -> anyhow::Result<()> {
    let find = "import kubernetes_validate as it; print(it.__path__[0])";
    let package = shell::read(program("python").args(["-c", find]))?;
    let from = Path::new(package.trim())
        .join("kubernetes-json-schema")
        .join(format!("v{minor}.0-local-strict"));
    let definitions: Value = serde_json::from_slice(&fs::read(from.join("_definitions.json"))?)?;
    // Custom resources have none: both validators leave them alone.
    for name in schemas.iter().filter(|it| from.join(it).is_file()) {
        let mut schema: Value = serde_json::from_slice(&fs::read(from.join(name))?)?;
        schema["$defs"] = definitions["$defs"].clone();
        let text = schema.to_string().replace("/api/_definitions.json#", "#");
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}

fn empty(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(fs::create_dir_all(folder)?)
}
