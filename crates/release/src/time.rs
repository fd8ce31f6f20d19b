//! Go's times in JSON: RFC 3339, where empty, null, absent and year 1 all mean none.

use jiff::Timestamp;
use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

/// Go's zero time, which Helm 3 writes out in some fields.
const ZERO: &str = "0001-01-01T00:00:00Z";

#[expect(clippy::ref_option, reason = "serde hands fields in this way")]
pub(crate) fn serialize<S: Serializer>(
    time: &Option<Timestamp>,
    out: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => out.collect_str(time),
        None => out.serialize_none(),
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    input: D,
) -> Result<Option<Timestamp>, D::Error> {
    match Option::<String>::deserialize(input)?.as_deref() {
        None | Some("" | ZERO) => Ok(None),
        Some(text) => text.parse().map(Some).map_err(D::Error::custom),
    }
}
