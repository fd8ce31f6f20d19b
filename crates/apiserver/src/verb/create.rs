//! `create`: a new object.

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

pub(crate) async fn create(
    api: &Api,
    call: &Call,
    target: &Target,
) -> Result<Response<Body>, ApiError> {
    let resource = target.resource;
    let presenter = Presenter::new(call, resource)?;
    let writing = Writing::new(api, call, target, Part::Main)?;
    let api_version = resource.api_version();
    let schema = schema::of(resource);
    let expected = Expected { api_version: &api_version, kind: &resource.kind, schema: &schema };
    let (object, warnings) = decode::body(call, &expected)?;
    writing.warn(warnings);
    let written = writing.create(Proposed::Updated(object)).await?;
    Ok(writing.respond(&presenter, StatusCode::CREATED, written))
}
