//! Users: what they are, and what a client may say about them.

pub(crate) mod input;
mod store;

use serde_json::{Value, json};

pub(crate) use store::{StoreError, Users};

/// A person, by the number of an identity document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) fields: Fields,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
    /// Grows by one with each change.
    pub(crate) version: i64,
}

/// What a client decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) dni: String,
    pub(crate) name: String,
}

impl User {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "dni": self.fields.dni,
            "name": self.fields.name,
            "created_at": rfc3339(self.created_ms),
            "updated_at": rfc3339(self.updated_ms),
        })
    }

    pub(crate) fn etag(&self) -> String {
        format!("\"{}-{}\"", self.id, self.version)
    }
}

fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|it| format!("{it:.3}")).unwrap_or_default()
}
