//! Objects in the form that a client asked for.

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use kobject::{
    Resource,
    table::{IncludeObject, partial_object_metadata, table_including},
};
use serde_json::{Value, json};
use store::Entry;

use crate::{
    accept::{self, Form},
    body::{Body, bytes_response, json_response},
    call::Call,
    convert,
    error::ApiError,
};

/// How objects of one resource go out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Presenter {
    pub(crate) resource: &'static Resource,
    pub(crate) form: Form,
    pub(crate) included: IncludeObject,
    pub(crate) now: Timestamp,
}

/// The metadata of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListMeta {
    pub(crate) revision: u64,
    pub(crate) continue_token: Option<String>,
    pub(crate) remaining: Option<usize>,
}

impl ListMeta {
    fn to_json(&self) -> Value {
        let mut meta = json!({ "resourceVersion": self.revision.to_string() });
        if let Some(token) = &self.continue_token {
            meta["continue"] = token.as_str().into();
        }
        if let Some(remaining) = self.remaining {
            meta["remainingItemCount"] = remaining.into();
        }
        meta
    }
}

impl Presenter {
    pub(crate) fn new(call: &Call, resource: &'static Resource) -> Result<Self, ApiError> {
        let included = match call.query.text("includeObject") {
            "None" => IncludeObject::None,
            "Object" => IncludeObject::Object,
            _ => IncludeObject::Metadata,
        };
        Ok(Self { resource, form: accept::form(&call.headers)?, included, now: call.now })
    }

    pub(crate) fn one(&self, code: StatusCode, object: Value) -> Response<Body> {
        json_response(code, &self.form_of(object))
    }

    /// The same for an object as it is stored.
    pub(crate) fn stored(&self, code: StatusCode, entry: &Entry) -> Response<Body> {
        if self.form == Form::Object && !convert::is_converted(self.resource) {
            return bytes_response(code, "application/json", entry.value.clone());
        }
        self.one(code, convert::from_stored(self.resource, entry.object()))
    }

    /// An object, or the table or the metadata of it.
    pub(crate) fn form_of(&self, object: Value) -> Value {
        match self.form {
            Form::Object => object,
            Form::Metadata => partial_object_metadata(&object),
            Form::Table => {
                let meta = json!({ "resourceVersion": object["metadata"]["resourceVersion"] });
                self.table(&[&object], meta)
            }
        }
    }

    pub(crate) fn list(&self, objects: &[Value], meta: &ListMeta) -> Response<Body> {
        let meta = meta.to_json();
        let list = match self.form {
            Form::Table => self.table(&objects.iter().collect::<Vec<_>>(), meta),
            Form::Metadata => json!({
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": meta,
                "items": objects.iter().map(partial_object_metadata).collect::<Vec<Value>>(),
            }),
            Form::Object => json!({
                "kind": self.resource.list_kind,
                "apiVersion": self.resource.api_version(),
                "metadata": meta,
                "items": objects,
            }),
        };
        json_response(StatusCode::OK, &list)
    }

    /// A list of objects as they are stored, without taking them apart.
    pub(crate) fn list_stored<'a>(
        &self,
        objects: impl Iterator<Item = &'a Bytes>,
        meta: &ListMeta,
    ) -> Response<Body> {
        let head = json!({ "kind": self.resource.list_kind, "apiVersion": self.resource.api_version(), "metadata": meta.to_json() });
        let mut out = head.to_string().into_bytes();
        out.pop();
        out.extend_from_slice(b",\"items\":[");
        let mut separator: &[u8] = b"";
        for object in objects {
            out.extend_from_slice(separator);
            out.extend_from_slice(object);
            separator = b",";
        }
        out.extend_from_slice(b"]}");
        bytes_response(StatusCode::OK, "application/json", out.into())
    }

    fn table(&self, objects: &[&Value], meta: Value) -> Value {
        let mut table = table_including(self.resource, objects, self.now, self.included);
        table["metadata"] = meta;
        table
    }
}
