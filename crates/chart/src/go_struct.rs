//! The JSON of Go structs: fields in their order, empty ones left out where Go leaves them out.

use gotmpl::Value;

use crate::{
    functions::to_json,
    metadata::{Dependency, Maintainer, Metadata},
    yaml::to_template_value,
};

/// An object in the making.
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self("{".to_owned())
    }

    /// A field whose value is JSON already.
    pub(crate) fn field(&mut self, name: &str, json: &str) {
        if 1 < self.0.len() {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(json);
    }

    /// A text, unless it is empty.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.field(name, &quoted(text));
        }
    }

    pub(crate) fn texts(&mut self, name: &str, texts: &[String]) {
        if !texts.is_empty() {
            self.field(name, &list(texts.iter().map(|it| quoted(it))));
        }
    }

    pub(crate) fn truth(&mut self, name: &str, truth: bool) {
        if truth {
            self.field(name, "true");
        }
    }

    pub(crate) fn finish(mut self) -> String {
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

/// JSON as Go's `json.MarshalIndent` lays it out, with two blanks for each level.
pub(crate) fn indented(json: &str) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let (mut depth, mut is_quoted, mut is_escaped) = (0, false, false);
    let mut letters = json.chars().peekable();
    while let Some(it) = letters.next() {
        if is_quoted {
            text.push(it);
            (is_quoted, is_escaped) = (it != '"' || is_escaped, it == '\\' && !is_escaped);
            continue;
        }
        match it {
            '"' => {
                text.push(it);
                is_quoted = true;
            }
            '{' | '[' if letters.peek().is_some_and(|it| "}]".contains(*it)) => text.push(it),
            '{' | '[' => {
                text.push(it);
                depth += 1;
                push_line(&mut text, depth);
            }
            '}' | ']' => {
                if !text.ends_with(['{', '[']) {
                    depth -= 1;
                    push_line(&mut text, depth);
                }
                text.push(it);
            }
            ',' => {
                text.push(it);
                push_line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            it => text.push(it),
        }
    }
    text
}

fn push_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
}

/// `chart.Metadata`.
pub(crate) fn metadata(it: &Metadata) -> String {
    let mut object = Object::new();
    add_metadata(&mut object, it);
    object.finish()
}

/// The fields of `chart.Metadata`, for what embeds it.
pub(crate) fn add_metadata(object: &mut Object, it: &Metadata) {
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
        object.field("annotations", &text_map(annotations));
    }
    object.text("kubeVersion", &it.kube_version);
    if let Some(dependencies) = it.dependencies.as_ref().filter(|it| !it.is_empty()) {
        object.field("dependencies", &list(dependencies.iter().map(dependency)));
    }
    object.text("type", &it.kind);
}

/// A table of texts.
pub(crate) fn text_map(entries: &[(String, String)]) -> String {
    let mut object = Object::new();
    for (key, value) in entries {
        let key = quoted(key);
        object.field(&key[1..key.len() - 1], &quoted(value));
    }
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
