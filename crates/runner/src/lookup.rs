//! `lookup`: what templates ask of the cluster while they render.
//!
//! A rendering waits for no network. What it asks is noted, and answered with nothing; then the answers are fetched
//! and the chart is rendered again, until it asks nothing new.

use std::collections::BTreeMap;

use deploy::Cluster;
use gotmpl::{List, Map, Value};
use serde_json::Value as Json;

use crate::{
    chart::{ChartError, For, Loaded},
    source::World,
};

/// How often a chart is rendered: each answer may lead to another question.
const RENDERINGS_MAX: usize = 20;

/// What `lookup` is asked for; an empty namespace or name means all.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Query {
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
}

impl From<&chart::Lookup<'_>> for Query {
    fn from(it: &chart::Lookup<'_>) -> Self {
        let [api_version, kind, namespace, name] =
            [it.api_version, it.kind, it.namespace, it.name].map(str::to_owned);
        Self { api_version, kind, namespace, name }
    }
}

/// What the cluster said. It is asked once, so that all renderings of a run see the same.
#[derive(Debug, Default)]
pub(crate) struct Answers(BTreeMap<Query, Result<Value, String>>);

impl Answers {
    pub(crate) fn get(&self, query: &Query) -> Option<&Result<Value, String>> {
        self.0.get(query)
    }

    async fn ask(&mut self, cluster: &Cluster, query: Query) {
        let Query { api_version, kind, namespace, name } = &query;
        let answer = deploy::lookup(cluster, api_version, kind, namespace, name).await;
        let answer = match answer {
            Ok(found) => Ok(found.as_ref().map_or_else(|| Value::Map(Map::new()), template_value)),
            Err(error) => Err(crate::service::one_line(&error)),
        };
        self.0.insert(query, answer);
    }
}

/// Renders a chart that may look into the cluster.
pub(crate) async fn render(
    cluster: &Cluster,
    loaded: &Loaded,
    for_: &For<'_>,
    answers: &mut Answers,
) -> Result<chart::Rendered, ChartError> {
    for _ in 0..RENDERINGS_MAX {
        let world = World::new(for_.now, answers);
        let rendered = loaded.render(for_, &world);
        // Diagnosis of a failure asks, too, and must not take a missing answer for a mistake of the chart.
        let asked = world.into_asked();
        if asked.is_empty() {
            return rendered;
        }
        for query in asked {
            answers.ask(cluster, query).await;
        }
    }
    Err(ChartError::Lookups { chart: loaded.name.clone() })
}

/// As Go reads an object of the API: whole numbers are `int64`.
fn template_value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Int64(number),
            None => Value::Float64(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::List(items.iter().map(template_value).collect::<List>()),
        Json::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.as_str(), template_value(value)));
            Value::Map(fields.collect())
        }
    }
}
