//! What the linter reads of a document.

use crate::{
    decode::{DecodeError, Struct},
    values::split,
};

/// A document's head.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Object {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
}

/// The documents of a text, null ones left out; after one that is none, nothing is read.
pub(super) fn read_all(text: &[u8]) -> Vec<Result<Object, String>> {
    if let Some(error) = no_json(text) {
        return vec![Err(error)];
    }
    let documents = match split(text) {
        Ok(documents) => documents,
        Err(error) => {
            let text = error.to_string();
            let text = text.strip_prefix("error reading yaml document: ").unwrap_or(&text);
            return vec![Err(text.to_owned())];
        }
    };
    let mut objects = Vec::new();
    for document in documents {
        match read(&document) {
            Ok(None) => {}
            Ok(Some(object)) => objects.push(Ok(object)),
            Err(error) => {
                objects.push(Err(error.to_string()));
                break;
            }
        }
    }
    objects
}

/// Helm takes what begins with a brace for JSON, and so a template that was never rendered.
fn no_json(text: &[u8]) -> Option<String> {
    let place = text.iter().position(|it| !it.is_ascii_whitespace())?;
    text[place..].starts_with(b"{{").then(|| {
        let offset = place + 2;
        format!("json: offset {offset}: invalid character '{{' looking for beginning of object key string")
    })
}

fn read(document: &[u8]) -> Result<Option<Object>, DecodeError> {
    let value = goyaml::read(document).map_err(DecodeError::Yaml)?;
    if value == goyaml::Value::Null {
        return Ok(None);
    }
    let fields = Struct::document(&value, "k8sYamlStruct", "rules.k8sYamlStruct")?;
    let mut object = Object::default();
    let mut namespace = String::new();
    fields.text("apiVersion", &mut object.api_version)?;
    fields.text("Kind", &mut object.kind)?;
    if let Some(metadata) = fields.inner("Metadata", "k8sYamlStruct", "rules.k8sYamlMetadata")? {
        metadata.text("Namespace", &mut namespace)?;
        metadata.text("Name", &mut object.name)?;
    }
    Ok(Some(object))
}
