//! The objects that are watched while a release rolls out.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::object::{self, ObjectId};

/// Clocks of client and server may differ by this much.
const CLOCK_SKEW_S: i64 = 5;

/// What is known of the cluster: targets, their pods and replica sets, and events.
#[derive(Debug, Clone, Default)]
pub struct World {
    objects: BTreeMap<ObjectId, Value>,
}

impl World {
    pub fn insert(&mut self, object: Value) {
        self.objects.insert(ObjectId::of(&object), object);
    }

    pub fn remove(&mut self, id: &ObjectId) {
        self.objects.remove(id);
    }

    pub fn get(&self, id: &ObjectId) -> Option<&Value> {
        self.objects.get(id)
    }

    /// All objects of a kind, by namespace and name.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(move |(id, _)| id.kind == kind).map(|(_, object)| object)
    }

    /// The objects of a kind that are controlled by an owner.
    pub fn controlled(&self, kind: &str, owner_uid: &str) -> impl Iterator<Item = &Value> {
        self.of_kind(kind).filter(move |it| object::controller(it) == Some(owner_uid))
    }

    /// The events about an object, oldest first.
    pub fn events_of(&self, uid: &str) -> Vec<&Value> {
        let mut events: Vec<&Value> = self
            .of_kind("Event")
            .filter(|it| it["involvedObject"]["uid"] == uid && !uid.is_empty())
            .collect();
        events.sort_by_key(|it| last_seen(it));
        events
    }

    /// The newest event with one of these reasons about an object, unless it is from before.
    pub(super) fn recent_event(
        &self,
        uid: &str,
        reasons: &[&str],
        since: Timestamp,
    ) -> Option<&Value> {
        let is_recent = |it: &&Value| {
            last_seen(it).is_none_or(|seen| seen >= since - SignedDuration::from_secs(CLOCK_SKEW_S))
        };
        let events = self.events_of(uid);
        events
            .into_iter()
            .rev()
            .filter(is_recent)
            .find(|it| reasons.contains(&object::text(&it["reason"])))
    }
}

/// When an event happened last.
pub(super) fn last_seen(event: &Value) -> Option<Timestamp> {
    let times = [
        &event["series"]["lastObservedTime"],
        &event["lastTimestamp"],
        &event["eventTime"],
        &event["firstTimestamp"],
    ];
    times.into_iter().find_map(time).or_else(|| time(&event["metadata"]["creationTimestamp"]))
}

/// When an event happened first.
pub(super) fn first_seen(event: &Value) -> Option<Timestamp> {
    let times =
        [&event["firstTimestamp"], &event["eventTime"], &event["metadata"]["creationTimestamp"]];
    times.into_iter().find_map(time)
}

pub(super) fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}
