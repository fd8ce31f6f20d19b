//! `watch`: what happens to the objects of a collection, as it happens.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream::unfold;
use http::Response;
use kobject::meta;
use serde_json::{Value, json};
use store::{Change, Compacted, Entry, Event};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{list::too_old, select::Selection};
use crate::{
    accept::Form,
    api::{Api, prefix_in},
    body::{Body, stream_response},
    call::Call,
    convert,
    error::{ApiError, GroupKind, required},
    path::Target,
    present::Presenter,
    status,
};

/// How many events are rendered into one piece.
const EVENTS_AT_ONCE: usize = 64;

/// How often a watch is told how far it has come. Source: apiserver 0.34, `storage/cacher`.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

/// How long a watch lasts when its client sets no limit.
const LASTS: Duration = Duration::from_secs(45 * 60);

pub(crate) fn watch(api: &Api, call: &Call, target: &Target) -> Result<Response<Body>, ApiError> {
    let presenter = Presenter::new(call, target.resource)?;
    let selection = Selection::read(call, target)?;
    let wants_bookmarks = call.query.flag("allowWatchBookmarks");
    let lasts = call.query.number("timeoutSeconds")?.map_or(LASTS, Duration::from_secs);
    let mut view = View { presenter, selection, has_columns_sent: false };
    let (first, watch) = begin(api, call, target, &mut view)?;
    let now = tokio_now();
    let state = Watching {
        view,
        first: Some(first),
        watch,
        told: 0,
        bookmark_at: wants_bookmarks.then(|| now + BOOKMARK_EVERY),
        ends_at: now + lasts,
        shutdown: api.config.shutdown.clone(),
    };
    let stream = unfold(state, |mut state| async move {
        let piece = state.next().await?;
        Some((Ok::<Bytes, io::Error>(piece), state))
    });
    Ok(stream_response("application/json", stream))
}

fn tokio_now() -> Instant {
    Instant::now()
}

/// What is sent at once, and the watch that follows; no watch when there is nothing to follow.
fn begin(
    api: &Api,
    call: &Call,
    target: &Target,
    view: &mut View,
) -> Result<(Vec<u8>, Option<store::Watch>), ApiError> {
    let prefix = prefix_in(target.resource, &target.namespace);
    let version = call.query.text("resourceVersion");
    let wants_initial = call.query.flag("sendInitialEvents");
    check_initial(call, wants_initial)?;
    let is_from_now = matches!(version, "" | "0");
    let mut out = Vec::new();
    if wants_initial || is_from_now && call.query.text("sendInitialEvents") != "false" {
        let (entries, watch) = api.store.list_and_watch(&prefix);
        for entry in &entries {
            view.initial(&mut out, entry);
        }
        if wants_initial && call.query.flag("allowWatchBookmarks") {
            view.bookmark(&mut out, watch.position(), true);
        }
        return Ok((out, Some(watch)));
    }
    let after = if is_from_now {
        Some(api.store.revision())
    } else {
        call.query.number("resourceVersion")?
    };
    match api.store.watch(&prefix, after.unwrap_or_default()) {
        Ok(watch) => Ok((out, Some(watch))),
        Err(gone) => {
            push_gone(&mut out, gone);
            Ok((out, None))
        }
    }
}

/// Source: apimachinery 0.34, `apis/meta/internalversion/validation`.
fn check_initial(call: &Call, wants_initial: bool) -> Result<(), ApiError> {
    if wants_initial && call.query.text("resourceVersionMatch") != "NotOlderThan" {
        return Err(ApiError::Invalid {
            kind: GroupKind::new("meta.k8s.io", "ListOptions"),
            name: String::new(),
            errors: vec![required(
                "resourceVersionMatch",
                "must be NotOlderThan when sendInitialEvents is set",
            )],
        });
    }
    Ok(())
}

/// A watch that is under way.
struct Watching {
    view: View,
    first: Option<Vec<u8>>,
    watch: Option<store::Watch>,
    /// The revision of the last bookmark.
    told: u64,
    bookmark_at: Option<Instant>,
    ends_at: Instant,
    shutdown: CancellationToken,
}

impl Watching {
    /// The next piece of the answer; none at its end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take().filter(|it| !it.is_empty()) {
            return Some(first.into());
        }
        loop {
            let watch = self.watch.as_mut()?;
            let far = self.ends_at + LASTS;
            tokio::select! {
                events = watch.next(EVENTS_AT_ONCE) => {
                    let piece = self.render(events);
                    if !piece.is_empty() {
                        return Some(piece.into());
                    }
                }
                () = sleep_until(self.bookmark_at.unwrap_or(far)) => {
                    self.bookmark_at = Some(tokio_now() + BOOKMARK_EVERY);
                    if let Some(piece) = self.bookmark() {
                        return Some(piece);
                    }
                }
                () = sleep_until(self.ends_at) => {
                    self.watch = None;
                }
                () = self.shutdown.cancelled() => {
                    self.watch = None;
                }
            }
        }
    }

    fn render(&mut self, events: Result<Vec<Arc<Event>>, Compacted>) -> Vec<u8> {
        let mut out = Vec::new();
        match events {
            Ok(events) => {
                for event in events {
                    self.view.event(&mut out, &event);
                }
            }
            Err(gone) => {
                push_gone(&mut out, gone);
                self.watch = None;
            }
        }
        out
    }

    /// How far the watch has come, unless the client knows.
    fn bookmark(&mut self) -> Option<Bytes> {
        let position = self.watch.as_ref()?.position();
        if position == self.told {
            return None;
        }
        self.told = position;
        let mut out = Vec::new();
        self.view.bookmark(&mut out, position, false);
        Some(out.into())
    }
}

/// How one client sees the objects of a collection.
struct View {
    presenter: Presenter,
    selection: Selection,
    /// Only the first table names its columns.
    has_columns_sent: bool,
}

impl View {
    fn initial(&mut self, out: &mut Vec<u8>, entry: &Entry) {
        if self.selection.is_everything() {
            return self.push_entry(out, "ADDED", entry);
        }
        let object = self.object(entry);
        if self.selection.matches(&object) {
            self.push(out, "ADDED", object);
        }
    }

    /// A selector turns changes into comings and goings.
    fn event(&mut self, out: &mut Vec<u8>, event: &Event) {
        let is_deletion = matches!(event.change, Change::Delete { .. });
        if self.selection.is_everything() {
            let kind = match (is_deletion, event.prev()) {
                (true, _) => "DELETED",
                (false, Some(_)) => "MODIFIED",
                (false, None) => "ADDED",
            };
            return self.push_entry(out, kind, event.entry());
        }
        let prev = event.prev().map(|it| self.object(it)).filter(|it| self.selection.matches(it));
        let now = self.object(event.entry());
        let is_in = !is_deletion && self.selection.matches(&now);
        match (prev, is_in) {
            (None, true) => self.push(out, "ADDED", now),
            (Some(_), true) => self.push(out, "MODIFIED", now),
            (Some(mut prev), false) => {
                meta::metadata_mut(&mut prev)
                    .insert("resourceVersion".to_owned(), event.revision.to_string().into());
                self.push(out, "DELETED", prev);
            }
            (None, false) => {}
        }
    }

    /// Tells the client a revision that it may come back with.
    fn bookmark(&mut self, out: &mut Vec<u8>, revision: u64, is_end_of_initial: bool) {
        let resource = self.presenter.resource;
        let mut metadata =
            json!({ "resourceVersion": revision.to_string(), "creationTimestamp": null });
        if is_end_of_initial {
            metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        let object = match self.presenter.form {
            Form::Table => json!({
                "kind": "Table", "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata, "columnDefinitions": [], "rows": [],
            }),
            Form::Metadata => json!({
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
            }),
            Form::Object => json!({
                "kind": resource.kind, "apiVersion": resource.api_version(), "metadata": metadata,
            }),
        };
        push_event(out, "BOOKMARK", object.to_string().as_bytes());
    }

    fn object(&self, entry: &Entry) -> Value {
        convert::from_stored(self.presenter.resource, entry.object())
    }

    /// Sends an object as it is stored when that is what the client wants.
    fn push_entry(&mut self, out: &mut Vec<u8>, kind: &str, entry: &Entry) {
        if self.presenter.form == Form::Object && !convert::is_converted(self.presenter.resource) {
            return push_event(out, kind, &entry.value);
        }
        let object = self.object(entry);
        self.push(out, kind, object);
    }

    fn push(&mut self, out: &mut Vec<u8>, kind: &str, object: Value) {
        let mut object = self.presenter.form_of(object);
        if self.presenter.form == Form::Table && std::mem::replace(&mut self.has_columns_sent, true)
        {
            object["columnDefinitions"] = json!([]);
        }
        push_event(out, kind, object.to_string().as_bytes());
    }
}

fn push_event(out: &mut Vec<u8>, kind: &str, object: &[u8]) {
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"object\":");
    out.extend_from_slice(object);
    out.extend_from_slice(b"}\n");
}

/// The client has to list again.
fn push_gone(out: &mut Vec<u8>, gone: Compacted) {
    let error = ApiError::Expired { message: too_old(gone.requested, gone.oldest) };
    push_event(out, "ERROR", status::status(&error).to_string().as_bytes());
}
