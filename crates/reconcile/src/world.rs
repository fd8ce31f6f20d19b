//! What is known of the cluster: every watched object in memory, indexed by name, by uid and by owner.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    sync::Arc,
};

use serde_json::{Value, json};

use crate::{
    kinds::{self, Kind},
    object,
};

/// How many uids of objects that are gone are remembered.
const ABSENT_MAX: usize = 10_000;

/// The name of one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub kind: Kind,
    /// Empty for cluster-wide kinds.
    pub namespace: String,
    pub name: String,
}

impl Key {
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self { kind, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{}/{}", self.kind.plural, self.name),
            namespace => write!(f, "{}/{namespace}/{}", self.kind.plural, self.name),
        }
    }
}

pub(crate) fn key_of(kind: Kind, object: &Value) -> Key {
    Key::new(kind, object::namespace(object), object::name(object))
}

/// What an observation changed: at least one side is there.
#[derive(Clone, Debug)]
pub struct Change {
    pub key: Key,
    pub old: Option<Arc<Value>>,
    pub new: Option<Arc<Value>>,
}

type Named = BTreeMap<(String, String), Arc<Value>>;

/// All objects as last seen.
///
/// It learns from watches and from the answers to our own writes, whichever comes first: what is older than what
/// is known is dropped by comparing resource versions, so a controller always sees what it has just done.
/// That takes the place of upstream's "expectations".
#[derive(Clone, Debug, Default)]
pub struct World {
    objects: BTreeMap<Kind, Named>,
    by_uid: BTreeMap<String, Key>,
    dependents: BTreeMap<String, BTreeSet<Key>>,
    /// Deleted by an answer, while older events of the watch may still be on their way.
    deleted: BTreeMap<String, Kind>,
    absent: BTreeSet<String>,
    absent_order: VecDeque<String>,
}

impl World {
    pub fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.find(key.kind, &key.namespace, &key.name)
    }

    pub fn find(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        self.objects.get(&kind)?.get(&(namespace.to_owned(), name.to_owned()))
    }

    pub fn list(&self, kind: Kind) -> impl Iterator<Item = &Arc<Value>> {
        self.objects.get(&kind).into_iter().flat_map(BTreeMap::values)
    }

    pub fn count(&self, kind: Kind) -> usize {
        self.objects.get(&kind).map_or(0, BTreeMap::len)
    }

    pub fn list_in<'a>(
        &'a self,
        kind: Kind,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a Arc<Value>> {
        let named = self.objects.get(&kind).into_iter();
        named
            .flat_map(move |it| it.range((namespace.to_owned(), String::new())..))
            .take_while(move |((it, _), _)| it == namespace)
            .map(|(_, object)| object)
    }

    /// The objects that name this uid among their owners.
    pub fn dependents<'a>(&'a self, uid: &str) -> impl Iterator<Item = (&'a Key, &'a Arc<Value>)> {
        let keys = self.dependents.get(uid).into_iter().flatten();
        keys.filter_map(|key| Some((key, self.get(key)?)))
    }

    /// The dependents of one kind.
    pub fn dependents_of<'a>(
        &'a self,
        uid: &str,
        kind: Kind,
    ) -> impl Iterator<Item = &'a Arc<Value>> {
        self.dependents(uid).filter(move |(key, _)| key.kind == kind).map(|(_, object)| object)
    }

    pub fn by_uid(&self, uid: &str) -> Option<&Arc<Value>> {
        self.get(self.by_uid.get(uid)?)
    }

    /// Whether an object of this uid is known to be gone for good.
    pub fn is_absent(&self, uid: &str) -> bool {
        self.absent.contains(uid)
    }

    pub fn mark_absent(&mut self, uid: &str) {
        if self.absent.insert(uid.to_owned()) {
            self.absent_order.push_back(uid.to_owned());
        }
        while self.absent_order.len() > ABSENT_MAX {
            if let Some(oldest) = self.absent_order.pop_front() {
                self.absent.remove(&oldest);
            }
        }
    }

    /// Takes in an object as the server gave it; nothing changes when what is known is as new.
    pub fn observe(&mut self, kind: Kind, mut value: Value) -> Option<Change> {
        trim(kind, &mut value);
        let key = key_of(kind, &value);
        let uid = object::uid(&value);
        if self.deleted.contains_key(uid) || self.is_absent(uid) {
            return None;
        }
        let old = self.get(&key).cloned();
        if old.as_deref().is_some_and(|old| !is_newer(&value, old)) {
            return None;
        }
        if let Some(old) = &old {
            self.unindex(&key, old);
            if object::uid(old) != uid {
                self.mark_absent(object::uid(old));
            }
        }
        let new = Arc::new(value);
        self.index(&key, &new);
        let named = self.objects.entry(kind).or_default();
        named.insert((key.namespace.clone(), key.name.clone()), Arc::clone(&new));
        Some(Change { key, old, new: Some(new) })
    }

    /// Takes in that the watch saw an object deleted.
    pub fn forget(&mut self, kind: Kind, value: &Value) -> Option<Change> {
        let uid = object::uid(value);
        self.deleted.remove(uid);
        self.remove(&key_of(kind, value), uid)
    }

    /// Takes in that our own request removed an object at once.
    pub fn forget_by_answer(&mut self, key: &Key, uid: &str) -> Option<Change> {
        if !self.is_absent(uid) {
            self.deleted.insert(uid.to_owned(), key.kind);
        }
        self.remove(key, uid)
    }

    /// Takes in a whole list, read at `revision`: what it lacks is gone, unless it was seen later.
    pub fn replace(&mut self, kind: Kind, items: Vec<Value>, revision: &str) -> Vec<Change> {
        self.deleted.retain(|_, it| *it != kind);
        let listed: BTreeSet<String> = items.iter().map(|it| object::uid(it).to_owned()).collect();
        let revision = revision.parse::<u64>().unwrap_or(u64::MAX);
        let gone: Vec<(Key, String)> = self
            .list(kind)
            .filter(|it| {
                !listed.contains(object::uid(it)) && version(it).is_none_or(|it| it <= revision)
            })
            .map(|it| (key_of(kind, it), object::uid(it).to_owned()))
            .collect();
        let mut changes: Vec<Change> =
            gone.iter().filter_map(|(key, uid)| self.remove(key, uid)).collect();
        changes.extend(items.into_iter().filter_map(|it| self.observe(kind, it)));
        changes
    }

    /// Notes that a pod was bound, before the watch tells it.
    pub fn assume_bound(&mut self, key: &Key, uid: &str, node: &str) {
        let named = self.objects.get_mut(&key.kind);
        let pod = named.and_then(|it| it.get_mut(&(key.namespace.clone(), key.name.clone())));
        if let Some(pod) = pod.filter(|it| object::uid(it) == uid) {
            object::set(Arc::make_mut(pod), &["spec", "nodeName"], node.into());
        }
    }

    fn remove(&mut self, key: &Key, uid: &str) -> Option<Change> {
        self.mark_absent(uid);
        let old = self.get(key).filter(|it| object::uid(it) == uid).cloned()?;
        self.unindex(key, &old);
        self.objects.get_mut(&key.kind)?.remove(&(key.namespace.clone(), key.name.clone()));
        Some(Change { key: key.clone(), old: Some(old), new: None })
    }

    fn index(&mut self, key: &Key, value: &Value) {
        self.by_uid.insert(object::uid(value).to_owned(), key.clone());
        for owner in object::owner_references(value) {
            self.dependents
                .entry(object::str_at(owner, "uid").to_owned())
                .or_default()
                .insert(key.clone());
        }
    }

    fn unindex(&mut self, key: &Key, value: &Value) {
        self.by_uid.remove(object::uid(value));
        for owner in object::owner_references(value) {
            let uid = object::str_at(owner, "uid");
            let is_empty = self.dependents.get_mut(uid).is_none_or(|keys| {
                keys.remove(key);
                keys.is_empty()
            });
            if is_empty {
                self.dependents.remove(uid);
            }
        }
    }
}

fn version(object: &Value) -> Option<u64> {
    object::resource_version(object).parse().ok()
}

/// Versions that are no numbers cannot be compared: the latest to arrive counts.
fn is_newer(new: &Value, old: &Value) -> bool {
    match (version(new), version(old)) {
        (Some(new), Some(old)) => new > old,
        _ => object::resource_version(new) != object::resource_version(old),
    }
}

/// Drops what no decision reads, so that large Secrets and ConfigMaps are not kept twice.
fn trim(kind: Kind, value: &mut Value) {
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    if kind == kinds::EVENT {
        let read = [
            "metadata",
            "involvedObject",
            "reason",
            "count",
            "lastTimestamp",
            "eventTime",
            "series",
        ];
        if let Some(event) = value.as_object_mut() {
            event.retain(|key, _| read.contains(&key.as_str()));
        }
    }
    if is_kept_whole(kind, object::name(value)) {
        value["apiVersion"] = kind.api_version().into();
        value["kind"] = kind.kind.into();
    } else {
        let metadata = value["metadata"].take();
        *value =
            json!({ "apiVersion": kind.api_version(), "kind": kind.kind, "metadata": metadata });
    }
}

fn is_kept_whole(kind: Kind, name: &str) -> bool {
    match kind {
        kinds::CONFIG_MAP => name == crate::namespace::ROOT_CA,
        kinds::NAMESPACE
        | kinds::NODE
        | kinds::DEPLOYMENT
        | kinds::REPLICA_SET
        | kinds::POD
        | kinds::SERVICE
        | kinds::ENDPOINTS
        | kinds::ENDPOINT_SLICE
        | kinds::EVENT
        | kinds::PERSISTENT_VOLUME_CLAIM
        | kinds::PERSISTENT_VOLUME
        | kinds::STORAGE_CLASS
        | kinds::INGRESS
        | kinds::INGRESS_CLASS
        | kinds::JOB
        | kinds::STATEFUL_SET
        | kinds::DAEMON_SET
        | kinds::CONTROLLER_REVISION
        | kinds::POD_DISRUPTION_BUDGET => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, uid: &str, version: u64) -> Value {
        json!({ "metadata": { "namespace": "d", "name": name, "uid": uid, "resourceVersion": version.to_string() } })
    }

    #[test]
    fn older_observations_change_nothing() {
        let mut world = World::default();
        assert!(world.observe(kinds::POD, pod("a", "1", 5)).is_some());
        assert!(world.observe(kinds::POD, pod("a", "1", 4)).is_none());
        assert!(world.observe(kinds::POD, pod("a", "1", 5)).is_none());
        assert!(world.observe(kinds::POD, pod("a", "1", 6)).is_some());
    }

    #[test]
    fn what_our_request_deleted_stays_deleted_until_the_watch_has_caught_up() {
        let mut world = World::default();
        world.observe(kinds::POD, pod("a", "1", 5));
        assert!(world.forget_by_answer(&Key::new(kinds::POD, "d", "a"), "1").is_some());
        assert!(world.observe(kinds::POD, pod("a", "1", 6)).is_none());
        assert!(world.forget(kinds::POD, &pod("a", "1", 7)).is_none());
        assert!(world.observe(kinds::POD, pod("a", "2", 8)).is_some());
        assert!(world.is_absent("1"));
    }

    #[test]
    fn an_old_list_does_not_remove_what_was_written_since() {
        let mut world = World::default();
        world.observe(kinds::POD, pod("a", "1", 5));
        world.observe(kinds::POD, pod("b", "2", 9));
        let changes = world.replace(kinds::POD, Vec::new(), "7");
        assert_eq!(changes.len(), 1);
        assert!(world.find(kinds::POD, "d", "b").is_some());
    }

    #[test]
    fn secrets_are_kept_without_their_data() {
        let mut world = World::default();
        let mut secret = pod("a", "1", 5);
        secret["data"] = json!({ "k": "v" });
        let change = world.observe(kinds::SECRET, secret).expect("it is new");
        assert_eq!(change.new.expect("it is there").get("data"), None);
    }
}
