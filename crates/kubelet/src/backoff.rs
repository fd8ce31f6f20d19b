//! How long to wait before trying again: crash loops and image pulls.

use jiff::{SignedDuration, Timestamp};

const FIRST_S: i64 = 10;
const MAX_S: i64 = 300;

/// Waiting times that double: 10 s, 20 s, … 5 min, and start again after 10 quiet minutes.
///
/// Source: Kubernetes 1.34, `flowcontrol.Backoff` as the kubelet sets it up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Backoff {
    delay_s: i64,
    /// When the present delay was set.
    since: Option<Timestamp>,
    /// Whether the present delay was told in an event.
    is_reported: bool,
}

impl Backoff {
    /// The present delay; zero before the first failure.
    pub(crate) fn delay(&self) -> SignedDuration {
        SignedDuration::from_secs(self.delay_s)
    }

    /// Notes a failure at `now`, and doubles the delay.
    #[must_use]
    pub(crate) fn next(self, now: Timestamp) -> Self {
        let delay_s =
            if self.is_quiet(now) { FIRST_S } else { (self.delay_s * 2).clamp(FIRST_S, MAX_S) };
        Self { delay_s, since: Some(now), is_reported: false }
    }

    /// When the next attempt may come after a failure at `failed_at`.
    pub(crate) fn ends_at(&self, failed_at: Timestamp) -> Timestamp {
        if self.is_quiet(failed_at) { failed_at } else { failed_at + self.delay() }
    }

    pub(crate) fn is_reported(&self) -> bool {
        self.is_reported
    }

    /// Notes that the present delay was told.
    #[must_use]
    pub(crate) fn reported(self) -> Self {
        Self { is_reported: true, ..self }
    }

    fn is_quiet(&self, now: Timestamp) -> bool {
        let quiet = SignedDuration::from_secs(2 * MAX_S);
        self.since.is_none_or(|it| now.duration_since(it) > quiet)
    }

    /// As Go prints the delay: `10s`, `1m20s`, `5m0s`.
    pub(crate) fn text(&self) -> String {
        match (self.delay_s / 60, self.delay_s % 60) {
            (0, seconds) => format!("{seconds}s"),
            (minutes, seconds) => format!("{minutes}m{seconds}s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_to_five_minutes_and_start_again_after_ten() {
        let at = |s: i64| Timestamp::from_second(s).unwrap();
        let mut backoff = Backoff::default();
        let mut texts = Vec::new();
        for s in 0..7 {
            backoff = backoff.next(at(s));
            texts.push(backoff.text());
        }
        assert_eq!(texts, ["10s", "20s", "40s", "1m20s", "2m40s", "5m0s", "5m0s"]);
        assert_eq!(backoff.ends_at(at(10)), at(310));
        assert_eq!(backoff.next(at(1000)).text(), "10s");
    }
}
