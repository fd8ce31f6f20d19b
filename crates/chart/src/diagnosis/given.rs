//! What was given to a chart, and what it consists of.

use super::{Author, Place, Problem, shortened};
use crate::{
    chart::ChartFile,
    decode::DecodeError,
    fields,
    load::LoadError,
    render_error::RenderError,
    values::{DocumentsError, ValueSources, ValuesError},
};

/// What is wrong with values that cannot be merged.
pub fn diagnose_values(error: &ValuesError, sources: &ValueSources) -> Problem {
    let plain = Problem { text: error.to_string(), ..Problem::default() };
    match error {
        ValuesError::File { file, error } => {
            let content = sources.files.iter().find(|(name, _)| name == file);
            let content = content.map(|it| String::from_utf8_lossy(&it.1)).unwrap_or_default();
            Problem { notes: Vec::new(), ..in_file(file, &content, error) }
        }
        ValuesError::JsonObject(text) | ValuesError::Json(text) => Problem {
            excerpt: vec![shortened(&format!("--set-json {text}"))],
            hint: Some("--set-json takes a.b={\"c\": 1}, or a whole object; the shell's quotes must be around it".to_owned()),
            ..plain
        },
        ValuesError::Set { flag, error: inner } => {
            let given = match *flag {
                "set" => &sources.set,
                "set-string" => &sources.set_string,
                "set-file" => &sources.set_file,
                _ => &sources.set_literal,
            };
            let text = inner.to_string();
            let one = match given.as_slice() {
                [one] => vec![shortened(&format!("--{flag} {one}"))],
                several => several.iter().map(|it| shortened(&format!("--{flag} {it}"))).collect(),
            };
            let hint = if text.contains("has no value") {
                "write name=value, and a backslash before a comma within a value"
            } else if text.contains("terminate with '}'") {
                "a list is written {a,b}"
            } else if text.contains("index") {
                "an item of a list is written a[0]=x"
            } else if *flag == "set-file" {
                "--set-file takes name=path"
            } else {
                "write a.b=c for a table, a[0]=c for a list, and a backslash before a point within a name"
            };
            Problem { excerpt: one, hint: Some(hint.to_owned()), ..plain }
        }
    }
}

fn in_file(file: &str, content: &str, error: &DocumentsError) -> Problem {
    let (line, text, hint) = match error {
        DocumentsError::Yaml(goyaml::ReadError::Syntax { line, problem }) => {
            (line.unwrap_or(1), problem.to_string(), None)
        }
        DocumentsError::Yaml(error) => (1, error.to_string(), None),
        DocumentsError::NoTable(kind) => (
            1,
            format!("holds an {kind}, and values are a table")
                .replace("an s", "a s")
                .replace("an n", "a n")
                .replace("an b", "a b"),
            Some("write name: value".to_owned()),
        ),
        DocumentsError::Separator(_) => {
            (1, error.to_string(), Some("--- stands alone on its line".to_owned()))
        }
    };
    let line = line.clamp(1, content.lines().count().max(1));
    let shown = content.lines().nth(line - 1).map(str::trim_end).filter(|it| !it.is_empty());
    Problem {
        text,
        place: Some(Place { file: file.to_owned(), line, column: None }),
        excerpt: shown.into_iter().map(shortened).collect(),
        notes: Vec::new(),
        hint,
    }
}

/// What is wrong with files that are no chart.
pub fn diagnose_load(error: &LoadError, folder: &str, files: &[ChartFile]) -> Problem {
    let file = |path: &str| {
        let found = files.iter().find(|it| it.path == path);
        found.map(|it| String::from_utf8_lossy(&it.data).into_owned()).unwrap_or_default()
    };
    match error {
        LoadError::Values(error) => {
            in_file(&format!("{folder}/values.yaml"), &file("values.yaml"), error)
        }
        LoadError::Decode { file: name, error } => {
            let content = file(name);
            let path = format!("{folder}/{name}");
            match error {
                DecodeError::Yaml(error) => {
                    in_file(&path, &content, &DocumentsError::Yaml(error.clone()))
                }
                DecodeError::Type { found, place, expected } => {
                    let field = place.split_once('.').map_or("", |(_, field)| field);
                    let line = fields::places(&content).get(field).map_or(1, |it| it.line + 1);
                    Problem {
                        text: format!("{field} is of type {found}, and {expected} is wanted"),
                        place: Some(Place { file: path, line, column: None }),
                        ..Problem::default()
                    }
                }
            }
        }
        LoadError::Subchart { name, error, .. } => {
            let prefix = format!("charts/{name}/");
            let inner = files.iter().filter_map(|it| {
                let path = it.path.strip_prefix(&prefix)?.to_owned();
                Some(ChartFile { path, data: it.data.clone() })
            });
            let inner: Vec<ChartFile> = inner.collect();
            diagnose_load(error, &format!("{folder}/charts/{name}"), &inner)
        }
        error => Problem {
            text: error.to_string(),
            place: Some(Place { file: format!("{folder}/Chart.yaml"), line: 1, column: None })
                .filter(|_| matches!(error, LoadError::Validation(_))),
            ..Problem::default()
        },
    }
}

/// Dependencies that are listed and not there.
pub(super) fn missing(names: &[String], author: &Author<'_>) -> Vec<Problem> {
    let listed = |name: &&String| {
        let mut files = author.chart.raw.iter();
        let file = files.find_map(|it| {
            let text = String::from_utf8_lossy(&it.data);
            let line = text.lines().position(|line| {
                let value = line.trim_start().trim_start_matches("- ").strip_prefix("name:");
                value.is_some_and(|it| it.trim().trim_matches(['"', '\'']) == name.as_str())
            })?;
            Some((it.path.clone(), line + 1))
        });
        let (file, line) = file.unwrap_or_else(|| ("Chart.yaml".to_owned(), 1));
        Place { file: format!("{}/{file}", author.folder), line, column: None }
    };
    let problem = |name: &String| Problem {
        text: format!("dependency {name} is not in charts/"),
        place: Some(listed(&name)),
        hint: Some(format!("zarpa chart dependency build {}", author.folder)),
        ..Problem::default()
    };
    names.iter().map(problem).collect()
}

/// A chart for another Kubernetes.
pub(super) fn kube_version(error: &RenderError, author: &Author<'_>) -> Problem {
    let mut files = author.chart.raw.iter().filter(|it| it.path == "Chart.yaml");
    let text = files.next().map(|it| String::from_utf8_lossy(&it.data).into_owned());
    let places = fields::places(&text.unwrap_or_default());
    let line = places.get("kubeVersion").map_or(1, |it| it.line + 1);
    Problem {
        text: error.to_string(),
        place: Some(Place { file: format!("{}/Chart.yaml", author.folder), line, column: None }),
        hint: Some("--kube-version says which one the chart is told".to_owned()),
        ..Problem::default()
    }
}
