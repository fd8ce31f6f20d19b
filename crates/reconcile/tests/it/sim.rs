//! A cluster without servers: a world, the decisions that its changes call for, and a kubelet that moves on demand.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use reconcile::{
    Action, Change, Config, Facts, Key, Kind, Notice, Part, Propagation, Step, Target, Trouble,
    Work, World, affected, affected_by_absence, decide, kinds, record,
};
use serde_json::{Map, Value, json};

pub(crate) struct Sim {
    pub(crate) world: World,
    pub(crate) now: Timestamp,
    pub(crate) waiting: BTreeSet<Work>,
    timers: BTreeMap<Work, Timestamp>,
    troubles: BTreeMap<Work, Trouble>,
    config: Config,
    revision: u64,
    /// How many pods the quota admits.
    pub(crate) pods_max: usize,
    pub(crate) told: Vec<Notice>,
}

impl Sim {
    pub(crate) fn new() -> Self {
        let config = Config {
            node_name: "zarpa".to_owned(),
            ca: "CA".to_owned(),
            volumes_dir: "/v".into(),
            ingress: None,
        };
        let mut sim = Self {
            world: World::default(),
            now: "2026-01-01T00:00:00Z".parse().expect("a time"),
            waiting: BTreeSet::new(),
            timers: BTreeMap::new(),
            troubles: BTreeMap::new(),
            config,
            revision: 0,
            pods_max: usize::MAX,
            told: Vec::new(),
        };
        let node = json!({
            "metadata": { "name": "zarpa" },
            "status": { "allocatable": { "pods": "110" } },
        });
        sim.create(kinds::NODE, node).expect("it is new");
        sim
    }

    pub(crate) fn create(&mut self, kind: Kind, mut object: Value) -> Result<(), Trouble> {
        let n_pods = self.world.list(kinds::POD).count();
        if kind == kinds::POD && n_pods >= self.pods_max {
            return Err(self.refusal(
                Step::Create,
                "Forbidden",
                "pods is forbidden: exceeded quota: q",
            ));
        }
        self.revision += 1;
        let id = self.revision;
        let metadata = &mut object["metadata"];
        if let Some(prefix) = metadata["generateName"].as_str() {
            metadata["name"] = format!("{prefix}{id:03}").into();
        }
        let name = metadata["name"].as_str().expect("it has a name");
        let namespace = metadata["namespace"].as_str().unwrap_or_default();
        if self.world.get(&Key::new(kind, namespace, name)).is_some() {
            return Err(self.refusal(Step::Create, "AlreadyExists", "already exists"));
        }
        metadata["uid"] = format!("uid-{id}").into();
        metadata["generation"] = 1.into();
        metadata["creationTimestamp"] = self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
        self.observe(kind, object);
        Ok(())
    }

    fn refusal(&self, step: Step, reason: &str, message: &str) -> Trouble {
        let until = self.now.checked_add(SignedDuration::from_secs(1)).expect("in range");
        Trouble { step, reason: reason.to_owned(), message: message.to_owned(), until }
    }

    fn observe(&mut self, kind: Kind, mut object: Value) {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        let change = self.world.observe(kind, object);
        self.changed(change);
    }

    fn changed(&mut self, change: Option<Change>) {
        let change = change.expect("every write is new");
        self.waiting.extend(affected(&self.world, &change));
    }

    /// Changes an object as a merge patch does.
    pub(crate) fn patch(&mut self, key: &Key, part: Part, patch: &Value) {
        let Some(old) = self.world.get(key).cloned() else { return };
        let mut new = (*old).clone();
        merge(&mut new, patch);
        match part {
            Part::Whole => new["status"] = old["status"].clone(),
            Part::Status => new["spec"] = old["spec"].clone(),
        }
        if new["spec"] != old["spec"] {
            new["metadata"]["generation"] =
                (old["metadata"]["generation"].as_u64().unwrap_or(1) + 1).into();
        }
        let is_free = new["metadata"]["finalizers"].is_null()
            && (key.kind != kinds::POD || new["metadata"]["deletionGracePeriodSeconds"] == 0);
        if is_free && new["metadata"]["deletionTimestamp"].is_string() {
            self.remove(key);
        } else {
            self.observe(key.kind, new);
        }
    }

    fn remove(&mut self, key: &Key) {
        let object = self.world.get(key).cloned().expect("it is there");
        let change = self.world.forget(key.kind, &object);
        self.changed(change);
    }

    /// Pods stay until the kubelet has ended them; the rest goes at once, or waits for its finalizers.
    pub(crate) fn delete(&mut self, key: &Key, propagation: Option<Propagation>) {
        let Some(object) = self.world.get(key).cloned() else { return };
        if object["metadata"]["deletionTimestamp"].is_string() {
            return;
        }
        let mut object = (*object).clone();
        let finalizer = match propagation {
            Some(Propagation::Foreground) => Some("foregroundDeletion"),
            Some(Propagation::Orphan) => Some("orphan"),
            _ => None,
        };
        let is_graceful = key.kind == kinds::POD && object["spec"]["nodeName"].is_string();
        if finalizer.is_none() && !is_graceful {
            return self.remove(key);
        }
        object["metadata"]["deletionTimestamp"] = self.now.to_string().into();
        if let Some(finalizer) = finalizer {
            object["metadata"]["finalizers"] = json!([finalizer]);
        }
        self.observe(key.kind, object);
    }

    /// Takes one waiting decision and carries it out.
    pub(crate) fn decide(&mut self, work: &Work) {
        self.waiting.remove(work);
        let trouble = self.troubles.get(work);
        let facts = Facts { world: &self.world, config: &self.config, now: self.now, trouble };
        let is_retry = trouble.is_some_and(|it| it.until <= self.now);
        for action in decide(work, &facts) {
            if let Err(trouble) = self.perform(work, action) {
                self.timers.insert(work.clone(), trouble.until);
                self.troubles.insert(work.clone(), trouble);
                self.waiting.insert(work.clone());
                return;
            }
        }
        if is_retry {
            self.troubles.remove(work);
            self.waiting.insert(work.clone());
        }
    }

    fn perform(&mut self, work: &Work, action: Action) -> Result<(), Trouble> {
        match action {
            Action::Create { kind, object, .. } => self.create(kind, object)?,
            Action::Patch { target, part, patch } => {
                self.check_version(&target);
                self.patch(&target.key, part, &patch);
            }
            Action::Delete { target, propagation, .. } => self.delete(&target.key, propagation),
            Action::Bind { target, node, .. } => {
                self.patch(&target.key, Part::Whole, &json!({ "spec": { "nodeName": node } }));
            }
            Action::Look { target } => {
                self.world.mark_absent(&target.uid);
                self.waiting.extend(affected_by_absence(&self.world, &target.uid));
            }
            Action::Record(notice) => {
                self.told.push(notice.clone());
                if let Some(action) = record(&self.world, &notice, self.now) {
                    self.perform(work, action)?;
                }
            }
            Action::Requeue { at } => {
                self.timers.insert(work.clone(), at);
            }
            Action::DeleteCollection { kind, namespace } => {
                let keys: Vec<Key> =
                    self.world.list_in(kind, &namespace).map(|it| key(kind, it)).collect();
                for key in keys {
                    self.delete(&key, None);
                }
            }
            Action::FinalizeNamespace { target, .. } => self.remove(&target.key),
            Action::MakeFolder(_) | Action::RemoveFolder(_) => {}
        }
        Ok(())
    }

    /// Decisions here are never stale, so a conflict is a decision that contradicts itself.
    fn check_version(&self, target: &Target) {
        let object = self.world.get(&target.key).expect("it is there");
        if let Some(version) = &target.resource_version {
            assert_eq!(object["metadata"]["resourceVersion"], version.as_str(), "{}", target.key);
        }
    }

    /// Takes decisions until none is waiting.
    pub(crate) fn settle(&mut self) {
        for _ in 0..10_000 {
            let Some(work) = self.waiting.first().cloned() else { return };
            self.decide(&work);
        }
        unreachable!("the controllers do not come to rest: {:?}", self.waiting);
    }

    pub(crate) fn advance(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).expect("in range");
        let due: Vec<Work> = self
            .timers
            .iter()
            .filter(|(_, at)| **at <= self.now)
            .map(|(it, _)| it.clone())
            .collect();
        for work in due {
            self.timers.remove(&work);
            self.waiting.insert(work);
        }
        self.settle();
    }

    /// What the kubelet may do next: (pod, whether to end it rather than to start it).
    pub(crate) fn kubelet_moves(&self) -> Vec<(Key, bool)> {
        let bound = self.world.list(kinds::POD).filter(|it| it["spec"]["nodeName"].is_string());
        let moves = bound.filter_map(|pod| {
            let is_ending = pod["metadata"]["deletionTimestamp"].is_string();
            let is_over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
            let is_stuck = is_over || pod["spec"]["containers"][0]["image"] == "broken";
            let is_held = pod["metadata"]["deletionGracePeriodSeconds"] == 0;
            ((is_ending && !is_held) || (!is_ending && !is_ready(pod) && !is_stuck))
                .then(|| (key(kinds::POD, pod), is_ending))
        });
        moves.collect()
    }

    pub(crate) fn move_kubelet(&mut self, (key, is_ending): &(Key, bool)) {
        if *is_ending {
            return self.end(key);
        }
        let time = self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let ready = json!({ "type": "Ready", "status": "True", "lastTransitionTime": time });
        self.patch(
            key,
            Part::Status,
            &json!({ "status": { "phase": "Running", "conditions": [ready] } }),
        );
    }

    /// A pod that has ended is removed, unless a finalizer holds it.
    fn end(&mut self, key: &Key) {
        let pod = self.world.get(key).expect("it is there");
        if pod["metadata"]["finalizers"].is_null() {
            return self.remove(key);
        }
        self.patch(key, Part::Whole, &json!({ "metadata": { "deletionGracePeriodSeconds": 0 } }));
    }

    /// Ends a pod's containers by themselves.
    pub(crate) fn finish(&mut self, key: &Key, phase: &str) {
        let ended = json!({ "state": { "terminated": { "finishedAt": self.now.to_string() } } });
        let status = json!({ "phase": phase, "conditions": null, "containerStatuses": [ended] });
        self.patch(key, Part::Status, &json!({ "status": status }));
    }

    /// Lets the kubelet and the controllers work until nothing moves.
    pub(crate) fn run(&mut self) {
        self.settle();
        while let Some(next) = self.kubelet_moves().first().cloned() {
            self.move_kubelet(&next);
            self.settle();
        }
    }
}

pub(crate) fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.is_some_and(|it| it.iter().any(|it| it["type"] == "Ready" && it["status"] == "True"))
}

pub(crate) fn key(kind: Kind, object: &Value) -> Key {
    let field = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
    Key::new(kind, field("namespace"), field("name"))
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let object = target.as_object_mut().expect("it was made one");
    for (key, value) in patch {
        if value.is_null() {
            object.remove(key);
        } else {
            merge(object.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
