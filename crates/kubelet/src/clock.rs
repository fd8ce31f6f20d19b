//! The clock: the only place of this crate that reads it.

use std::time::Duration;

use jiff::Timestamp;

#[expect(clippy::disallowed_methods, reason = "decisions take the time as an argument from here")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// How long it is until `at`; zero when that is past.
pub(crate) fn until(at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now())).unwrap_or_default()
}
