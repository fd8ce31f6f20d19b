//! values.schema.json (Helm 4.1.4, `pkg/chart/common/util/jsonschema.go`).

use std::{cell::RefCell, collections::BTreeMap, error::Error, rc::Rc};

use boon::{CompileError, Compiler, Schemas, UrlLoader};
use gotmpl::{Map, Value};
use serde_json::{Number, Value as Json};

use crate::{functions::portable_regex, tree::Node, warning::Warning};

mod quick;
mod words;

/// Where Helm says the schema lies.
const LOCATION: &str = "file:///values.schema.json";

/// Holds the values of a chart and its subcharts against their schemas; the error names all that is
/// wrong with all of them.
pub(crate) fn validate(
    node: &Node<'_>,
    values: &Map,
    log: &mut Vec<Warning>,
) -> Result<(), String> {
    let mut problems = String::new();
    if let Some(schema) = &node.chart.schema
        && let Err(error) = validate_one(schema, values, log)
    {
        problems.extend([&node.name(), ":\n", &error]);
    }
    for subchart in &node.dependencies {
        let name = subchart.name();
        match values.get(&name) {
            None | Some(Value::Nil) => {}
            Some(Value::Map(values)) => {
                problems.push_str(&validate(subchart, &values, log).err().unwrap_or_default());
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
    log: &mut Vec<Warning>,
) -> Result<(), String> {
    let mut schema: Json = serde_json::from_slice(schema).map_err(|error| {
        if error.is_eof() { "unexpected EOF".to_owned() } else { error.to_string() }
    })?;
    let values = to_json(&Value::Map(values.clone()));
    if quick::surely_meets(&schema, &values) {
        return Ok(());
    }
    let mut patterns = BTreeMap::new();
    make_portable(&mut schema, &mut patterns);
    let unresolved = Rc::new(RefCell::new(Vec::new()));
    let mut compiler = Compiler::new();
    compiler.use_loader(Box::new(Loader { unresolved: Rc::clone(&unresolved) }));
    let mut schemas = Schemas::new();
    compiler.add_resource(LOCATION, schema).map_err(|error| compile_error(&error))?;
    let compiled =
        compiler.compile(LOCATION, &mut schemas).map_err(|error| compile_error(&error))?;
    let warning = Warning::warn("unresolved URN reference ignored; using permissive schema");
    log.extend(unresolved.borrow().iter().map(|urn| warning.clone().with("urn", urn)));
    schemas.validate(&values, compiled).map_err(|error| {
        let text = words::display(&error, &patterns);
        let first = format!("jsonschema validation failed with '{LOCATION}#'\n");
        format!("{}\n", text.strip_prefix(&first).unwrap_or(&text))
    })
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
    "only the chart's own values.schema.json is read; references to other files and to the network are not followed"
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
