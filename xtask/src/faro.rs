//! faro's chart, rendered by our own engine with each of its value files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use chart::{Capabilities, Chart, ChartFile, Release, Rendered, Source, ValueSources, render};
use serde_json::Value;

use crate::shell::root;

/// The chart's folder.
pub(crate) fn dir() -> PathBuf {
    root().join("charts/faro")
}

/// The value files that the chart must render with: those of `ci/`, and those of the environments.
pub(crate) fn value_files() -> anyhow::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir().join("ci"))?
        .map(|it| it.map(|it| it.path()))
        .collect::<Result<_, _>>()?;
    files.extend(["values-dev.yaml", "values-prod.yaml"].map(|it| dir().join(it)));
    files.sort();
    Ok(files)
}

/// Renders with value files and `--set`s, as a release `faro`.
pub(crate) fn rendered(values: &[PathBuf], set: &[&str]) -> anyhow::Result<Rendered> {
    let mut files = Vec::new();
    read_folder(&dir(), "", &mut files)?;
    let chart = Chart::load(files)?;
    let mut sources = ValueSources::default();
    for file in values {
        sources.files.push((file.display().to_string(), fs::read(file)?));
    }
    sources.set = set.iter().map(|it| (*it).to_owned()).collect();
    let values = sources.merge(&|_| Err("no files".to_owned()))?;
    let release = Release::install("faro", "default");
    Ok(render(&chart, &values, &release, &Capabilities::default(), &Nothing)?)
}

/// All objects of a rendered chart, those of its tests too.
pub(crate) fn objects(rendered: &Rendered) -> anyhow::Result<Vec<Value>> {
    let manifests = rendered.manifests.iter().map(|it| it.content.as_str());
    let hooks = rendered.hooks.iter().map(|it| it.manifest.as_str());
    manifests.chain(hooks).map(|it| yaml(it).with_context(|| it.to_owned())).collect()
}

/// Reads YAML as the value that JSON would make of it.
pub(crate) fn yaml(text: &str) -> anyhow::Result<Value> {
    Ok(json(&goyaml::read(text.as_bytes())?))
}

fn json(value: &goyaml::Value) -> Value {
    match value {
        goyaml::Value::Null => Value::Null,
        goyaml::Value::Bool(it) => (*it).into(),
        goyaml::Value::Int(it) => (*it).into(),
        goyaml::Value::Uint(it) => (*it).into(),
        goyaml::Value::Float(it) => (*it).into(),
        goyaml::Value::String(it) => it.as_ref().into(),
        goyaml::Value::List(items) => items.iter().map(json).collect(),
        goyaml::Value::Map(entries) => {
            Value::Object(entries.iter().map(|(key, it)| (key.to_string(), json(it))).collect())
        }
    }
}

fn read_folder(dir: &Path, prefix: &str, files: &mut Vec<ChartFile>) -> anyhow::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read_folder(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.push(ChartFile { path, data: fs::read(entry.path())?.into() });
        }
    }
    Ok(())
}

/// The chart asks for neither time nor randomness: it renders the same each time.
struct Nothing;

impl Source for Nothing {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

#[cfg(test)]
mod tests;
