//! What form of answer a client asks for.

use http::{HeaderMap, header};

use crate::error::ApiError;

/// The media types of answers.
const ACCEPTED: &str = "application/json";

/// The form of an object or a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Object,
    /// `meta.k8s.io/v1` Table: what kubectl prints.
    Table,
    /// `meta.k8s.io/v1` PartialObjectMetadata.
    Metadata,
}

/// Chooses the first form in the `Accept` header that this server has.
pub(crate) fn form(headers: &HeaderMap) -> Result<Form, ApiError> {
    let asked = accept(headers);
    let form = ranges(&asked).find_map(|range| range.form());
    form.ok_or(ApiError::NotAcceptable { accepted: ACCEPTED, asked })
}

/// Whether the client asks for aggregated discovery before anything else that is JSON.
pub(crate) fn is_aggregated_discovery(headers: &HeaderMap) -> bool {
    let asked = accept(headers);
    let wants = ranges(&asked).find_map(|range| match range.parameter("as") {
        _ if !range.is_json() => None,
        None => Some(false),
        Some("APIGroupDiscoveryList") if range.parameter("v") == Some("v2") => Some(true),
        Some(_) => None,
    });
    wants.unwrap_or(false)
}

/// Whether a plain JSON answer, for documents that have no other form, is acceptable.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let asked = accept(headers);
    if ranges(&asked).any(|range| range.is_json()) {
        Ok(())
    } else {
        Err(ApiError::NotAcceptable { accepted: ACCEPTED, asked })
    }
}

fn accept(headers: &HeaderMap) -> String {
    let values: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|it| it.to_str().ok()).collect();
    if values.is_empty() { "*/*".to_owned() } else { values.join(",") }
}

/// One entry of an `Accept` header.
struct Range<'a> {
    media_type: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

fn ranges(accept: &str) -> impl Iterator<Item = Range<'_>> {
    accept.split(',').map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let parameters = parts.filter_map(|it| it.split_once('=')).collect();
        Range { media_type, parameters }
    })
}

impl Range<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(it, _)| *it == name).map(|(_, value)| *value)
    }

    fn is_json(&self) -> bool {
        matches!(self.media_type, "application/json" | "application/*" | "*/*")
    }

    fn form(&self) -> Option<Form> {
        if !self.is_json() {
            return None;
        }
        let is_v1_meta =
            self.parameter("v") == Some("v1") && self.parameter("g") == Some("meta.k8s.io");
        match self.parameter("as") {
            None => Some(Form::Object),
            Some("Table") if is_v1_meta => Some(Form::Table),
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") if is_v1_meta => {
                Some(Form::Metadata)
            }
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &str, expect: Option<Form>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        assert_eq!(form(&headers).ok(), expect, "{accept}");
    }

    #[test]
    fn the_first_known_form_wins() {
        check("application/json", Some(Form::Object));
        check("*/*", Some(Form::Object));
        check("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", Some(Form::Table));
        check(
            "application/json;as=Table;v=v1beta1;g=meta.k8s.io, application/json;q=0.5",
            Some(Form::Object),
        );
        check(
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            Some(Form::Metadata),
        );
        check("application/vnd.kubernetes.protobuf,application/json", Some(Form::Object));
        check("application/vnd.kubernetes.protobuf", None);
        check("application/yaml", None);
    }

    #[test]
    fn aggregated_discovery_is_asked_for_by_kubectl() {
        let mut headers = HeaderMap::new();
        let kubectl = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
            application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
        headers.insert(header::ACCEPT, kubectl.parse().unwrap());
        assert!(is_aggregated_discovery(&headers));
        headers.insert(header::ACCEPT, "application/json".parse().unwrap());
        assert!(!is_aggregated_discovery(&headers));
    }
}
