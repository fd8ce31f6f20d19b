//! `get`: one object.

use http::{Response, StatusCode};
use store::Entry;

use crate::{
    api::{Api, key},
    body::Body,
    call::Call,
    error::ApiError,
    path::Target,
    present::Presenter,
};

pub(crate) fn get(api: &Api, call: &Call, target: &Target) -> Result<Response<Body>, ApiError> {
    let presenter = Presenter::new(call, target.resource)?;
    Ok(presenter.stored(StatusCode::OK, &find(api, target)?))
}

/// The stored object that a path names.
pub(crate) fn find(api: &Api, target: &Target) -> Result<Entry, ApiError> {
    let Target { resource, namespace, name, .. } = target;
    let entry = api.store.get(&key(resource, namespace, name));
    entry.ok_or_else(|| ApiError::not_found(resource, name))
}
