//! Reviews: questions about users and what they may do, answered and never stored.

use http::{Response, StatusCode};
use kobject::{Resource, schema};
use serde_json::{Value, json};

use crate::{
    api::Api,
    auth::{Identity, MASTERS, from_token},
    body::{self, Body, json_response},
    call::Call,
    decode::{self, Expected},
    error::ApiError,
    path::Target,
};

/// What this cluster says about every permission beyond the masters'.
const NOT_ENFORCED: &str =
    "this cluster does not enforce roles: every authenticated user may do everything";

pub(crate) fn is_review(resource: &Resource) -> bool {
    matches!(resource.group.as_str(), "authentication.k8s.io" | "authorization.k8s.io")
}

pub(crate) fn answer(api: &Api, call: &Call, target: &Target) -> Result<Response<Body>, ApiError> {
    if call.method != http::Method::POST {
        return Err(ApiError::MethodNotAllowed);
    }
    let resource = target.resource;
    let api_version = resource.api_version();
    let schema = schema::of(resource);
    let expected = Expected { api_version: &api_version, kind: &resource.kind, schema: &schema };
    let (mut review, warnings) = decode::body(call, &expected)?;
    review["status"] = match resource.kind.as_str() {
        "SelfSubjectReview" => json!({ "userInfo": call.identity.user_info() }),
        "SelfSubjectAccessReview" => access(&call.identity.groups),
        "SubjectAccessReview" | "LocalSubjectAccessReview" => {
            let groups = review["spec"]["groups"].as_array().into_iter().flatten();
            access(&groups.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>())
        }
        "SelfSubjectRulesReview" => rules(),
        "TokenReview" => token(api, call, &review),
        kind => return Err(ApiError::Unsupported { what: format!("{kind} yet") }),
    };
    let mut response = json_response(StatusCode::CREATED, &review);
    body::warn(&mut response, &warnings);
    Ok(response)
}

fn access(groups: &[String]) -> Value {
    let is_master = groups.iter().any(|it| it == MASTERS);
    let reason = if is_master { "" } else { NOT_ENFORCED };
    json!({ "allowed": true, "reason": reason })
}

fn rules() -> Value {
    json!({
        "resourceRules": [{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }],
        "nonResourceRules": [{ "verbs": ["*"], "nonResourceURLs": ["*"] }],
        "incomplete": false,
    })
}

fn token(api: &Api, call: &Call, review: &Value) -> Value {
    let token = review["spec"]["token"].as_str().unwrap_or_default();
    match from_token(api, token, call.now) {
        Some(identity) => authenticated(&identity),
        None => json!({ "user": {}, "error": "invalid bearer token" }),
    }
}

fn authenticated(identity: &Identity) -> Value {
    json!({
        "authenticated": true,
        "user": identity.user_info(),
        "audiences": [crate::token::ISSUER],
    })
}
