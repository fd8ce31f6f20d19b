//! `deletecollection`: every selected object of a collection.

use http::Response;
use kobject::meta;
use serde_json::Value;

use super::{
    delete::{Deleted, Options, delete_named},
    select::Selection,
};
use crate::{
    api::{Api, prefix_in},
    body::Body,
    call::Call,
    convert,
    error::ApiError,
    path::Target,
    present::{ListMeta, Presenter},
};

pub(crate) async fn delete_collection(
    api: &Api,
    call: &Call,
    target: &Target,
) -> Result<Response<Body>, ApiError> {
    let resource = target.resource;
    let presenter = Presenter::new(call, resource)?;
    let selection = Selection::read(call, target)?;
    let options = Options::read(call)?;
    let (entries, _) = api.store.list(&prefix_in(resource, &target.namespace));
    let mut deleted: Vec<Value> = Vec::new();
    for entry in entries {
        let object = convert::from_stored(resource, entry.object());
        if !selection.matches(&object) {
            continue;
        }
        let place = (meta::namespace(&object), meta::name(&object));
        match delete_named(api, resource, place, &options, call.now).await {
            Ok(Deleted::Gone(object) | Deleted::Pending(object)) => deleted.push(object),
            // Somebody else was faster.
            Err(ApiError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let meta = ListMeta { revision: api.store.revision(), ..ListMeta::default() };
    Ok(presenter.list(&deleted, &meta))
}
