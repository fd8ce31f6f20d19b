//! The JSON of Go structs: fields in their order, empty ones left out where Go leaves them out.

use gotmpl::Value;

use crate::{
    functions::to_json,
    metadata::{Dependency, Maintainer, Metadata},
    yaml::to_template_value,
};

/// An object in the making.
struct Object(String);

impl Object {
    fn new() -> Self {
        Self("{".to_owned())
    }

    /// A field whose value is JSON already.
    fn field(&mut self, name: &str, json: &str) {
        if 1 < self.0.len() {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(json);
    }

    /// A text, unless it is empty.
    fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.field(name, &quoted(text));
        }
    }

    fn texts(&mut self, name: &str, texts: &[String]) {
        if !texts.is_empty() {
            self.field(name, &list(texts.iter().map(|it| quoted(it))));
        }
    }

    fn truth(&mut self, name: &str, truth: bool) {
        if truth {
            self.field(name, "true");
        }
    }

    fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A text as Go's `json.Marshal` writes it, with `<`, `>` and `&` escaped.
pub(crate) fn quoted(text: &str) -> String {
    to_json(&Value::from(text)).expect("a text can be written as JSON")
}

pub(crate) fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<String>>().join(","))
}

/// `chart.Metadata`.
pub(crate) fn metadata(it: &Metadata) -> String {
    let mut object = Object::new();
    object.text("name", &it.name);
    object.text("home", &it.home);
    object.texts("sources", &it.sources);
    object.text("version", &it.version);
    object.text("description", &it.description);
    object.texts("keywords", &it.keywords);
    if !it.maintainers.is_empty() {
        object.field("maintainers", &list(it.maintainers.iter().map(maintainer)));
    }
    object.text("icon", &it.icon);
    object.text("apiVersion", &it.api_version);
    object.text("condition", &it.condition);
    object.text("tags", &it.tags);
    object.text("appVersion", &it.app_version);
    object.truth("deprecated", it.is_deprecated);
    if let Some(annotations) = it.annotations.as_ref().filter(|it| !it.is_empty()) {
        let mut inner = Object::new();
        for (key, value) in annotations {
            let key = quoted(key);
            inner.field(&key[1..key.len() - 1], &quoted(value));
        }
        object.field("annotations", &inner.finish());
    }
    object.text("kubeVersion", &it.kube_version);
    if let Some(dependencies) = it.dependencies.as_ref().filter(|it| !it.is_empty()) {
        object.field("dependencies", &list(dependencies.iter().map(dependency)));
    }
    object.text("type", &it.kind);
    object.finish()
}

fn maintainer(it: &Maintainer) -> String {
    let mut object = Object::new();
    object.text("name", &it.name);
    object.text("email", &it.email);
    object.text("url", &it.url);
    object.finish()
}

/// `chart.Dependency`: name and repository are written even when they are empty.
pub(crate) fn dependency(it: &Dependency) -> String {
    let mut object = Object::new();
    object.field("name", &quoted(&it.name));
    object.text("version", &it.version);
    object.field("repository", &quoted(&it.repository));
    object.text("condition", &it.condition);
    object.texts("tags", &it.tags);
    object.truth("enabled", it.is_enabled);
    if !it.import_values.is_empty() {
        let values = it.import_values.iter().map(to_template_value);
        let values = to_json(&Value::List(values.collect()));
        object.field("import-values", &values.expect("values of YAML can be written as JSON"));
    }
    object.text("alias", &it.alias);
    object.finish()
}
