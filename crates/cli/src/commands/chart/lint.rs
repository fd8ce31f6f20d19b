//! `zarpa chart lint`: what helm's linter says of charts, and the traps beside.

use std::{
    path::{Component, Path, PathBuf},
    process::ExitCode,
};

use chart::{Entry, Finding, Folder, LintInputs};
use host::{files, tree};
use serde_json::json;

use super::inputs::{self, World};
use crate::{args::chart::Lint, context::Context, failure::Failure, output};

/// A chart has failed.
const FAILED: u8 = 1;

/// Prints what is found in every chart, and fails when one of them did.
pub(crate) fn lint(context: &Context, args: &Lint) -> Result<ExitCode, Failure> {
    let kube_version = args.kube_version.as_deref().map(inputs::kube_version).transpose()?;
    let mut paths = args.charts.clone();
    if args.with_subcharts {
        for path in &args.charts {
            paths.extend(subcharts(context, path)?);
        }
    }
    let sources = inputs::sources(context, &args.values)?;
    let values = inputs::merge(context, &sources)?;
    let inputs = LintInputs {
        values: &values,
        namespace: &args.namespace,
        kube_version: kube_version.as_ref(),
        skips_schema: args.skip_schema_validation,
        has_traps: !args.no_traps,
        source: &World::new(context, false, args.remote_schemas),
    };
    let (mut n_failed, mut n_with_problems) = (0, 0);
    let mut documents = Vec::new();
    for path in &paths {
        let found = find(context, path, &inputs);
        let report = chart::report(path, &found, (args.strict, args.quiet));
        n_failed += usize::from(report.has_failed);
        n_with_problems += usize::from(report.has_problems);
        if context.is_json {
            documents.push(to_json(path, &found, report.has_failed));
        } else {
            output::raw(report.text.as_bytes())?;
        }
    }
    if context.is_json {
        output::json(&json!({ "charts": documents }))?;
        return Ok(if n_failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(FAILED) });
    }
    let summary = format!("{} chart(s) linted, {n_failed} chart(s) failed", paths.len());
    if 0 < n_failed {
        return Err(Failure::work(summary));
    }
    if !args.quiet || 0 < n_with_problems {
        output::line(&summary)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn to_json(
    path: &str,
    found: &Result<Vec<Finding>, String>,
    has_failed: bool,
) -> serde_json::Value {
    let finding = |it: &Finding| {
        let severity = format!("{:?}", it.severity).to_lowercase();
        json!({ "severity": severity, "path": it.path, "text": it.text })
    };
    let findings = found.iter().flatten().map(finding);
    json!({
        "chart": path,
        "failed": has_failed,
        "error": found.as_ref().err(),
        "findings": findings.collect::<Vec<serde_json::Value>>(),
    })
}

/// What is found, or why there is no chart, in helm's words.
fn find(context: &Context, path: &str, inputs: &LintInputs<'_>) -> Result<Vec<Finding>, String> {
    let folder = open(context, path).map_err(|it| it.to_string())?;
    chart::lint(&folder, inputs).ok_or_else(|| {
        let chart_yaml = Path::new(path).join("Chart.yaml");
        let chart_yaml = chart_yaml.display();
        format!(
            "unable to check Chart.yaml file in chart: stat {chart_yaml}: no such file or directory"
        )
    })
}

fn open(context: &Context, path: &str) -> Result<Folder, Failure> {
    let place = context.path(Path::new(path));
    let path = place.components().collect::<PathBuf>().display().to_string();
    if path.ends_with(".tgz") || path.ends_with(".tar.gz") {
        return Ok(Folder::from_archive(&path, &files::read(&place)?)?);
    }
    if !place.is_dir() {
        return Ok(Folder::default());
    }
    let entry = |name: &str| match place.join(name) {
        it if it.is_dir() => Entry::Folder,
        it if it.exists() => Entry::File,
        _ => Entry::Missing,
    };
    let (templates, crds) = (entry("templates"), entry("crds"));
    Ok(Folder { path, files: repository::read_folder(&place)?, templates, crds })
}

/// Folders with a Chart.yaml and archives, at any depth below `charts/`, in the order of a walk.
fn subcharts(context: &Context, path: &str) -> Result<Vec<String>, Failure> {
    let charts = context.path(&Path::new(path).join("charts"));
    if !charts.is_dir() {
        return Ok(Vec::new());
    }
    let mut files: Vec<String> =
        tree::read(&charts, &|_| false)?.into_iter().map(|it| it.path).collect();
    files.sort_by(|one, two| one.split('/').cmp(two.split('/')));
    let clean = Path::new(path).components().filter(|it| *it != Component::CurDir);
    let clean: PathBuf = clean.collect();
    let below = |it: &str| clean.join("charts").join(it).display().to_string();
    let found = files.iter().filter_map(|file| match file.strip_suffix("Chart.yaml") {
        Some(folder) if folder.is_empty() || folder.ends_with('/') => {
            Some(below(folder.trim_end_matches('/')))
        }
        _ => (file.ends_with(".tgz") || file.ends_with(".tar.gz")).then(|| below(file)),
    });
    Ok(found.collect())
}
