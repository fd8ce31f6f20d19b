//! `serviceaccounts/token`: a signed token for a service account.

use http::{Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use kobject::{meta, schema};
use serde_json::{Value, json};

use crate::{
    api::{Api, core_key},
    body::{Body, json_response},
    call::Call,
    clock,
    decode::{self, Expected},
    error::{ApiError, GroupKind, invalid},
    path::Target,
    token::{Bound, Claims, ISSUER},
    verb::find,
};

const SECONDS_DEFAULT: i64 = 3600;
const SECONDS_MIN: i64 = 600;

/// How much longer a token for a pod holds than it says. Source: kubernetes 1.34,
/// `pkg/serviceaccount/claims.go`, `WarnOnlyBoundTokenExpirationPeriod`.
const SECONDS_MAX: i64 = 1 << 32;

pub(crate) fn request(api: &Api, call: &Call, target: &Target) -> Result<Response<Body>, ApiError> {
    if call.method != http::Method::POST {
        return Err(ApiError::MethodNotAllowed);
    }
    let account = find(api, target)?.object();
    let untyped = || kobject::Schema::untyped("authentication.k8s.io", "TokenRequest");
    let schema =
        schema::of_kind("authentication.k8s.io/v1", "TokenRequest").unwrap_or_else(untyped);
    let expected =
        Expected { api_version: "authentication.k8s.io/v1", kind: "TokenRequest", schema: &schema };
    let (mut request, _) = decode::body(call, &expected)?;
    let spec = &request["spec"];
    let seconds = spec["expirationSeconds"].as_i64().unwrap_or(SECONDS_DEFAULT);
    check_seconds(seconds)?;
    let audiences: Vec<String> = spec["audiences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let audiences = if audiences.is_empty() { vec![ISSUER.to_owned()] } else { audiences };
    let expires = call.now + SignedDuration::from_secs(seconds);
    let claims = Claims {
        namespace: target.namespace.clone(),
        account: Bound { name: target.name.clone(), uid: meta::uid(&account).to_owned() },
        pod: bound_pod(api, target, &spec["boundObjectRef"])?,
        audiences: audiences.clone(),
        issued_at: call.now.as_second(),
        expires_at: expires.as_second(),
    };
    let token = api.config.token_key.sign(&claims, &clock::uid());
    complete(&mut request, target, (call.now, expires), &token);
    request["spec"]["audiences"] = audiences.into();
    request["spec"]["expirationSeconds"] = seconds.into();
    Ok(json_response(StatusCode::CREATED, &request))
}

fn check_seconds(seconds: i64) -> Result<(), ApiError> {
    let what = if seconds < SECONDS_MIN {
        "may not specify a duration less than 10 minutes"
    } else if seconds > SECONDS_MAX {
        "may not specify a duration larger than 2^32 seconds"
    } else {
        return Ok(());
    };
    Err(ApiError::Invalid {
        kind: GroupKind::new("authentication.k8s.io", "TokenRequest"),
        name: String::new(),
        errors: vec![invalid("spec.expirationSeconds", seconds, what)],
    })
}

/// The pod that a token is bound to; it must exist and be the one that is meant.
fn bound_pod(api: &Api, target: &Target, reference: &Value) -> Result<Option<Bound>, ApiError> {
    let Some(kind) = reference["kind"].as_str() else { return Ok(None) };
    if kind != "Pod" {
        return Err(ApiError::Unsupported { what: format!("tokens bound to a {kind} yet") });
    }
    let name = reference["name"].as_str().unwrap_or_default();
    let pods = kobject::catalog::by_plural("", "v1", "pods").expect("pods are built in");
    let entry = api.store.get(&core_key("pods", &target.namespace, name));
    let pod = entry.ok_or_else(|| ApiError::not_found(pods, name))?.object();
    let uid = meta::uid(&pod);
    match reference["uid"].as_str() {
        Some(wanted) if !wanted.is_empty() && wanted != uid => Err(ApiError::Conflict {
            resource: pods.into(),
            name: name.to_owned(),
            why: format!(
                "the UID in the bound object reference ({wanted}) does not match the UID in record. The object might have been deleted and then recreated"
            ),
        }),
        _ => Ok(Some(Bound { name: name.to_owned(), uid: uid.to_owned() })),
    }
}

fn complete(
    request: &mut Value,
    target: &Target,
    (now, expires): (Timestamp, Timestamp),
    token: &str,
) {
    request["metadata"] = json!({
        "name": target.name,
        "namespace": target.namespace,
        "creationTimestamp": meta::time(now),
    });
    request["status"] = json!({ "token": token, "expirationTimestamp": meta::time(expires) });
}
