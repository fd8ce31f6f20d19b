//! `delete`: at once, or after a grace period and the finalizers.

use http::{Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use kobject::{Resource, meta, schema};
use serde_json::{Value, json};
use store::{Entry, WriteError};

use crate::{
    api::{Api, key},
    body::{Body, json_response},
    call::{Call, FieldValidation},
    convert, decode,
    error::{ApiError, GroupKind, GroupResource, unsupported},
    path::Target,
    present::Presenter,
    status,
    write::is_finished,
};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";
const POLICIES: &[&str] = &["Foreground", "Background", "Orphan", "nil"];

/// How often a deletion is tried again when others write in between.
const ATTEMPTS_MAX: usize = 64;

/// The `DeleteOptions` of a request: its body, else its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) grace_seconds: Option<i64>,
    pub(crate) propagation: Option<Propagation>,
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
    pub(crate) is_dry_run: bool,
}

/// What becomes of the objects that the deleted one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagation {
    Background,
    Foreground,
    Orphan,
}

impl Options {
    pub(crate) fn read(call: &Call) -> Result<Self, ApiError> {
        let body = read_body(call)?;
        let grace = match body["gracePeriodSeconds"].as_i64() {
            Some(seconds) => Some(seconds),
            None => call.query.number("gracePeriodSeconds")?.and_then(|it| i64::try_from(it).ok()),
        };
        let said = |field: &Value, name: &str| {
            let text = field.as_str().unwrap_or_else(|| call.query.text(name));
            Some(text.to_owned()).filter(|it| !it.is_empty())
        };
        let orphans = body["orphanDependents"].as_bool().or_else(|| {
            (!call.query.text("orphanDependents").is_empty())
                .then(|| call.query.flag("orphanDependents"))
        });
        let propagation = match said(&body["propagationPolicy"], "propagationPolicy").as_deref() {
            None => {
                orphans.map(|it| if it { Propagation::Orphan } else { Propagation::Background })
            }
            Some("Background") => Some(Propagation::Background),
            Some("Foreground") => Some(Propagation::Foreground),
            Some("Orphan") => Some(Propagation::Orphan),
            Some(other) => {
                return Err(ApiError::Invalid {
                    kind: GroupKind::new("meta.k8s.io", "DeleteOptions"),
                    name: String::new(),
                    errors: vec![unsupported("propagationPolicy", other, POLICIES)],
                });
            }
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Ok(Self {
            // A negative period counts as one second.
            grace_seconds: grace.map(|it| if it < 0 { 1 } else { it }),
            propagation,
            uid: text(&body["preconditions"]["uid"]),
            resource_version: text(&body["preconditions"]["resourceVersion"]),
            is_dry_run: call.is_dry_run()? || body["dryRun"] == json!(["All"]),
        })
    }
}

fn read_body(call: &Call) -> Result<Value, ApiError> {
    if call.body.is_empty() {
        return Ok(json!({}));
    }
    let mut body = call.json()?;
    if let Some(schema) = schema::of_kind("meta.k8s.io/v1", "DeleteOptions") {
        let expected =
            decode::Expected { api_version: "v1", kind: "DeleteOptions", schema: &schema };
        decode::check(&mut body, &expected, FieldValidation::Ignore, Vec::new())?;
    }
    Ok(body)
}

pub(crate) async fn delete(
    api: &Api,
    call: &Call,
    target: &Target,
) -> Result<Response<Body>, ApiError> {
    let presenter = Presenter::new(call, target.resource)?;
    let options = Options::read(call)?;
    let Target { resource, namespace, name, .. } = target;
    let gone = delete_named(api, resource, (namespace, name), &options, call.now).await?;
    Ok(match gone {
        // Pods come back as objects, as they always did; of others only the fact remains.
        Deleted::Gone(object) if resource.kind != "Pod" => {
            let mut details = json!({
                "name": name, "kind": resource.plural, "uid": meta::uid(&object),
            });
            if !resource.group.is_empty() {
                details["group"] = resource.group.as_str().into();
            }
            json_response(StatusCode::OK, &status::success(details))
        }
        Deleted::Gone(object) | Deleted::Pending(object) => presenter.one(StatusCode::OK, object),
    })
}

/// What a deletion came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deleted {
    Gone(Value),
    /// It is marked, and waits for somebody.
    Pending(Value),
}

/// Deletes one object by its namespace and name.
pub(crate) async fn delete_named(
    api: &Api,
    resource: &'static Resource,
    (namespace, name): (&str, &str),
    options: &Options,
    now: Timestamp,
) -> Result<Deleted, ApiError> {
    let key = key(resource, namespace, name);
    for _ in 0..ATTEMPTS_MAX {
        let entry = api.store.get(&key).ok_or_else(|| ApiError::not_found(resource, name))?;
        let object = convert::from_stored(resource, entry.object());
        let decision = decide(resource, &object, options, now)?;
        if options.is_dry_run {
            return Ok(match decision {
                Decision::Mark(marked) => Deleted::Pending(marked),
                Decision::Remove | Decision::Leave => Deleted::Gone(object),
            });
        }
        match carry_out(api, resource, &entry, decision).await {
            Err(WriteError::Conflict { .. }) => {}
            other => return other.map_err(|error| ApiError::write(resource, name, error)),
        }
    }
    Err(ApiError::modified(resource, name))
}

async fn carry_out(
    api: &Api,
    resource: &Resource,
    entry: &Entry,
    decision: Decision,
) -> Result<Deleted, WriteError> {
    let object = |entry: &Entry| convert::from_stored(resource, entry.object());
    match decision {
        Decision::Remove => {
            let last = api.store.delete(&entry.key, entry.mod_revision).await?;
            Ok(Deleted::Gone(object(&last)))
        }
        Decision::Mark(marked) => {
            let stored = convert::to_stored(resource, marked);
            let entry = api.store.update(&entry.key, stored, entry.mod_revision).await?;
            Ok(Deleted::Pending(object(&entry)))
        }
        Decision::Leave => Ok(Deleted::Pending(object(entry))),
    }
}

/// What a deletion does to the object.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Decision {
    Remove,
    /// The object with its deletion timestamp, for those who have to act before it goes.
    Mark(Value),
    /// It is marked already.
    Leave,
}

/// Source: apiserver 0.34, `registry/rest/delete.go` and `registry/generic/registry/store.go`.
fn decide(
    resource: &Resource,
    object: &Value,
    options: &Options,
    now: Timestamp,
) -> Result<Decision, ApiError> {
    check_preconditions(resource, object, options)?;
    check_namespace(resource, object)?;
    let mut marked = object.clone();
    set_finalizers(resource, options.propagation, &mut marked);
    let grace = grace_seconds(resource, object, options);
    match object["metadata"]["deletionGracePeriodSeconds"].as_i64() {
        // Only a shorter period may be set once it runs.
        Some(running) if running > 0 && options.grace_seconds.is_none_or(|it| it >= running) => {}
        Some(running) if grace > 0 => shorten(&mut marked, running, grace, now),
        _ => mark(&mut marked, grace, now),
    }
    if resource.kind == "Namespace" {
        marked["status"]["phase"] = "Terminating".into();
        meta::metadata_mut(&mut marked).remove("deletionGracePeriodSeconds");
    }
    if is_finished(resource, &marked) {
        return Ok(Decision::Remove);
    }
    Ok(if &marked == object { Decision::Leave } else { Decision::Mark(marked) })
}

fn check_preconditions(
    resource: &Resource,
    object: &Value,
    options: &Options,
) -> Result<(), ApiError> {
    // Here upstream names the kind where it names the resource elsewhere.
    let conflict = |why: String| ApiError::Conflict {
        resource: GroupResource { group: resource.group.clone(), plural: resource.kind.clone() },
        name: meta::name(object).to_owned(),
        why,
    };
    if let Some(uid) = options.uid.as_deref()
        && uid != meta::uid(object)
    {
        return Err(conflict(format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been deleted and then recreated",
            meta::uid(object)
        )));
    }
    if let Some(version) = options.resource_version.as_deref()
        && version != meta::resource_version(object)
    {
        return Err(conflict(format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({}). The object might have been modified",
            meta::resource_version(object)
        )));
    }
    Ok(())
}

/// Source: apiserver 0.34, `admission/plugin/namespace/lifecycle`.
fn check_namespace(resource: &Resource, object: &Value) -> Result<(), ApiError> {
    let name = meta::name(object);
    if resource.kind == "Namespace" && matches!(name, "default" | "kube-system" | "kube-public") {
        return Err(ApiError::forbidden(resource, name, "this namespace may not be deleted"));
    }
    Ok(())
}

fn set_finalizers(resource: &Resource, propagation: Option<Propagation>, object: &mut Value) {
    let default = match (resource.group.as_str(), resource.kind.as_str()) {
        // For backwards compatibility; kubectl asks for Background.
        ("batch", "Job") | ("", "ReplicationController") => Some(Propagation::Orphan),
        _ => None,
    };
    let Some(propagation) = propagation.or(default) else { return };
    let mut finalizers: Vec<String> = meta::finalizers(object)
        .into_iter()
        .filter(|it| !matches!(*it, FOREGROUND | ORPHAN))
        .map(str::to_owned)
        .collect();
    match propagation {
        Propagation::Background => {}
        Propagation::Foreground => finalizers.push(FOREGROUND.to_owned()),
        Propagation::Orphan => finalizers.push(ORPHAN.to_owned()),
    }
    let metadata = meta::metadata_mut(object);
    if finalizers.is_empty() {
        metadata.remove("finalizers");
    } else {
        metadata.insert("finalizers".to_owned(), finalizers.into());
    }
}

/// How long the object may take to end by itself: only pods that run somewhere get any time.
fn grace_seconds(resource: &Resource, object: &Value, options: &Options) -> i64 {
    if resource.kind != "Pod" || !resource.group.is_empty() {
        return 0;
    }
    let is_over = matches!(object["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    let is_nowhere = object["spec"]["nodeName"].as_str().unwrap_or_default().is_empty();
    if is_over || is_nowhere {
        return 0;
    }
    let default = object["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(30);
    options.grace_seconds.unwrap_or(default).max(0)
}

fn mark(object: &mut Value, grace: i64, now: Timestamp) {
    let is_first = object["metadata"]["deletionTimestamp"].is_null();
    let generation = meta::generation(object);
    let metadata = meta::metadata_mut(object);
    if is_first {
        let at = now + SignedDuration::from_secs(grace);
        metadata.insert("deletionTimestamp".to_owned(), meta::time(at).into());
        if generation > 0 {
            metadata.insert("generation".to_owned(), (generation + 1).into());
        }
    }
    metadata.insert("deletionGracePeriodSeconds".to_owned(), grace.into());
}

fn shorten(object: &mut Value, running: i64, grace: i64, now: Timestamp) {
    let ends = meta::deletion_timestamp(object).unwrap_or(now);
    let sooner = ends - SignedDuration::from_secs(running) + SignedDuration::from_secs(grace);
    let metadata = meta::metadata_mut(object);
    let (at, grace) = if sooner < now { (now, 1) } else { (sooner, grace) };
    metadata.insert("deletionTimestamp".to_owned(), meta::time(at).into());
    metadata.insert("deletionGracePeriodSeconds".to_owned(), grace.into());
}

#[cfg(test)]
mod tests;
