//! `list`: the objects of a collection, in pages when asked for.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Response;
use kobject::Resource;
use serde_json::{Value, json};
use store::Entry;

use super::select::Selection;
use crate::{
    accept::Form,
    api::{Api, prefix_in},
    body::Body,
    call::Call,
    convert,
    error::ApiError,
    path::Target,
    present::{ListMeta, Presenter},
};

pub(crate) fn list(api: &Api, call: &Call, target: &Target) -> Result<Response<Body>, ApiError> {
    let presenter = Presenter::new(call, target.resource)?;
    let selection = Selection::read(call, target)?;
    let start = Start::read(api, call)?;
    let (entries, revision) = entries(api, target, &start)?;
    let limit = call.query.number("limit")?.filter(|it| *it > 0);
    let limit = limit.map_or(usize::MAX, |it| usize::try_from(it).unwrap_or(usize::MAX));
    let page = page(target.resource, &selection, entries, limit);
    let meta = ListMeta {
        revision,
        continue_token: page.next_after.map(|after| token(revision, &after)),
        remaining: page.remaining,
    };
    if presenter.form == Form::Object && !convert::is_converted(target.resource) {
        return Ok(presenter.list_stored(page.entries.iter().map(|it| &it.value), &meta));
    }
    let object = |it: &Entry| convert::from_stored(target.resource, it.object());
    Ok(presenter.list(&page.entries.iter().map(object).collect::<Vec<Value>>(), &meta))
}

/// Where a list begins.
struct Start {
    /// The revision that the list shows; the current one when nothing is said.
    at: Option<u64>,
    /// The last key of the page before.
    after: Option<String>,
}

impl Start {
    fn read(api: &Api, call: &Call) -> Result<Self, ApiError> {
        let token = call.query.text("continue");
        if !token.is_empty() {
            let (at, after) = read_token(token).ok_or_else(|| {
                ApiError::bad_request("continue key is not valid: it was not made by this server")
            })?;
            return Ok(Self { at: Some(at), after: Some(after) });
        }
        let requested = call.query.number("resourceVersion")?.unwrap_or(0);
        let current = api.store.revision();
        if requested > current {
            return Err(ApiError::TooLargeResourceVersion { requested, current });
        }
        let is_exact = call.query.text("resourceVersionMatch") == "Exact";
        Ok(Self { at: is_exact.then_some(requested), after: None })
    }
}

fn entries(api: &Api, target: &Target, start: &Start) -> Result<(Vec<Entry>, u64), ApiError> {
    let prefix = prefix_in(target.resource, &target.namespace);
    let (mut entries, revision) = match start.at {
        None => api.store.list(&prefix),
        Some(at) => {
            let entries = api.store.list_at(&prefix, at).map_err(|gone| {
                let message = match start.after {
                    Some(_) => "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.".to_owned(),
                    None => too_old(gone.requested, gone.oldest),
                };
                ApiError::Expired { message }
            })?;
            (entries, at)
        }
    };
    if let Some(after) = &start.after {
        entries.retain(|entry| &*entry.key > after.as_str());
    }
    Ok((entries, revision))
}

/// What watches and lists say of a revision that the history no longer has.
pub(crate) fn too_old(requested: u64, oldest: u64) -> String {
    format!("too old resource version: {requested} ({oldest})")
}

struct Page {
    entries: Vec<Entry>,
    /// The key to go on after, when there is more.
    next_after: Option<String>,
    remaining: Option<usize>,
}

fn page(resource: &Resource, selection: &Selection, mut entries: Vec<Entry>, limit: usize) -> Page {
    let is_everything = selection.is_everything();
    if !is_everything {
        entries.retain(|it| selection.matches(&convert::from_stored(resource, it.object())));
    }
    if entries.len() <= limit {
        return Page { entries, next_after: None, remaining: None };
    }
    let remaining = is_everything.then_some(entries.len() - limit);
    entries.truncate(limit);
    let next_after = entries.last().map(|it| it.key.to_string());
    Page { entries, next_after, remaining }
}

fn token(revision: u64, after: &str) -> String {
    let token = json!({ "v": "meta.k8s.io/v1", "rv": revision, "start": after });
    URL_SAFE_NO_PAD.encode(token.to_string())
}

fn read_token(token: &str) -> Option<(u64, String)> {
    let bytes = URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).ok()?;
    let token: Value = serde_json::from_slice(&bytes).ok()?;
    Some((token["rv"].as_u64()?, token["start"].as_str()?.to_owned()))
}
