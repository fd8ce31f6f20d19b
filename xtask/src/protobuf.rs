//! Reduces the published protobuf descriptions of the Kubernetes API to the data file of `crates/apiserver`.
//!
//! The data is lines of text: `#` comments, then `message <TAB> field <TAB> field …` sorted by name, each field
//! `number name type mark`. Types are scalars or messages, `[]` before them a list, `{}` a map with string keys.
//! The mark says what Go's JSON makes of a zero: `*` it is kept, `-` it is left out; `=` that the field's own fields
//! stand in its place.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

const VERSION: &str = "v0.34.4";
const TARGET: &str = "crates/apiserver/data/protobuf.txt";
const LICENCE: &str = "crates/apiserver/data/LICENSE";

/// What the API's objects use of the machinery.
const MACHINERY: &[&str] =
    &["pkg/apis/meta/v1", "pkg/api/resource", "pkg/runtime", "pkg/util/intstr"];

/// Downloads the modules, reduces them and writes the data file and its licence; returns what was written.
pub(crate) fn write(root: &Path) -> anyhow::Result<String> {
    let api = download("k8s.io/api")?;
    let machinery = download("k8s.io/apimachinery")?;
    let mut folders: Vec<PathBuf> = MACHINERY.iter().map(|it| machinery.join(it)).collect();
    folders.extend(stable_versions(&api)?);
    let mut lines = BTreeMap::new();
    for folder in &folders {
        read_folder(folder, &mut lines)?;
    }
    let mut text = format!("# k8s.io/api {VERSION}, Apache-2.0, by `cargo xtask protobuf`\n");
    for (message, fields) in &lines {
        writeln!(text, "{message}{fields}")?;
    }
    let target = root.join(TARGET);
    fs::create_dir_all(target.parent().context("the target has a folder")?)?;
    fs::write(&target, &text)?;
    fs::write(root.join(LICENCE), fs::read_to_string(api.join("LICENSE"))?)?;
    Ok(format!("{TARGET}: {} messages, {} bytes", lines.len(), text.len()))
}

fn download(module: &str) -> anyhow::Result<PathBuf> {
    let module = format!("{module}@{VERSION}");
    let output = Command::new("go").args(["mod", "download", "-json", &module]).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "go mod download {module}: {text}");
    let answer: Value = serde_json::from_str(&text)?;
    Ok(answer["Dir"].as_str().context("go names the folder")?.into())
}

/// The folders `GROUP/v1` and `GROUP/v2`.
fn stable_versions(api: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for group in fs::read_dir(api)? {
        for version in ["v1", "v2"] {
            let folder = group.as_ref().map_or_else(|_| PathBuf::new(), fs::DirEntry::path);
            let folder = folder.join(version);
            if folder.join("generated.proto").is_file() {
                folders.push(folder);
            }
        }
    }
    folders.sort();
    Ok(folders)
}

fn read_folder(folder: &Path, lines: &mut BTreeMap<String, String>) -> anyhow::Result<()> {
    let mut marks = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "go") {
            read_go(&fs::read_to_string(&path)?, &mut marks);
        }
    }
    read_proto(&fs::read_to_string(folder.join("generated.proto"))?, &marks, lines);
    Ok(())
}

/// By struct and field number: what becomes of a zero.
type Marks = BTreeMap<(String, String), char>;

fn read_go(text: &str, marks: &mut Marks) {
    let mut name = "";
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("type ") {
            name = rest.split_whitespace().next().unwrap_or_default();
        }
        let Some((_, tag)) = line.split_once("protobuf:\"") else { continue };
        let number = tag.split(',').nth(1).unwrap_or_default();
        let json = line.split_once("json:\"").map_or("", |(_, it)| it);
        let json = json.split('"').next().unwrap_or_default();
        let is_pointer = line.split_whitespace().nth(1).is_some_and(|it| it.starts_with('*'));
        let mark = if json.contains("inline") {
            '='
        } else if is_pointer || !json.contains("omitempty") {
            '*'
        } else {
            '-'
        };
        marks.insert((name.to_owned(), number.to_owned()), mark);
    }
}

fn read_proto(text: &str, marks: &Marks, lines: &mut BTreeMap<String, String>) {
    let package = text.lines().find_map(|it| it.strip_prefix("package ")).unwrap_or_default();
    let package = package.trim_end_matches(';');
    let mut message = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("message ") {
            message = rest.trim_end_matches(" {").to_owned();
            lines.insert(short(&format!("{package}.{message}")), String::new());
        }
        let Some(field) = field(line, package) else { continue };
        let mark = marks.get(&(message.clone(), field.number.to_owned())).copied().unwrap_or('-');
        let line = lines.entry(short(&format!("{package}.{message}"))).or_default();
        let Field { number, name, kind } = field;
        let mark = mark.to_string();
        line.push('\t');
        line.push_str(&[number, name, &kind, &mark].join(" "));
    }
}

struct Field<'a> {
    number: &'a str,
    name: &'a str,
    kind: String,
}

/// Reads `  optional string name = 1;`, `repeated` or `map<string, bytes>`.
fn field<'a>(line: &'a str, package: &str) -> Option<Field<'a>> {
    let (left, number) =
        line.strip_prefix("  ")?.trim_end().strip_suffix(';')?.split_once(" = ")?;
    let (prefix, rest) = if let Some(rest) = left.strip_prefix("optional ") {
        ("", rest)
    } else if let Some(rest) = left.strip_prefix("repeated ") {
        ("[]", rest)
    } else {
        ("{}", left.strip_prefix("map<string, ")?)
    };
    let (kind, name) = rest.rsplit_once(' ')?;
    let kind = kind.trim_end_matches('>');
    let kind = match kind {
        "string" | "bytes" | "bool" | "int32" | "int64" | "double" => kind.to_owned(),
        _ if kind.starts_with('.') => short(&kind[1..]),
        _ => short(&format!("{package}.{kind}")),
    };
    Some(Field { number, name, kind: format!("{prefix}{kind}") })
}

fn short(name: &str) -> String {
    name.strip_prefix("k8s.io.").unwrap_or(name).to_owned()
}
