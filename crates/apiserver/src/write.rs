//! How an object is written: every create and every change goes through here.

use std::sync::{Mutex, PoisonError};

use http::{Response, StatusCode};
use kobject::{
    Resource, Schema, default,
    managed::{self, Writer},
    meta, schema, validate,
};
use serde_json::Value;
use store::{Entry, WriteError};

use crate::{
    admission,
    api::{Api, key},
    body::{self, Body},
    call::Call,
    clock, convert, decode,
    error::{ApiError, GroupKind, GroupResource, invalid},
    expiry::expires,
    path::Target,
    present::Presenter,
    strategy::{self, Birth, Part},
};

/// How often a change is tried again when others write in between.
const ATTEMPTS_MAX: usize = 64;

/// A write to a resource on behalf of a request.
pub(crate) struct Writing<'a> {
    pub(crate) api: &'a Api,
    pub(crate) call: &'a Call,
    pub(crate) resource: &'static Resource,
    /// Empty for what has no namespace.
    pub(crate) namespace: &'a str,
    pub(crate) part: Part,
    pub(crate) is_dry_run: bool,
    schema: Schema,
    manager: String,
    /// What the client is told beside the answer.
    warnings: Mutex<Vec<String>>,
}

/// What a write wants the object to be.
#[derive(Debug)]
pub(crate) enum Proposed {
    /// The fields that change become the manager's.
    Updated(Value),
    /// Server-side apply has written `managedFields` already.
    Applied(Value),
}

/// What became of a write.
#[derive(Debug)]
pub(crate) enum Written {
    Stored(Entry),
    /// The object went with this write: its last finalizer is gone.
    Removed(Value),
    /// What a dry run would have stored.
    Dry(Value),
}

impl<'a> Writing<'a> {
    pub(crate) fn new(
        api: &'a Api,
        call: &'a Call,
        target: &'a Target,
        part: Part,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            api,
            call,
            resource: target.resource,
            namespace: &target.namespace,
            part,
            is_dry_run: call.is_dry_run()?,
            schema: schema::of(target.resource),
            manager: call.manager(),
            warnings: Mutex::new(Vec::new()),
        })
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(crate) fn writer<'b>(&'b self, api_version: &'b str) -> Writer<'b> {
        Writer {
            manager: &self.manager,
            api_version,
            subresource: self.part.subresource(),
            now: self.call.now,
        }
    }

    /// Tells the client something beside the answer, in place of what was told before.
    pub(crate) fn warn(&self, warnings: Vec<String>) {
        *self.warnings.lock().unwrap_or_else(PoisonError::into_inner) = warnings;
    }

    pub(crate) fn add_warnings(&self, warnings: Vec<String>) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).extend(warnings);
    }

    /// The answer to a write.
    pub(crate) fn respond(
        &self,
        presenter: &Presenter,
        code: StatusCode,
        written: Written,
    ) -> Response<Body> {
        let mut response = match written {
            Written::Stored(entry) => presenter.stored(code, &entry),
            Written::Removed(object) | Written::Dry(object) => presenter.one(code, object),
        };
        body::warn(&mut response, &self.warnings.lock().unwrap_or_else(PoisonError::into_inner));
        response
    }

    /// Creates an object that was decoded and checked.
    pub(crate) async fn create(&self, proposed: Proposed) -> Result<Written, ApiError> {
        let (object, is_applied) = self.place_new(proposed)?;
        admission::wait_for_others(self.api, self.resource, &object).await;
        let (object, name) = self.complete_new(object, is_applied)?;
        let _turn = self.allocation_turn().await;
        let object = admission::allocate_create(self.api, self.resource, object)?;
        if self.is_dry_run {
            if self.api.store.get(&self.key(&name)).is_some() {
                return Err(self.refused(&name, already_exists()));
            }
            return Ok(Written::Dry(object));
        }
        let stored = convert::to_stored(self.resource, object);
        let entry = self.api.store.create(&self.key(&name), stored).await;
        self.note_expiry(&self.key(&name)).await;
        entry.map(Written::Stored).map_err(|error| self.refused(&name, error))
    }

    /// Gives a new object its place and its name; it may come into being there.
    fn place_new(&self, proposed: Proposed) -> Result<(Value, bool), ApiError> {
        let (mut object, is_applied) = match proposed {
            Proposed::Updated(object) => (object, false),
            Proposed::Applied(object) => (object, true),
        };
        decode::set_place(&mut object, self.namespace)?;
        if !meta::resource_version(&object).is_empty() {
            return Err(ApiError::bad_request(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        set_name(&mut object);
        admission::permit_create(self.api, self.resource, &object)?;
        Ok((object, is_applied))
    }

    fn complete_new(
        &self,
        mut object: Value,
        is_applied: bool,
    ) -> Result<(Value, String), ApiError> {
        let resource = self.resource;
        let name = meta::name(&object).to_owned();
        default::apply_defaults(resource, &mut object);
        // The writer owns what it sent and the defaults, not what the cluster adds.
        if !is_applied {
            strategy::drop_managed_fields(&mut object);
            object = self.owned(None, object);
        }
        admission::mutate_create(self.api, self.call, resource, &mut object)?;
        let birth = Birth { uid: &clock::uid(), now: self.call.now };
        strategy::prepare_create(resource, &mut object, &birth);
        self.validate(&name, &object, None)?;
        admission::judge(self.api, resource, &object)?;
        self.add_warnings(admission::warnings(self.api, resource, &object));
        Ok((object, name))
    }

    /// Changes an object, from what it is now; tried again when somebody else writes in between.
    pub(crate) async fn update(
        &self,
        name: &str,
        change: &(dyn Fn(&Value) -> Result<Proposed, ApiError> + Sync),
    ) -> Result<Written, ApiError> {
        let key = self.key(name);
        for _ in 0..ATTEMPTS_MAX {
            let entry =
                self.api.store.get(&key).ok_or_else(|| ApiError::not_found(self.resource, name))?;
            let live = convert::from_stored(self.resource, entry.object());
            let new = self.prepare_update(name, &live, change(&live)?)?;
            let _turn = self.allocation_turn().await;
            let new = admission::allocate_update(self.api, self.resource, &live, new)?;
            if is_same(&live, &new) {
                return Ok(Written::Stored(entry));
            }
            if self.is_dry_run {
                return Ok(Written::Dry(at_version(new, &live)));
            }
            match self.replace(&entry, new).await {
                Err(WriteError::Conflict { .. }) => {}
                other => return other.map_err(|error| self.refused(name, error)),
            }
        }
        Err(ApiError::modified(self.resource, name))
    }

    fn prepare_update(
        &self,
        name: &str,
        live: &Value,
        proposed: Proposed,
    ) -> Result<Value, ApiError> {
        let resource = self.resource;
        let (mut new, is_applied) = match proposed {
            Proposed::Updated(object) => (object, false),
            Proposed::Applied(object) => (object, true),
        };
        self.check_preconditions(name, live, &new)?;
        decode::set_place(&mut new, self.namespace)?;
        default::apply_defaults(resource, &mut new);
        if !is_applied {
            new = self.owned(Some(live), new);
        }
        strategy::prepare_update(resource, self.part, live, &mut new);
        admission::mutate_update(resource, live, &mut new);
        strategy::bump_generation(resource, self.part, live, &mut new);
        if self.part != Part::Binding {
            self.validate(name, &new, Some(live))?;
        }
        let is_judged = live.get("spec") != new.get("spec") || resource.kind == "Namespace";
        if self.part == Part::Main && is_judged {
            admission::judge(self.api, resource, &new)?;
            self.add_warnings(admission::warnings(self.api, resource, &new));
        }
        Ok(new)
    }

    /// The object with `managedFields` that say what this update made the manager's.
    fn owned(&self, live: Option<&Value>, new: Value) -> Value {
        let api_version = self.resource.api_version();
        managed::update(&self.schema, live, new, &self.writer(&api_version))
    }

    /// A version or an identity in the new object says which one the writer has seen.
    fn check_preconditions(&self, name: &str, live: &Value, new: &Value) -> Result<(), ApiError> {
        let said = meta::name(new);
        if said != name {
            return Err(ApiError::bad_request(format!(
                "the name of the object ({said}) does not match the name on the URL ({name})"
            )));
        }
        let version = meta::resource_version(new);
        if version.is_empty() && self.part == Part::Main && needs_version(self.resource) {
            let GroupResource { group, plural } = self.resource.into();
            return Err(ApiError::Invalid {
                kind: GroupKind::new(&group, &plural),
                name: name.to_owned(),
                errors: vec![invalid(
                    "metadata.resourceVersion",
                    0,
                    "must be specified for an update",
                )],
            });
        }
        if !version.is_empty() && version != "0" && version != meta::resource_version(live) {
            return Err(ApiError::modified(self.resource, name));
        }
        let uid = meta::uid(new);
        if !uid.is_empty() && uid != meta::uid(live) {
            return Err(ApiError::Conflict {
                resource: self.resource.into(),
                name: name.to_owned(),
                why: format!(
                    "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                    meta::uid(live)
                ),
            });
        }
        Ok(())
    }

    async fn replace(&self, entry: &Entry, new: Value) -> Result<Written, WriteError> {
        let store = &self.api.store;
        if is_finished(self.resource, &new) {
            let last = store.delete(&entry.key, entry.mod_revision).await?;
            return Ok(Written::Removed(at_version(new, &last.object())));
        }
        let stored = convert::to_stored(self.resource, new);
        self.note_expiry(&entry.key).await;
        store.update(&entry.key, stored, entry.mod_revision).await.map(Written::Stored)
    }

    /// Some objects are kept for a while only, and make room for each other.
    async fn note_expiry(&self, key: &str) {
        if expires(self.resource) {
            self.api.expiry.note(key, self.call.now);
            self.api.expiry.sweep(&self.api.store, self.call.now).await;
        }
    }

    fn validate(&self, name: &str, new: &Value, old: Option<&Value>) -> Result<(), ApiError> {
        let errors = validate::validate(self.resource, new, old);
        if errors.is_empty() {
            return Ok(());
        }
        Err(ApiError::invalid(self.resource, name, errors))
    }

    /// Services get their addresses one after the other.
    async fn allocation_turn(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if admission::allocates(self.resource) {
            Some(self.api.allocation.lock().await)
        } else {
            None
        }
    }

    fn key(&self, name: &str) -> String {
        key(self.resource, self.namespace, name)
    }

    fn refused(&self, name: &str, error: WriteError) -> ApiError {
        ApiError::write(self.resource, name, error)
    }
}

/// The kinds that may only be updated by who has seen the current version.
///
/// Source: kubernetes 1.34, `AllowUnconditionalUpdate` in `pkg/registry/*/*/strategy.go`.
fn needs_version(resource: &Resource) -> bool {
    matches!(
        resource.kind.as_str(),
        "Lease"
            | "PodDisruptionBudget"
            | "RuntimeClass"
            | "CSIDriver"
            | "CSINode"
            | "CSIStorageCapacity"
            | "VolumeAttachment"
    )
}

fn already_exists() -> WriteError {
    WriteError::AlreadyExists { key: "".into() }
}

/// The longest part of a generated name that the client chooses. Source: apiserver 0.34, `storage/names`.
const GENERATED_BASE_MAX: usize = 58;

fn set_name(object: &mut Value) {
    if !meta::name(object).is_empty() || meta::generate_name(object).is_empty() {
        return;
    }
    let base: String = meta::generate_name(object).chars().take(GENERATED_BASE_MAX).collect();
    let name = format!("{base}{}", clock::name_suffix());
    meta::metadata_mut(object).insert("name".to_owned(), name.into());
}

/// Whether an object that is being deleted has nothing left to wait for.
pub(crate) fn is_finished(resource: &Resource, object: &Value) -> bool {
    let metadata = &object["metadata"];
    let has_spec_finalizers = resource.kind == "Namespace"
        && object["spec"]["finalizers"].as_array().is_some_and(|it| !it.is_empty());
    !metadata["deletionTimestamp"].is_null()
        && metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0
        && meta::finalizers(object).is_empty()
        && !has_spec_finalizers
}

/// Shows a version that the store did not stamp: a dry run's object has and keeps that of the live one.
fn at_version(mut new: Value, other: &Value) -> Value {
    let version = other["metadata"]["resourceVersion"].clone();
    meta::metadata_mut(&mut new).insert("resourceVersion".to_owned(), version);
    new
}

/// Whether a write would change nothing: only its own version and the times of its managers may differ.
fn is_same(live: &Value, new: &Value) -> bool {
    let fields = |object: &Value, skip: &[&str]| -> Vec<(String, Value)> {
        let fields = object.as_object().into_iter().flatten();
        let kept = fields.filter(|(name, _)| !skip.contains(&name.as_str()));
        kept.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let managers = |object: &Value| -> Vec<Vec<(String, Value)>> {
        let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
        entries.map(|it| fields(it, &["time"])).collect()
    };
    let same =
        |skip: &[&str], left: &Value, right: &Value| fields(left, skip) == fields(right, skip);
    same(&["metadata"], live, new)
        && same(&["resourceVersion", "managedFields"], &live["metadata"], &new["metadata"])
        && managers(live) == managers(new)
}
