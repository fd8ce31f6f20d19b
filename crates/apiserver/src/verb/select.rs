//! Which objects of a collection a request is about.

use kobject::{FieldSelector, LabelSelector};
use serde_json::Value;

use crate::{call::Call, error::ApiError, path::Target};

/// The selectors of a list, a watch or a deletion of many.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selection {
    pub(crate) fn read(call: &Call, target: &Target) -> Result<Self, ApiError> {
        let (labels, fields) = (call.query.text("labelSelector"), call.query.text("fieldSelector"));
        let labels_parsed = LabelSelector::parse(labels)
            .map_err(|error| ApiError::bad_request(error.to_string()))?;
        let mut text = fields.to_owned();
        if !target.name.is_empty() {
            // A watch on the path of one object.
            let separator = if text.is_empty() { "" } else { "," };
            text = format!("{text}{separator}metadata.name={}", target.name);
        }
        let fields_parsed = FieldSelector::parse(&text)
            .map_err(|error| ApiError::bad_request(error.to_string()))?;
        fields_parsed
            .check(target.resource)
            .map_err(|error| ApiError::bad_request(error.to_string()))?;
        Ok(Self { labels: labels_parsed, fields: fields_parsed })
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_everything() && self.fields.is_everything()
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.fields.matches(object) && self.labels.matches_object(object)
    }
}
