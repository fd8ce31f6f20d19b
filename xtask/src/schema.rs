//! Reduces the published Kubernetes API description to the data file of `crates/kobject`.
//!
//! The data is lines of text, gzipped: `#` comments, then `@ group/version <TAB> resources` in the order
//! of discovery, then `definition <TAB> OpenAPI v3 schema <TAB> fields` sorted by name, without descriptions.
//! The fields are what the schema does not tell of the Go struct: `a,b` are left out when they are zero,
//! and after a bar `c` is written as null when it is nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use flate2::{Compression, GzBuilder};
use serde_json::{Map, Value, json};

use crate::gostruct;

/// The release whose API the embedded cluster serves and reports.
const MODULE: &str = "k8s.io/kubernetes@v1.34.4";
/// Where the Go structs behind the definitions are: module, folder of the packages, prefix of the names.
const STRUCTS: &[(&str, &str, &str)] = &[
    ("k8s.io/api@v0.34.4", "", "io.k8s.api."),
    ("k8s.io/apimachinery@v0.34.4", "pkg/apis", "io.k8s.apimachinery.pkg.apis."),
    (
        "k8s.io/apiextensions-apiserver@v0.34.4",
        "pkg/apis",
        "io.k8s.apiextensions-apiserver.pkg.apis.",
    ),
];
const TARGET: &str = "crates/kobject/data/kubernetes.gz";
const LICENCE: &str = "crates/kobject/data/LICENSE";
const REF: &str = "#/components/schemas/";
/// Kinds that every group version's document describes, whatever its resources.
const COMMON: &[&str] = &[
    "io.k8s.api.autoscaling.v1.Scale",
    "io.k8s.api.policy.v1.Eviction",
    "io.k8s.apimachinery.pkg.apis.meta.v1.APIResourceList",
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Status",
    "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent",
];

/// Downloads the module, reduces it and writes the data file and its licence; returns what was written.
pub(crate) fn write(root: &Path) -> anyhow::Result<String> {
    let module = download(MODULE)?;
    let structs = go_structs()?;
    let mut resources = group_version_resources(&module, "v1")?;
    let mut definitions = BTreeMap::new();
    for group_version in served(&module)? {
        resources.extend(group_version_resources(&module, &group_version)?);
    }
    for (group_version, _) in &resources {
        definitions.extend(schemas(&module, group_version)?);
    }
    let used = used_definitions(&definitions);
    let mut text = format!("# {MODULE}, Apache-2.0, by `cargo xtask schema`\n");
    for (group_version, resources) in &resources {
        writeln!(text, "@{group_version}\t{resources}")?;
    }
    for (name, schema) in definitions.iter().filter(|(name, _)| used.contains(*name)) {
        writeln!(text, "{name}\t{schema}\t{}", structs.get(name).map_or("", String::as_str))?;
    }
    let target = root.join(TARGET);
    fs::create_dir_all(target.parent().context("the target has a folder")?)?;
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    gzip.write_all(text.as_bytes())?;
    let data = gzip.finish()?;
    fs::write(&target, &data)?;
    fs::write(root.join(LICENCE), fs::read_to_string(module.join("LICENSE"))?)?;
    Ok(format!("{TARGET}: {} definitions, {} bytes of {}", used.len(), data.len(), text.len()))
}

/// What encoding the Go structs does to their fields, by definition, as the data file writes it.
fn go_structs() -> anyhow::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for (module, folder, prefix) in STRUCTS {
        let root = download(module)?.join(folder);
        for group in folders(&root)? {
            for version in folders(&group)? {
                let structs = gostruct::read(&version)?;
                let name = |path: &Path| path.file_name().unwrap_or_default().display().to_string();
                let package = format!("{prefix}{}.{}", name(&group), name(&version));
                let named = structs.keys().map(|it| {
                    (format!("{package}.{it}"), gostruct::omissions(&structs, it).to_string())
                });
                found.extend(named.filter(|(_, it)| !it.is_empty()));
            }
        }
    }
    Ok(found)
}

fn folders(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(root).with_context(|| root.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

/// The folder of the module's files, as `go` keeps it.
fn download(module: &str) -> anyhow::Result<PathBuf> {
    let output = Command::new("go").args(["mod", "download", "-json", module]).output()?;
    ensure!(
        output.status.success(),
        "go mod download {module}: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    Ok(answer["Dir"].as_str().context("go names the folder")?.into())
}

fn read(path: &Path) -> anyhow::Result<Value> {
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}

/// The group versions that a server serves when nothing is said: the stable ones
/// (`pkg/controlplane/instance.go`, `stableAPIGroupVersionsEnabledByDefault`, and the two extension groups).
fn served(module: &Path) -> anyhow::Result<Vec<String>> {
    let document = read(&module.join("api/discovery/aggregated_v2.json"))?;
    let mut served = Vec::new();
    for group in document["items"].as_array().context("discovery lists groups")? {
        let name = group["metadata"]["name"].as_str().context("a group has a name")?;
        for version in group["versions"].as_array().context("a group has versions")? {
            let version = version["version"].as_str().context("a version has a name")?;
            if !version.contains("alpha") && !version.contains("beta") {
                served.push(format!("{name}/{version}"));
            }
        }
    }
    Ok(served)
}

/// The name under which the module keeps a group version's files: `apis__apps__v1`.
fn file_stem(group_version: &str) -> String {
    let prefix = if group_version.contains('/') { "apis" } else { "api" };
    format!("{prefix}__{}", group_version.replace('/', "__"))
}

/// One group version's resources, each with its subresources inside.
fn group_version_resources(
    module: &Path,
    group_version: &str,
) -> anyhow::Result<Vec<(String, Value)>> {
    let document = read(&module.join(format!("api/discovery/{}.json", file_stem(group_version))))?;
    let listed = document["resources"].as_array().context("discovery lists resources")?;
    let mut resources: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for entry in listed {
        let name = entry["name"].as_str().context("a resource has a name")?;
        let mut entry = entry.as_object().context("a resource is an object")?.clone();
        if let Some((parent, subresource)) = name.split_once('/') {
            let parent = resources.entry(parent.to_owned()).or_default();
            entry.insert("name".into(), subresource.into());
            entry.retain(|key, _| !matches!(key.as_str(), "singularName" | "namespaced"));
            let subresources = parent.entry("subresources").or_insert_with(|| json!([]));
            subresources.as_array_mut().context("made above")?.push(entry.into());
        } else {
            resources.entry(name.to_owned()).or_default().extend(entry);
        }
    }
    // Subresources of a resource that is not served by itself have no place in the table.
    resources.retain(|_, it| it.contains_key("name"));
    let resources: Vec<Value> = resources.into_values().map(Value::Object).collect();
    Ok(vec![(group_version.to_owned(), Value::Array(resources))])
}

/// The definitions of one group version's document, without descriptions.
fn schemas(module: &Path, group_version: &str) -> anyhow::Result<BTreeMap<String, Value>> {
    let path =
        module.join(format!("api/openapi-spec/v3/{}_openapi.json", file_stem(group_version)));
    let mut document = read(&path)?;
    let schemas = document["components"]["schemas"].take();
    let Value::Object(schemas) = schemas else { anyhow::bail!("{}: no schemas", path.display()) };
    Ok(schemas.into_iter().map(|(name, schema)| (name, without_descriptions(schema))).collect())
}

fn without_descriptions(schema: Value) -> Value {
    match schema {
        Value::Object(map) => map
            .into_iter()
            .filter(|(key, _)| key != "description")
            .map(|(key, value)| match (key.as_str(), value) {
                ("properties", Value::Object(fields)) => {
                    let fields =
                        fields.into_iter().map(|(name, it)| (name, without_descriptions(it)));
                    (key, Value::Object(fields.collect()))
                }
                (_, value) => (key, without_descriptions(value)),
            })
            .collect(),
        Value::Array(items) => items.into_iter().map(without_descriptions).collect(),
        scalar => scalar,
    }
}

/// The kinds, their lists, and everything that these refer to.
fn used_definitions(definitions: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let mut open: Vec<String> = COMMON.iter().map(|&it| it.to_owned()).collect();
    let kinds =
        definitions.iter().filter(|(_, it)| it.get("x-kubernetes-group-version-kind").is_some());
    open.extend(kinds.map(|(name, _)| name.clone()));
    let mut used = BTreeSet::new();
    while let Some(name) = open.pop() {
        if let Some(schema) = definitions.get(&name)
            && used.insert(name)
        {
            collect_references(schema, &mut open);
        }
    }
    used
}

fn collect_references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            let reference = map.get("$ref").and_then(Value::as_str);
            found.extend(reference.and_then(|it| it.strip_prefix(REF)).map(str::to_owned));
            map.values().for_each(|it| collect_references(it, found));
        }
        Value::Array(items) => items.iter().for_each(|it| collect_references(it, found)),
        _ => {}
    }
}
