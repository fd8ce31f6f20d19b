//! `scale`: the number of replicas as an object of its own.

use http::{Method, Response, StatusCode};
use kobject::{meta, schema};
use serde_json::{Value, json};

use crate::{
    api::Api,
    body::{self, Body, json_response},
    call::Call,
    decode::{self, Expected},
    error::ApiError,
    path::Target,
    strategy::Part,
    verb::{Patch, find},
    write::{Proposed, Writing},
};

const API_VERSION: &str = "autoscaling/v1";

pub(crate) async fn scale(
    api: &Api,
    call: &Call,
    target: &Target,
) -> Result<Response<Body>, ApiError> {
    crate::accept::require_json(&call.headers)?;
    match call.method {
        Method::GET => {
            let scale = of_object(&find(api, target)?.object());
            Ok(json_response(StatusCode::OK, &scale))
        }
        Method::PUT => {
            let (wanted, warnings) = decode::body(call, &expected(&scale_schema()))?;
            change(api, call, target, &|_| Ok(wanted.clone()), &warnings).await
        }
        Method::PATCH => patch(api, call, target).await,
        _ => Err(ApiError::MethodNotAllowed),
    }
}

async fn patch(api: &Api, call: &Call, target: &Target) -> Result<Response<Body>, ApiError> {
    let patch = Patch::read(call)?;
    let schema = scale_schema();
    let wanted = |scale: &Value| {
        let mut scale = patch.changed(&schema, scale)?;
        let validation = call.field_validation()?;
        decode::set_type(&mut scale, &expected(&schema))?;
        decode::check(&mut scale, &expected(&schema), validation, Vec::new())?;
        Ok(scale)
    };
    change(api, call, target, &wanted, &[]).await
}

fn scale_schema() -> kobject::Schema {
    let untyped = || kobject::Schema::untyped("autoscaling", "Scale");
    schema::of_kind(API_VERSION, "Scale").unwrap_or_else(untyped)
}

fn expected(schema: &kobject::Schema) -> Expected<'_> {
    Expected { api_version: API_VERSION, kind: "Scale", schema }
}

/// Writes the wanted number into the object.
async fn change(
    api: &Api,
    call: &Call,
    target: &Target,
    wanted: &(dyn Fn(&Value) -> Result<Value, ApiError> + Sync),
    warnings: &[String],
) -> Result<Response<Body>, ApiError> {
    let writing = Writing::new(api, call, target, Part::Spec("scale"))?;
    let set_replicas = |live: &Value| {
        let scale = wanted(&of_object(live))?;
        check(target, live, &scale)?;
        let mut object = live.clone();
        let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
        object["spec"]["replicas"] = replicas.into();
        Ok(Proposed::Updated(object))
    };
    let written = writing.update(&target.name, &set_replicas).await?;
    let scale = of_object(&written.into_object(target.resource));
    let mut response = json_response(StatusCode::OK, &scale);
    body::warn(&mut response, warnings);
    Ok(response)
}

fn check(target: &Target, live: &Value, scale: &Value) -> Result<(), ApiError> {
    let version = meta::resource_version(scale);
    if !version.is_empty() && version != meta::resource_version(live) {
        return Err(ApiError::modified(target.resource, &target.name));
    }
    if scale["spec"]["replicas"].as_i64().is_some_and(|it| it < 0) {
        let what = "must be greater than or equal to 0";
        let found = scale["spec"]["replicas"].clone();
        return Err(ApiError::Invalid {
            kind: crate::error::GroupKind::new("autoscaling", "Scale"),
            name: target.name.clone(),
            errors: vec![crate::error::invalid("spec.replicas", found, what)],
        });
    }
    Ok(())
}

fn of_object(object: &Value) -> Value {
    let mut metadata = json!({
        "name": meta::name(object),
        "namespace": meta::namespace(object),
        "uid": meta::uid(object),
        "resourceVersion": meta::resource_version(object),
    });
    if let Some(created) = object["metadata"].get("creationTimestamp") {
        metadata["creationTimestamp"] = created.clone();
    }
    let mut scale = json!({
        "kind": "Scale",
        "apiVersion": API_VERSION,
        "metadata": metadata,
        "spec": {},
        "status": { "replicas": object["status"]["replicas"].as_i64().unwrap_or(0) },
    });
    if let Some(replicas) = object["spec"]["replicas"].as_i64().filter(|it| *it != 0) {
        scale["spec"]["replicas"] = replicas.into();
    }
    let selector = selector_text(&object["spec"]["selector"]);
    if !selector.is_empty() {
        scale["status"]["selector"] = selector.into();
    }
    scale
}

/// A label selector as a query string; a ReplicationController has a plain map.
fn selector_text(selector: &Value) -> String {
    let labels = selector.get("matchLabels").or_else(|| {
        let is_plain = selector.get("matchExpressions").is_none();
        is_plain.then_some(selector)
    });
    let labels = labels.and_then(Value::as_object).into_iter().flatten();
    let equals =
        labels.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()));
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    equals.chain(expressions.map(expression_text)).collect::<Vec<_>>().join(",")
}

fn expression_text(expression: &Value) -> String {
    let key = expression["key"].as_str().unwrap_or_default();
    let values = expression["values"].as_array().into_iter().flatten();
    let values = values.filter_map(Value::as_str).collect::<Vec<_>>().join(",");
    match expression["operator"].as_str() {
        Some("In") => format!("{key} in ({values})"),
        Some("NotIn") => format!("{key} notin ({values})"),
        Some("DoesNotExist") => format!("!{key}"),
        _ => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_shows_replicas_and_selector() {
        let scale = of_object(&json!({
            "metadata": { "name": "web", "namespace": "dev", "uid": "u", "resourceVersion": "7" },
            "spec": { "replicas": 3, "selector": {
                "matchLabels": { "app": "web" },
                "matchExpressions": [{ "key": "tier", "operator": "In", "values": ["a", "b"] }],
            } },
            "status": { "replicas": 2 },
        }));
        assert_eq!(scale["spec"], json!({ "replicas": 3 }));
        assert_eq!(scale["status"], json!({ "replicas": 2, "selector": "app=web,tier in (a,b)" }));
    }
}
