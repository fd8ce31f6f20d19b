//! Events are kept for an hour.
//!
//! Source: kubernetes 1.34, `--event-ttl`. Old ones go when new ones come, so that a quiet cluster stays quiet.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use kobject::Resource;
use store::Store;

const KEPT: SignedDuration = SignedDuration::from_hours(1);

/// How many may go with one that comes.
const REMOVED_AT_ONCE_MAX: usize = 8;

/// When each Event was written last.
#[derive(Debug, Default)]
pub(crate) struct Expiry {
    times: Mutex<Times>,
}

#[derive(Debug, Default)]
struct Times {
    /// By key; the truth.
    ends: BTreeMap<String, Timestamp>,
    /// In order, with entries that were overtaken by a later write.
    queue: VecDeque<(Timestamp, String)>,
}

impl Times {
    fn note(&mut self, key: &str, now: Timestamp) {
        let ends = now + KEPT;
        self.ends.insert(key.to_owned(), ends);
        self.queue.push_back((ends, key.to_owned()));
    }

    /// The keys whose time is over.
    fn take_over(&mut self, now: Timestamp) -> Vec<String> {
        let mut over = Vec::new();
        while over.len() < REMOVED_AT_ONCE_MAX
            && self.queue.front().is_some_and(|(ends, _)| *ends <= now)
            && let Some((ends, key)) = self.queue.pop_front()
        {
            if self.ends.get(&key) == Some(&ends) {
                self.ends.remove(&key);
                over.push(key);
            }
        }
        over
    }
}

pub(crate) fn expires(resource: &Resource) -> bool {
    resource.kind == "Event" && matches!(resource.group.as_str(), "" | "events.k8s.io")
}

impl Expiry {
    /// Starts the hour of what an earlier run left.
    pub(crate) fn of_store(store: &Store, now: Timestamp) -> Self {
        let expiry = Self::default();
        for entry in store.list("/core/events/").0 {
            expiry.note(&entry.key, now);
        }
        expiry
    }

    /// Starts the hour of an Event that was written.
    pub(crate) fn note(&self, key: &str, now: Timestamp) {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).note(key, now);
    }

    /// Removes Events whose hour is over.
    pub(crate) async fn sweep(&self, store: &Store, now: Timestamp) {
        let over = self.times.lock().unwrap_or_else(PoisonError::into_inner).take_over(now);
        for key in over {
            if let Some(entry) = store.get(&key) {
                // Whoever wrote it in between has noted it again.
                let _overtaken = store.delete(&key, entry.mod_revision).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_counts_from_the_last_write() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let mut times = Times::default();
        times.note("a", at(0));
        times.note("b", at(1));
        times.note("a", at(30));
        assert!(times.take_over(at(59)).is_empty());
        assert_eq!(times.take_over(at(61)), ["b"]);
        assert_eq!(times.take_over(at(90)), ["a"]);
        assert!(times.take_over(at(1000)).is_empty());
    }
}
