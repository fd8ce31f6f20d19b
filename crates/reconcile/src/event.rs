//! Events: how a notice becomes one or counts again, and which are old enough to go.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    action::{self, Action, Notice, Target},
    facts::Facts,
    kinds, object,
    template::fnv,
    world::{Key, World},
};

const TTL_SECONDS: i64 = 3600;
const EVENTS_MAX: usize = 2000;

/// Writes a notice: a new event, or one more count of the same.
///
/// The name follows from what is said about what, so that the same is found again.
pub fn record(world: &World, notice: &Notice, now: Timestamp) -> Option<Action> {
    let namespace = match object::str_at(&notice.about, "namespace") {
        "" => "default",
        namespace => namespace,
    };
    let said = format!("{}\0{}", notice.reason, notice.message);
    let what = format!("{}\0{}", object::str_at(&notice.about, "uid"), notice.component);
    let hash = format!("{:08x}{:08x}", fnv(what.as_bytes()), fnv(said.as_bytes()));
    let name = format!("{}.{hash}", object::truncate(object::str_at(&notice.about, "name"), 236));
    match world.find(kinds::EVENT, namespace, &name) {
        Some(event) => count(event, now),
        None => Some(create(notice, namespace, &name, now)),
    }
}

fn count(event: &Value, now: Timestamp) -> Option<Action> {
    let mut new = event.clone();
    new["count"] = (object::int_at(event, "count").unwrap_or(1) + 1).into();
    new["lastTimestamp"] = object::time(now);
    action::update(kinds::EVENT, event, &new)
}

fn create(notice: &Notice, namespace: &str, name: &str, now: Timestamp) -> Action {
    let object = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": { "namespace": namespace, "name": name },
        "involvedObject": notice.about,
        "type": if notice.is_warning { "Warning" } else { "Normal" },
        "reason": notice.reason,
        "message": object::truncate(&notice.message, 1024),
        "source": { "component": notice.component },
        "reportingComponent": notice.component,
        "reportingInstance": "",
        "count": 1,
        "firstTimestamp": object::time(now),
        "lastTimestamp": object::time(now),
    });
    Action::Create { kind: kinds::EVENT, object, report: None }
}

fn last_seen(event: &Value) -> Timestamp {
    ["series.lastObservedTime", "lastTimestamp", "eventTime", "metadata.creationTimestamp"]
        .iter()
        .find_map(|it| object::time_at(event, it))
        .unwrap_or_default()
}

/// Deletes events that are an hour old, and the oldest beyond the bound; comes back for the next.
pub(crate) fn collect_events(facts: &Facts<'_>) -> Vec<Action> {
    let mut events: Vec<&Arc<Value>> = facts.world.list(kinds::EVENT).collect();
    events.sort_by_key(|it| last_seen(it));
    let ttl = SignedDuration::from_secs(TTL_SECONDS);
    let n_surplus = events.len().saturating_sub(EVENTS_MAX);
    let n_expired = events.partition_point(|it| facts.now.duration_since(last_seen(it)) >= ttl);
    let n_gone = n_surplus.max(n_expired);
    let mut actions: Vec<Action> = events[..n_gone].iter().map(|it| delete(it)).collect();
    let next = events.get(n_gone).and_then(|it| last_seen(it).checked_add(ttl).ok());
    actions.extend(next.map(|at| Action::Requeue { at }));
    actions
}

/// Whether one more event has to be dealt with now: the first starts the timer, too many are cut.
pub(crate) fn is_worth_collecting(world: &World) -> bool {
    let count = world.count(kinds::EVENT);
    count == 1 || count > EVENTS_MAX
}

fn delete(event: &Value) -> Action {
    Action::Delete { target: Target::of(kinds::EVENT, event), propagation: None, report: None }
}

/// The one key under which all events are looked after.
pub(crate) fn all() -> Key {
    Key::new(kinds::EVENT, "", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_notice_counts_the_event_it_made() {
        let mut world = World::default();
        let about = json!({ "namespace": "d", "name": "web", "uid": "u" });
        let notice = Notice::normal("c", about, "Scaled", "up".to_owned());
        let now = Timestamp::UNIX_EPOCH;
        let Some(Action::Create { mut object, .. }) = record(&world, &notice, now) else {
            panic!("no creation")
        };
        object["metadata"]["uid"] = "e".into();
        object["metadata"]["resourceVersion"] = "1".into();
        world.observe(kinds::EVENT, object);
        let Some(Action::Patch { patch, .. }) = record(&world, &notice, now) else {
            panic!("no patch")
        };
        assert_eq!(patch, json!({ "count": 2 }));
    }
}
