//! From a request to its handler.

use http::{Method, Response};

use crate::{
    api::Api,
    body::Body,
    call::Call,
    document,
    error::ApiError,
    path::{Route, Target, route},
    review, subresource, verb,
};

pub(crate) async fn dispatch(api: &Api, call: Call) -> Result<Response<Body>, ApiError> {
    let path = call.path.clone();
    match route(&path) {
        Route::Object(target) => object(api, call, &target).await,
        _ if call.method != Method::GET && call.method != Method::HEAD => {
            Err(ApiError::MethodNotAllowed)
        }
        Route::Root => Ok(document::root()),
        Route::Version => Ok(document::version()),
        Route::Health => Ok(document::health()),
        Route::CoreVersions => document::core_versions(api, &call),
        Route::Groups => document::groups(&call),
        Route::Group(group) => document::group(&call, group),
        Route::Resources { group, version } => document::resources(&call, group, version),
        Route::OpenApiIndex => document::openapi_index(&call),
        Route::OpenApiDocument { group, version } => {
            document::openapi_document(api, &call, group, version)
        }
        Route::OpenApiV2 => Err(ApiError::Unsupported {
            what: "OpenAPI v2; clients of Kubernetes 1.27 and later read /openapi/v3".to_owned(),
        }),
        Route::OpenIdConfiguration => document::openid_configuration(&call),
        Route::OpenIdKeys => Ok(document::openid_keys(api)),
        Route::Nothing => Err(ApiError::NoSuchPath),
    }
}

async fn object(api: &Api, call: Call, target: &Target) -> Result<Response<Body>, ApiError> {
    if review::is_review(target.resource) {
        return review::answer(api, &call, target);
    }
    if !target.subresource.is_empty() {
        return subresource::handle(api, call, target).await;
    }
    if target.resource.kind == "Binding" {
        return subresource::bind_named(api, &call, target).await;
    }
    let verb = verb_of(&call, target).ok_or(ApiError::MethodNotAllowed)?;
    if !target.resource.has_verb(verb) {
        return Err(ApiError::MethodNotAllowed);
    }
    match verb {
        "get" => verb::get(api, &call, target),
        "list" => verb::list(api, &call, target),
        "watch" => verb::watch(api, &call, target),
        "create" => verb::create(api, &call, target).await,
        "update" => verb::update(api, &call, target).await,
        "patch" => verb::patch(api, &call, target).await,
        "delete" => verb::delete(api, &call, target).await,
        _ => verb::delete_collection(api, &call, target).await,
    }
}

/// The API's verb: the method, and whether an object or a collection is addressed.
fn verb_of(call: &Call, target: &Target) -> Option<&'static str> {
    let is_collection = target.name.is_empty();
    Some(match (call.method.as_str(), is_collection) {
        ("GET" | "HEAD", _) if call.query.flag("watch") => "watch",
        ("GET" | "HEAD", true) => "list",
        ("GET" | "HEAD", false) => "get",
        ("POST", true) => "create",
        ("PUT", false) => "update",
        ("PATCH", false) => "patch",
        ("DELETE", false) => "delete",
        ("DELETE", true) => "deletecollection",
        _ => return None,
    })
}
