//! `patch`: a change of an object, in one of four forms.

use http::{Response, StatusCode};
use kobject::{managed, meta, patch as patches, schema};
use serde_json::Value;

use crate::{
    api::{Api, key},
    body::Body,
    call::{Call, FieldValidation, parse},
    decode::{self, Expected},
    error::{ApiError, Cause, GroupKind, invalid, required},
    path::Target,
    present::Presenter,
    strategy::Part,
    write::{Proposed, Writing, Written},
};

/// The media types of patches.
const ACCEPTED: &str = "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml";

/// The body of a patch request.
#[derive(Clone, Debug)]
pub(crate) enum Patch {
    Json(Value),
    Merge(Value),
    Strategic(Value),
    /// Server-side apply.
    Apply(Value),
}

impl Patch {
    pub(crate) fn read(call: &Call) -> Result<Self, ApiError> {
        let form: fn(Value) -> Self = match call.content_type() {
            "application/json-patch+json" => Self::Json,
            "application/merge-patch+json" => Self::Merge,
            "application/strategic-merge-patch+json" => Self::Strategic,
            // JSON is YAML, and the only YAML that clients send: kubectl, helm and the libraries encode so.
            "application/apply-patch+yaml" => Self::Apply,
            found => {
                let found = found.to_owned();
                return Err(ApiError::UnsupportedMediaType { accepted: ACCEPTED, found });
            }
        };
        parse(&call.body).map(form)
    }

    /// The object after the patch; apply is not meant here.
    pub(crate) fn changed(
        &self,
        schema: &kobject::Schema,
        live: &Value,
    ) -> Result<Value, ApiError> {
        let refused = |error: patches::PatchError| {
            let message = error.to_string();
            match error.is_bad_request() {
                true => ApiError::BadRequest { message },
                false => ApiError::Unprocessable { message },
            }
        };
        match self {
            Self::Json(patch) => patches::json_patch(live, patch).map_err(refused),
            Self::Merge(patch) | Self::Apply(patch) => Ok(patches::merge_patch(live, patch)),
            Self::Strategic(patch) => {
                patches::strategic_merge(schema, live, patch).map_err(refused)
            }
        }
    }
}

impl Patch {
    /// Upstream blames the patch, not the object, for unknown fields.
    fn judge(&self, validation: FieldValidation, problems: &[String]) -> Result<(), ApiError> {
        if validation != FieldValidation::Strict || problems.is_empty() {
            return Ok(());
        }
        let (Self::Json(patch) | Self::Merge(patch) | Self::Strategic(patch) | Self::Apply(patch)) =
            self;
        let what = format!("strict decoding error: {}", problems.join(", "));
        Err(ApiError::Invalid {
            kind: GroupKind::new("", ""),
            name: String::new(),
            errors: vec![invalid("patch", patch.to_string(), &what)],
        })
    }
}

pub(crate) async fn patch(
    api: &Api,
    call: &Call,
    target: &Target,
) -> Result<Response<Body>, ApiError> {
    patch_part(api, call, target, Part::Main).await
}

/// The same for a part of the object that has a path of its own.
pub(crate) async fn patch_part(
    api: &Api,
    call: &Call,
    target: &Target,
    part: Part,
) -> Result<Response<Body>, ApiError> {
    let presenter = Presenter::new(call, target.resource)?;
    let writing = Writing::new(api, call, target, part)?;
    let patch = Patch::read(call)?;
    if let Patch::Apply(applied) = patch {
        return apply(&writing, &presenter, target, applied).await;
    }
    let resource = target.resource;
    let validation = call.field_validation()?;
    let api_version = resource.api_version();
    let schema = schema::of(resource);
    let expected = Expected { api_version: &api_version, kind: &resource.kind, schema: &schema };
    let change = |live: &Value| {
        let mut object = patch.changed(&schema, live)?;
        decode::set_type(&mut object, &expected)?;
        let found = decode::check(&mut object, &expected, FieldValidation::Warn, Vec::new())?;
        patch.judge(validation, &found)?;
        // Another attempt starts from nothing.
        writing.warn(if validation == FieldValidation::Warn { found } else { Vec::new() });
        Ok(Proposed::Updated(object))
    };
    let written = writing.update(&target.name, &change).await?;
    Ok(writing.respond(&presenter, StatusCode::OK, written))
}

/// Server-side apply: the object is made when it is missing.
async fn apply(
    writing: &Writing<'_>,
    presenter: &Presenter,
    target: &Target,
    mut applied: Value,
) -> Result<Response<Body>, ApiError> {
    let call = writing.call;
    let is_forced = call.query.flag("force");
    let warnings = check_applied(call, target, &mut applied)?;
    let schema = writing.schema();
    let api_version = target.resource.api_version();
    let merge = |live: Option<&Value>| {
        let writer = writing.writer(&api_version);
        // Another attempt starts from nothing.
        writing.warn(warnings.clone());
        managed::apply(schema, live, &applied, &writer, is_forced)
            .map(Proposed::Applied)
            .map_err(|error| apply_error(&error))
    };
    let (code, written) = loop {
        if writing.api.store.get(&key(target.resource, &target.namespace, &target.name)).is_some() {
            match writing.update(&target.name, &|live| merge(Some(live))).await {
                // It went in between: then it is made anew.
                Err(ApiError::NotFound { .. }) if writing.part == Part::Main => {}
                written => break (StatusCode::OK, written?),
            }
        }
        if writing.part != Part::Main {
            return Err(ApiError::not_found(target.resource, &target.name));
        }
        match writing.create(merge(None)?).await {
            // It came in between: then it is changed.
            Err(ApiError::AlreadyExists { .. }) => {}
            written => break (StatusCode::CREATED, written?),
        }
    };
    Ok(writing.respond(presenter, code, written))
}

fn check_applied(
    call: &Call,
    target: &Target,
    applied: &mut Value,
) -> Result<Vec<String>, ApiError> {
    if call.query.text("fieldManager").is_empty() {
        return Err(ApiError::Invalid {
            kind: GroupKind::new("meta.k8s.io", "PatchOptions"),
            name: String::new(),
            errors: vec![required("fieldManager", "is required for apply patch")],
        });
    }
    let resource = target.resource;
    let schema = schema::of(resource);
    let api_version = resource.api_version();
    let expected = Expected { api_version: &api_version, kind: &resource.kind, schema: &schema };
    decode::set_type(applied, &expected)?;
    // Unknown fields and wrong types are found when the object is merged.
    let warnings = match call.field_validation()? {
        FieldValidation::Ignore => Vec::new(),
        validation => {
            let found = schema::duplicate_fields(&call.body).unwrap_or_default();
            decode::judge(&expected, validation, found)?
        }
    };
    if !target.namespace.is_empty() {
        let metadata = meta::metadata_mut(applied);
        metadata.entry("namespace".to_owned()).or_insert_with(|| target.namespace.as_str().into());
    }
    let said = meta::name(applied);
    if said.is_empty() {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({} based on URL) was undeterminable: name must be provided",
            target.name
        )));
    }
    if said != target.name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({said}) does not match the name on the URL ({})",
            target.name
        )));
    }
    Ok(warnings)
}

fn apply_error(error: &managed::ApplyError) -> ApiError {
    let cause = |conflict: &managed::Conflict| Cause {
        reason: "FieldManagerConflict".to_owned(),
        message: conflict.message(),
        field: conflict.path.clone(),
    };
    match error {
        managed::ApplyError::Conflicts { conflicts } => ApiError::ApplyConflict {
            message: error.to_string(),
            causes: conflicts.iter().map(cause).collect(),
        },
        managed::ApplyError::Typed { .. } => ApiError::Untyped { message: error.to_string() },
        other => ApiError::bad_request(other.to_string()),
    }
}

impl Written {
    /// The object that the write left, as the resource's own version has it.
    pub(crate) fn into_object(self, resource: &kobject::Resource) -> Value {
        match self {
            Self::Stored(entry) => crate::convert::from_stored(resource, entry.object()),
            Self::Removed(object) | Self::Dry(object) => object,
        }
    }
}
