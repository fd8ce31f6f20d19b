//! Where values come from: which file or flag, and which line.

use std::{collections::BTreeMap, fmt};

use goyaml::{Mark, Value};

use crate::{
    actions,
    chart::Chart,
    fields,
    metadata::Dependency,
    similar::nearest,
    strvals,
    values::{Table, ValueSources, from_json, read_documents},
};

/// Who says what a value is.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// The file or flag: `charts/faro/values.yaml`, `--set replicas=2`.
    pub source: String,
    /// The line in the file, from 1.
    pub line: Option<usize>,
    /// The value as it is said there.
    pub value: Value,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.source),
            None => f.write_str(&self.source),
        }
    }
}

/// Everything that says values, what counts least first.
#[derive(Debug)]
pub(crate) struct Origins {
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    source: String,
    /// Where its table stands in the values of the whole: the subchart's name, or nothing.
    prefix: String,
    values: Value,
    places: BTreeMap<String, Mark>,
}

impl Origins {
    /// Of a chart in a folder, and what a user says.
    pub(crate) fn new(chart: &Chart, folder: &str, sources: &ValueSources) -> Self {
        let mut layers = Vec::new();
        charts(chart, folder, "", &mut layers);
        for (name, content) in &sources.files {
            layers.extend(file(name.clone(), String::new(), content));
        }
        let mut flag = |flag: &str, text: &str, table: Option<Table>| {
            if let Some(table) = table {
                layers.push(Layer {
                    source: format!("--{flag} {text}"),
                    prefix: String::new(),
                    values: Value::Map(table),
                    places: BTreeMap::new(),
                });
            }
        };
        for text in &sources.set_json {
            flag("set-json", text, json(text));
        }
        let string = |text: &str| Ok(Value::String(text.into()));
        let typed = |text: &str| Ok(strvals::typed(text));
        let kinds: [(&str, &[String], strvals::Reader<'_>); 3] = [
            ("set", &sources.set, &typed),
            ("set-string", &sources.set_string, &string),
            ("set-file", &sources.set_file, &string),
        ];
        for (name, texts, reader) in kinds {
            for text in texts {
                let mut table = Table::new();
                let is_read = strvals::parse_into(text, reader, &mut table).is_ok();
                flag(name, text, is_read.then_some(table));
            }
        }
        for text in &sources.set_literal {
            let mut table = Table::new();
            let is_read = strvals::parse_literal_into(text, &mut table).is_ok();
            flag("set-literal", text, is_read.then_some(table));
        }
        Self { layers }
    }

    /// Who says a value, the one that counts first; a table or a list is said by all who say a part of it.
    pub(crate) fn of(&self, path: &str) -> Vec<Origin> {
        let mut found: Vec<Origin> = Vec::new();
        for layer in self.layers.iter().rev() {
            found.extend(layer.origin(path));
        }
        found
    }

    /// The longest part of a path that somebody says.
    pub(crate) fn known<'p>(&self, path: &'p str) -> Option<&'p str> {
        let mut part = path;
        loop {
            if !self.of(part).is_empty() {
                return Some(part);
            }
            part = part.rsplit_once('.')?.0;
        }
    }

    /// A name that somebody says beside one that nobody says.
    pub(crate) fn similar(&self, path: &str) -> Option<String> {
        let known = self.known(path).unwrap_or_default();
        let rest = path.strip_prefix(known)?.trim_start_matches('.');
        let missing = rest.split('.').next().filter(|it| !it.is_empty())?;
        let mut names: Vec<String> = Vec::new();
        for layer in &self.layers {
            if let Some(Value::Map(entries)) = layer.find(known) {
                names.extend(entries.iter().map(|(key, _)| key.to_string()));
            }
        }
        let near = fields::key(known, nearest(missing, names.iter().map(String::as_str))?);
        let whole = format!("{near}{}", rest.strip_prefix(missing)?);
        Some(if self.of(&whole).is_empty() { near } else { whole })
    }
}

impl Layer {
    fn origin(&self, path: &str) -> Option<Origin> {
        let value = self.find(path)?.clone();
        let inner = self.inner(path)?;
        let line = self.places.get(inner).map(|it| it.line + 1);
        Some(Origin { source: self.source.clone(), line, value })
    }

    /// A path in the whole's values as one in this layer's.
    fn inner<'p>(&self, path: &'p str) -> Option<&'p str> {
        if self.prefix.is_empty() {
            return Some(path);
        }
        let rest = path.strip_prefix(&self.prefix)?;
        rest.strip_prefix('.').or_else(|| rest.is_empty().then_some(rest))
    }

    fn find(&self, path: &str) -> Option<&Value> {
        find(&self.values, self.inner(path)?)
    }
}

/// The value at a path; keys may have points in them.
pub(crate) fn find<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    if path.is_empty() {
        return Some(value);
    }
    match value {
        Value::Map(entries) => entries.iter().find_map(|(name, value)| {
            let rest = path.strip_prefix(&**name)?;
            match rest.strip_prefix('.') {
                Some(rest) => find(value, rest),
                None if rest.is_empty() || rest.starts_with('[') => find(value, rest),
                None => None,
            }
        }),
        Value::List(items) => {
            let (number, rest) = path.strip_prefix('[')?.split_once(']')?;
            let value = items.get(number.parse::<usize>().ok()?)?;
            find(value, rest.strip_prefix('.').unwrap_or(rest))
        }
        _ => None,
    }
}

/// The values of a chart and of those below it, the deepest first.
fn charts(chart: &Chart, folder: &str, prefix: &str, layers: &mut Vec<Layer>) {
    for subchart in &chart.dependencies {
        let listed = chart.metadata.dependencies.iter().flatten();
        let aliases: Vec<&str> = listed
            .filter(|it| it.name == subchart.name())
            .map(Dependency::name_in_values)
            .collect();
        let folder = format!("{folder}/charts/{}", subchart.name());
        let names = if aliases.is_empty() { vec![subchart.name()] } else { aliases };
        for name in names {
            charts(subchart, &folder, &fields::key(prefix, name), layers);
        }
    }
    for raw in chart.raw.iter().filter(|it| it.path == "values.yaml") {
        layers.extend(file(format!("{folder}/values.yaml"), prefix.to_owned(), &raw.data));
    }
}

fn file(source: String, prefix: String, content: &[u8]) -> Option<Layer> {
    let values = Value::Map(read_documents(content).ok()?);
    let places = fields::places(&String::from_utf8_lossy(content));
    Some(Layer { source, prefix, values, places })
}

fn json(text: &str) -> Option<Table> {
    if text.trim().starts_with('{') {
        return match serde_json::from_str(text).map(|it| from_json(&it)) {
            Ok(Value::Map(table)) => Some(table),
            _ => None,
        };
    }
    let mut table = Table::new();
    strvals::parse_json_into(text, &mut table).ok()?;
    Some(table)
}

/// The prefix of a template's `.Values` in the values of the whole: `db` for
/// `faro/charts/db/templates/x.yaml`.
pub(crate) fn prefix_of(template: &str) -> String {
    let mut prefix = String::new();
    let mut parts = template.split('/').skip(1);
    while parts.next() == Some("charts") {
        let Some(name) = parts.next() else { break };
        prefix = fields::key(&prefix, name);
    }
    prefix
}

/// The paths of values in an expression of a template, as the whole's values have them.
pub(crate) fn paths_in(template: &str, expression: &str) -> Vec<String> {
    let prefix = prefix_of(template);
    let paths = actions::value_paths(expression).into_iter();
    paths
        .map(|path| match path.split('.').next() {
            Some("global") => path,
            _ => fields::key(&prefix, &path),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::ChartFile;

    fn origins() -> Origins {
        let file =
            |(path, data): (&str, &str)| ChartFile { path: path.to_owned(), data: (*data).into() };
        let files = [
            (
                "Chart.yaml",
                "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: s, version: 1.0.0, alias: db}]\n",
            ),
            ("values.yaml", "a: 1\nb:\n  c: 2\ndb:\n  size: 5\n"),
            ("charts/s/Chart.yaml", "apiVersion: v2\nname: s\nversion: 1.0.0\n"),
            ("charts/s/values.yaml", "# none\nsize: 1\nport: 80\n"),
        ];
        let chart = Chart::load(files.map(file).into()).unwrap();
        let sources = ValueSources {
            files: vec![("prod.yaml".to_owned(), b"b:\n\n  c: 3\n".to_vec())],
            set: vec!["b.c=4,l[0].x=1".to_owned()],
            set_json: vec!["{\"a\": 9}".to_owned()],
            ..ValueSources::default()
        };
        Origins::new(&chart, "charts/c", &sources)
    }

    fn check(path: &str, expect: &[&str]) {
        let found: Vec<String> = origins().of(path).iter().map(ToString::to_string).collect();
        assert_eq!(found, expect, "{path}");
    }

    #[test]
    fn what_counts_most_comes_first() {
        check("b.c", &["--set b.c=4,l[0].x=1", "prod.yaml:3", "charts/c/values.yaml:3"]);
        check("a", &["--set-json {\"a\": 9}", "charts/c/values.yaml:1"]);
        check("l[0].x", &["--set b.c=4,l[0].x=1"]);
        check("db.size", &["charts/c/values.yaml:5", "charts/c/charts/s/values.yaml:2"]);
        check("db.port", &["charts/c/charts/s/values.yaml:3"]);
        check("nobody.says", &[]);
    }

    #[test]
    fn the_nearest_name_is_offered() {
        assert_eq!(origins().similar("db.prot"), Some("db.port".to_owned()));
        assert_eq!(origins().similar("wholly.else"), None);
        assert_eq!(origins().known("b.x.y"), Some("b"));
    }

    #[test]
    fn templates_of_subcharts_see_their_own_values() {
        assert_eq!(prefix_of("c/templates/a.yaml"), "");
        assert_eq!(prefix_of("c/charts/db/charts/x/templates/a.yaml"), "db.x");
        let paths =
            paths_in("c/charts/db/templates/a.yaml", "{{ .Values.size }}{{ .Values.global.x }}");
        assert_eq!(paths, ["db.size", "global.x"]);
    }
}
