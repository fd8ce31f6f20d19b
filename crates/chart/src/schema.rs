//! values.schema.json (Helm 4.1.4, `pkg/chart/common/util/jsonschema.go`).

use std::{cell::RefCell, collections::BTreeMap, error::Error, rc::Rc};

use boon::{CompileError, Compiler, SchemaIndex, Schemas, UrlLoader};
use gotmpl::{Map, Value};
use serde_json::{Number, Value as Json};

use crate::{functions::portable_regex, source::Source, tree::Node, warning::Warning};

mod quick;
mod words;

/// Where Helm says the schema lies.
const LOCATION: &str = "file:///values.schema.json";
/// How many schemas elsewhere one may refer to, all together.
const REMOTE_MAX: usize = 100;

/// Holds the values of a chart and its subcharts against their schemas; the error names all that is
/// wrong with all of them.
pub(crate) fn validate(
    node: &Node<'_>,
    values: &Map,
    source: &dyn Source,
    log: &mut Vec<Warning>,
) -> Result<(), String> {
    let mut problems = String::new();
    if let Some(schema) = &node.chart.schema
        && let Err(error) = validate_one(schema, values, source, log)
    {
        problems.extend([&node.name(), ":\n", &error]);
    }
    for subchart in &node.dependencies {
        let name = subchart.name();
        match values.get(&name) {
            None | Some(Value::Nil) => {}
            Some(Value::Map(values)) => {
                let told = validate(subchart, &values, source, log);
                problems.push_str(&told.err().unwrap_or_default());
            }
            Some(value) => problems.extend([
                &name,
                ":\ninvalid type for values: expected object (map), got ",
                value.type_name(),
                "\n",
            ]),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Holds values against one schema.
pub(crate) fn validate_one(
    schema: &[u8],
    values: &Map,
    source: &dyn Source,
    log: &mut Vec<Warning>,
) -> Result<(), String> {
    let schema = parse(schema)?;
    let values = to_json(&Value::Map(values.clone()));
    if quick::surely_meets(&schema, &values) {
        return Ok(());
    }
    let compiled = compile(schema, source)?;
    let warning = Warning::warn("unresolved URN reference ignored; using permissive schema");
    log.extend(compiled.unresolved.iter().map(|urn| warning.clone().with("urn", urn)));
    compiled.schemas.validate(&values, compiled.own).map_err(|error| {
        let text = words::display(&error, &compiled.patterns);
        let first = format!("jsonschema validation failed with '{LOCATION}#'\n");
        format!("{}\n", text.strip_prefix(&first).unwrap_or(&text))
    })
}

fn parse(schema: &[u8]) -> Result<Json, String> {
    serde_json::from_slice(schema).map_err(|error| {
        if error.is_eof() { "unexpected EOF".to_owned() } else { error.to_string() }
    })
}

/// A schema with all that it refers to.
struct Compiled {
    schemas: Schemas,
    own: SchemaIndex,
    /// What expressions were, by what they were rewritten to.
    patterns: BTreeMap<String, String>,
    unresolved: Vec<String>,
}

/// Compiles a schema, and fetches what it refers to as far as the source allows.
fn compile(mut schema: Json, source: &dyn Source) -> Result<Compiled, String> {
    let mut patterns = BTreeMap::new();
    make_portable(&mut schema, &mut patterns);
    let mut resources = BTreeMap::from([(LOCATION.to_owned(), schema)]);
    loop {
        let unresolved = Rc::new(RefCell::new(Vec::new()));
        let mut compiler = Compiler::new();
        compiler.use_loader(Box::new(Loader { unresolved: Rc::clone(&unresolved) }));
        for (location, resource) in &resources {
            let added = compiler.add_resource(location, resource.clone());
            added.map_err(|error| compile_error(&error))?;
        }
        let mut schemas = Schemas::new();
        let error = match compiler.compile(LOCATION, &mut schemas) {
            Ok(own) => {
                let unresolved = unresolved.take();
                return Ok(Compiled { schemas, own, patterns, unresolved });
            }
            Err(error) => error,
        };
        let (url, fetched) = match &error {
            CompileError::LoadUrlError { url, .. } if resources.len() <= REMOTE_MAX => {
                match source.remote_schema(url) {
                    Some(fetched) => (url, fetched),
                    None => return Err(compile_error(&error)),
                }
            }
            error => return Err(compile_error(error)),
        };
        let fetched = fetched.and_then(|it| parse(&it));
        let mut fetched = fetched.map_err(|told| format!("failing loading {url:?}: {told}"))?;
        make_portable(&mut fetched, &mut patterns);
        resources.insert(url.clone(), fetched);
    }
}

/// Rewrites Go's regular expressions so that the validator reads them as Go does. The table has what
/// was there before, for messages.
fn make_portable(schema: &mut Json, patterns: &mut BTreeMap<String, String>) {
    const DATA: [&str; 4] = ["const", "default", "enum", "examples"];
    match schema {
        Json::Array(items) => items.iter_mut().for_each(|item| make_portable(item, patterns)),
        Json::Object(entries) => {
            for (key, value) in entries {
                match value {
                    Json::String(pattern) if key == "pattern" => {
                        *pattern = portable(pattern, patterns);
                    }
                    Json::Object(by_pattern) if key == "patternProperties" => {
                        let renamed = std::mem::take(by_pattern).into_iter();
                        by_pattern.extend(renamed.map(|(pattern, mut inner)| {
                            make_portable(&mut inner, patterns);
                            (portable(&pattern, patterns), inner)
                        }));
                    }
                    value if !DATA.contains(&key.as_str()) => make_portable(value, patterns),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// What Go refuses stays as it is; the validator refuses most of it too.
fn portable(pattern: &str, patterns: &mut BTreeMap<String, String>) -> String {
    let Some(rewritten) = portable_regex(pattern) else { return pattern.to_owned() };
    patterns.insert(rewritten.clone(), pattern.to_owned());
    rewritten
}

fn compile_error(error: &CompileError) -> String {
    match error {
        CompileError::LoadUrlError { url, src } => format!("failing loading {url:?}: {src}"),
        CompileError::ValidationError { url, src } => {
            let url = if url.contains('#') { url.clone() } else { format!("{url}#") };
            format!(
                "{url:?} is not valid against metaschema: {}",
                words::display(src, &BTreeMap::new())
            )
        }
        CompileError::JsonPointerNotFound(location) => {
            format!("json-pointer in {location:?} not found")
        }
        error => error.to_string(),
    }
}

/// Loads nothing, but takes an URN for a schema that all values meet, as Helm does.
struct Loader {
    unresolved: Rc<RefCell<Vec<String>>>,
}

impl UrlLoader for Loader {
    fn load(&self, url: &str) -> Result<Json, Box<dyn Error>> {
        if url.starts_with("urn:") {
            self.unresolved.borrow_mut().push(url.to_owned());
            return Ok(Json::Bool(true));
        }
        Err(Box::new(NotLoaded))
    }
}

/// A schema outside of the chart's own file.
#[derive(Debug, thiserror::Error)]
#[error(
    "only the chart's own values.schema.json is read; no other file is, and the network only when that is allowed"
)]
struct NotLoaded;

/// Values as JSON; what no values file can hold is null.
fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number) | Value::Int64(number) => Json::from(*number),
        Value::Float64(number) => number_to_json(*number),
        Value::String(text) => Json::String(text.to_text().into_owned()),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(map) | Value::Values(map) => {
            let entries = map.entries();
            Json::Object(entries.iter().map(|(key, it)| (key.to_string(), to_json(it))).collect())
        }
        _ => Json::Null,
    }
}

/// Whole numbers as integers, which is what a schema takes them for.
#[expect(clippy::cast_possible_truncation, reason = "the number is whole and in range")]
fn number_to_json(number: f64) -> Json {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT_MAX {
        return Json::from(number as i64);
    }
    Number::from_f64(number).map_or(Json::Null, Json::Number)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    /// Serves schemas by their addresses.
    #[derive(Clone, Copy)]
    struct Web(&'static [(&'static str, &'static str)]);

    impl Source for Web {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }

        fn fill_random(&self, _: &mut [u8]) {}

        fn remote_schema(&self, url: &str) -> Option<Result<Vec<u8>, String>> {
            let found = self.0.iter().find(|it| it.0 == url);
            (!self.0.is_empty()).then(|| match found {
                Some((_, text)) => Ok(text.as_bytes().to_vec()),
                None => Err("404 Not Found".to_owned()),
            })
        }
    }

    fn told(values: &[(&str, Value)], web: Web) -> Result<(), String> {
        let schema = br#"{"properties": {"a": {"$ref": "http://x/a.json#/definitions/n"}}}"#;
        let values = Map::from_iter(values.iter().cloned());
        validate_one(schema, &values, &web, &mut Vec::new())
    }

    #[test]
    fn schemas_elsewhere_are_fetched_when_that_is_allowed() {
        const SERVED: &[(&str, &str)] = &[
            ("http://x/a.json", r#"{"definitions": {"n": {"$ref": "/b.json"}}}"#),
            ("http://x/b.json", r#"{"type": "string", "pattern": "^\\d$"}"#),
        ];
        assert_eq!(told(&[("a", "1".into())], Web(SERVED)), Ok(()));
        let error = told(&[("a", Value::Int(1))], Web(SERVED)).unwrap_err();
        assert_eq!(error, "- at '/a': got number, want string\n");
        let error = told(&[("a", "1".into())], Web(&SERVED[..1])).unwrap_err();
        assert_eq!(error, "failing loading \"http://x/b.json\": 404 Not Found");
        let error = told(&[("a", "1".into())], Web(&[])).unwrap_err();
        assert!(error.contains("only when that is allowed"), "{error}");
    }
}
