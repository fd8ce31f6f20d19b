//! `update`: a new version of an object, whole.

use http::{Response, StatusCode};
use kobject::schema;

use crate::{
    api::Api,
    body::Body,
    call::Call,
    decode::{self, Expected},
    error::ApiError,
    path::Target,
    present::Presenter,
    strategy::Part,
    write::{Proposed, Writing},
};

pub(crate) async fn update(
    api: &Api,
    call: &Call,
    target: &Target,
) -> Result<Response<Body>, ApiError> {
    update_part(api, call, target, Part::Main).await
}

/// The same for a part of the object that has a path of its own.
pub(crate) async fn update_part(
    api: &Api,
    call: &Call,
    target: &Target,
    part: Part,
) -> Result<Response<Body>, ApiError> {
    let resource = target.resource;
    let presenter = Presenter::new(call, resource)?;
    let writing = Writing::new(api, call, target, part)?;
    let api_version = resource.api_version();
    let schema = schema::of(resource);
    let expected = Expected { api_version: &api_version, kind: &resource.kind, schema: &schema };
    let (object, warnings) = decode::body(call, &expected)?;
    writing.warn(warnings);
    let written = writing.update(&target.name, &|_| Ok(Proposed::Updated(object.clone()))).await?;
    Ok(writing.respond(&presenter, StatusCode::OK, written))
}
