//! `helm show`: Chart.yaml, values, README and CRDs of a chart (Helm 4.1.4, `pkg/action/show.go`).

use goyaml::Value;

use crate::{
    chart::{Chart, ChartFile},
    metadata::{Dependency, Lock, Maintainer, Metadata},
    pathname,
    values::Table,
};

const READMES: [&str; 3] = ["readme.md", "readme.txt", "readme"];

/// What to show.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    All,
    Chart,
    Values,
    Readme,
    Crds,
}

impl Chart {
    /// What `helm show` prints of a chart.
    pub fn overview(&self, part: Part) -> String {
        let is_all = part == Part::All;
        let wants = |it: Part| is_all || part == it;
        let mut text = String::new();
        if wants(Part::Chart) {
            text.extend([&self.metadata.to_yaml(), "\n"]);
        }
        if wants(Part::Values) && self.values.is_some() {
            text.push_str(if is_all { "---\n" } else { "" });
            for file in self.raw.iter().filter(|it| it.path == "values.yaml") {
                text.extend([&*String::from_utf8_lossy(&file.data), "\n"]);
            }
        }
        let is_readme =
            |file: &&ChartFile| READMES.iter().any(|it| file.path.eq_ignore_ascii_case(it));
        if wants(Part::Readme)
            && let Some(file) = self.files.iter().find(is_readme)
        {
            text.push_str(if is_all { "---\n" } else { "" });
            text.extend([&*String::from_utf8_lossy(&file.data), "\n"]);
        }
        if wants(Part::Crds) {
            for file in self.crds() {
                text.push_str(if file.data.starts_with(b"---") { "" } else { "---\n" });
                text.extend([&*String::from_utf8_lossy(&file.data), "\n"]);
            }
        }
        text
    }

    /// The files of `crds/`, of the chart and then of those below it.
    pub(crate) fn crds(&self) -> Vec<&ChartFile> {
        let is_manifest = |file: &&ChartFile| {
            let extension = pathname::extension(&file.path).to_lowercase();
            file.path.starts_with("crds/")
                && [".yaml", ".yml", ".json"].contains(&extension.as_str())
        };
        let mut crds: Vec<&ChartFile> = self.files.iter().filter(is_manifest).collect();
        crds.extend(self.dependencies.iter().flat_map(Self::crds));
        crds
    }
}

impl Metadata {
    /// Chart.yaml as Helm writes it: what it knows, in the order of the keys, without what is empty.
    pub fn to_yaml(&self) -> String {
        goyaml::print_v2(&self.to_value())
    }

    /// The same as a value.
    pub(crate) fn to_value(&self) -> Value {
        let annotations = self.annotations.iter().flatten();
        let annotations: Table =
            annotations.map(|(key, value)| (key.as_str().into(), text(value))).collect();
        let dependencies = self.dependencies.iter().flatten().map(dependency).collect();
        table(vec![
            ("annotations", filled(Value::Map(annotations))),
            ("apiVersion", given(&self.api_version)),
            ("appVersion", given(&self.app_version)),
            ("condition", given(&self.condition)),
            ("dependencies", filled(Value::List(dependencies))),
            ("deprecated", self.is_deprecated.then_some(Value::Bool(true))),
            ("description", given(&self.description)),
            ("home", given(&self.home)),
            ("icon", given(&self.icon)),
            ("keywords", filled(texts(&self.keywords))),
            ("kubeVersion", given(&self.kube_version)),
            ("maintainers", filled(Value::List(self.maintainers.iter().map(maintainer).collect()))),
            ("name", given(&self.name)),
            ("sources", filled(texts(&self.sources))),
            ("tags", given(&self.tags)),
            ("type", given(&self.kind)),
            ("version", given(&self.version)),
        ])
    }
}

impl Lock {
    /// Chart.lock as Helm writes it.
    pub fn to_yaml(&self) -> String {
        let dependencies = self.dependencies.iter().map(dependency).collect();
        goyaml::print_v2(&table(vec![
            ("dependencies", Some(Value::List(dependencies))),
            ("digest", Some(text(&self.digest))),
            ("generated", Some(text(&self.generated))),
        ]))
    }
}

fn dependency(dependency: &Dependency) -> Value {
    table(vec![
        ("alias", given(&dependency.alias)),
        ("condition", given(&dependency.condition)),
        ("enabled", dependency.is_enabled.then_some(Value::Bool(true))),
        ("import-values", filled(Value::List(dependency.import_values.clone()))),
        ("name", Some(text(&dependency.name))),
        ("repository", Some(text(&dependency.repository))),
        ("tags", filled(texts(&dependency.tags))),
        ("version", given(&dependency.version)),
    ])
}

fn maintainer(maintainer: &Maintainer) -> Value {
    table(vec![
        ("email", given(&maintainer.email)),
        ("name", given(&maintainer.name)),
        ("url", given(&maintainer.url)),
    ])
}

/// A table of the entries that are there; they come sorted.
fn table(entries: Vec<(&str, Option<Value>)>) -> Value {
    let entries = entries.into_iter().filter_map(|(key, value)| Some((key.into(), value?)));
    Value::Map(entries.collect())
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

fn texts(items: &[String]) -> Value {
    Value::List(items.iter().map(|it| text(it)).collect())
}

fn given(value: &str) -> Option<Value> {
    (!value.is_empty()).then(|| text(value))
}

fn filled(value: Value) -> Option<Value> {
    let is_empty = match &value {
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        _ => false,
    };
    (!is_empty).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(files: &[(&str, &str)]) -> Chart {
        let file = |(path, data): &(&str, &str)| ChartFile {
            path: (*path).to_owned(),
            data: (*data).into(),
        };
        Chart::load(files.iter().map(file).collect()).unwrap()
    }

    #[test]
    fn parts_are_shown_as_by_helm() {
        let chart = chart(&[
            ("Chart.yaml", "version: 1.0.0\nname: c\napiVersion: v2\nappVersion: 1.10\nextra: 1\n"),
            ("values.yaml", "a: 1 # one\n"),
            ("README.md", "# c\n"),
            ("crds/a.yaml", "kind: X\n"),
            ("crds/b.txt", "no\n"),
        ]);
        let head = "apiVersion: v2\nappVersion: \"1.1\"\nname: c\nversion: 1.0.0\n\n";
        assert_eq!(chart.overview(Part::Chart), head);
        assert_eq!(chart.overview(Part::Values), "a: 1 # one\n\n");
        assert_eq!(chart.overview(Part::Readme), "# c\n\n");
        assert_eq!(chart.overview(Part::Crds), "---\nkind: X\n\n");
        let all = format!("{head}---\na: 1 # one\n\n---\n# c\n\n---\nkind: X\n\n");
        assert_eq!(chart.overview(Part::All), all);
    }

    #[test]
    fn what_a_chart_has_not_shows_as_nothing() {
        let chart = chart(&[("Chart.yaml", "version: 1.0.0\nname: c\napiVersion: v2\n")]);
        assert_eq!(chart.overview(Part::Values), "");
        assert_eq!(chart.overview(Part::Readme), "");
        assert_eq!(chart.overview(Part::Crds), "");
    }
}
