//! Which decisions a change calls for.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use super::{Controller, Work};
use crate::{
    collector, endpoints, event,
    kinds::{self, Kind},
    labels, namespace, object, pod, scheduler, unsupported, volume,
    world::{Change, Key, World, key_of},
};

/// The workloads that manage pods themselves.
const POD_OWNERS: [(Kind, Controller); 4] = [
    (kinds::REPLICA_SET, Controller::ReplicaSet),
    (kinds::JOB, Controller::Job),
    (kinds::STATEFUL_SET, Controller::StatefulSet),
    (kinds::DAEMON_SET, Controller::DaemonSet),
];

/// Lists the decisions that a change may alter; `world` already has the change.
pub fn affected(world: &World, change: &Change) -> BTreeSet<Work> {
    let mut wake = Wake { world, change, works: BTreeSet::new() };
    wake.own();
    wake.garbage();
    wake.namespace();
    wake.works
}

/// Lists the decisions that may alter when an object that was looked for turns out not to exist.
pub fn affected_by_absence(world: &World, uid: &str) -> BTreeSet<Work> {
    let garbage = world
        .dependents(uid)
        .map(|(key, _)| Work { controller: Controller::Garbage, key: key.clone() });
    let volumes = world.list(kinds::PERSISTENT_VOLUME);
    let volumes = volumes.filter(|it| object::str_at(it, "spec.claimRef.uid") == uid);
    let volumes = volumes.map(|it| Work {
        controller: Controller::Volume,
        key: key_of(kinds::PERSISTENT_VOLUME, it),
    });
    garbage.chain(volumes).collect()
}

struct Wake<'a> {
    world: &'a World,
    change: &'a Change,
    works: BTreeSet<Work>,
}

impl Wake<'_> {
    fn add(&mut self, controller: Controller, key: Key) {
        self.works.insert(Work { controller, key });
    }

    fn add_all(
        &mut self,
        controller: Controller,
        kind: Kind,
        keys: impl Iterator<Item = Arc<Value>>,
    ) {
        for object in keys {
            self.add(controller, key_of(kind, &object));
        }
    }

    fn schedule(&mut self) {
        self.add(Controller::Scheduler, collector::all());
    }

    /// The object as it is now, or as it last was.
    fn object(&self) -> &Value {
        self.change.new.as_ref().or(self.change.old.as_ref()).expect("a change has a side")
    }

    fn sides(&self) -> impl Iterator<Item = &Arc<Value>> {
        self.change.old.iter().chain(&self.change.new)
    }

    fn is_changed(&self, path: &str) -> bool {
        let at = |side: &Option<Arc<Value>>| {
            side.as_deref().and_then(|it| object::at(it, path)).cloned()
        };
        at(&self.change.old) != at(&self.change.new)
    }

    /// The decisions about the object itself, and those that read its kind.
    fn own(&mut self) {
        let key = self.change.key.clone();
        match key.kind {
            kinds::DEPLOYMENT => self.add(Controller::Deployment, key),
            kinds::REPLICA_SET => self.replica_set(key),
            kinds::POD => self.pod(),
            kinds::JOB => self.add(Controller::Job, key),
            kinds::STATEFUL_SET => self.add(Controller::StatefulSet, key),
            kinds::DAEMON_SET => self.add(Controller::DaemonSet, key),
            kinds::CONTROLLER_REVISION => self.revision(),
            kinds::SERVICE => {
                for controller in
                    [Controller::EndpointSlice, Controller::Endpoints, Controller::LoadBalancer]
                {
                    self.add(controller, key.clone());
                }
            }
            kinds::ENDPOINT_SLICE => {
                if let Some(service) =
                    object::label(self.object(), endpoints::SERVICE_NAME).map(str::to_owned)
                {
                    self.add(
                        Controller::EndpointSlice,
                        Key::new(kinds::SERVICE, &key.namespace, &service),
                    );
                }
            }
            kinds::ENDPOINTS => {
                for controller in [Controller::Endpoints, Controller::EndpointSlice] {
                    self.add(controller, Key { kind: kinds::SERVICE, ..key.clone() });
                }
            }
            kinds::NAMESPACE => self.add(Controller::Namespace, key),
            kinds::NODE => self.node(),
            kinds::PERSISTENT_VOLUME_CLAIM => self.claim(key),
            kinds::PERSISTENT_VOLUME => self.volume(key),
            kinds::STORAGE_CLASS => self.unbound_claims(),
            kinds::INGRESS => self.add(Controller::Ingress, key),
            kinds::INGRESS_CLASS => {
                let all: Vec<_> = self.world.list(kinds::INGRESS).cloned().collect();
                self.add_all(Controller::Ingress, kinds::INGRESS, all.into_iter());
            }
            kinds::POD_DISRUPTION_BUDGET => self.add(Controller::Disruption, key),
            // A timer runs from the first event on; only a flood is looked at before.
            kinds::EVENT if self.change.old.is_none() && event::is_worth_collecting(self.world) => {
                self.add(Controller::EventCollector, event::all());
            }
            kind if unsupported::message(kind).is_some() && self.change.old.is_none() => {
                self.add(Controller::Unsupported, key);
            }
            _ => {}
        }
    }

    fn replica_set(&mut self, key: Key) {
        let mut deployments: BTreeSet<Key> = BTreeSet::new();
        for side in self.sides() {
            match object::controller_of(side) {
                Some(owner) => deployments
                    .extend(owner_key(side, owner).filter(|it| it.kind == kinds::DEPLOYMENT)),
                None => deployments.extend(selecting(self.world, kinds::DEPLOYMENT, side)),
            }
        }
        for deployment in deployments {
            self.add(Controller::Deployment, deployment);
        }
        self.add(Controller::ReplicaSet, key);
    }

    fn pod(&mut self) {
        let namespace = self.change.key.namespace.clone();
        let mut works = BTreeSet::new();
        for side in self.sides() {
            works.extend(pod_owners(self.world, side));
            let services = self.world.list_in(kinds::SERVICE, &namespace);
            for service in services.filter(|it| is_served(it, side)) {
                for controller in [Controller::EndpointSlice, Controller::Endpoints] {
                    works.insert(Work { controller, key: key_of(kinds::SERVICE, service) });
                }
            }
            for key in selecting(self.world, kinds::POD_DISRUPTION_BUDGET, side) {
                works.insert(Work { controller: Controller::Disruption, key });
            }
        }
        self.works.extend(works);
        let is_over = self.change.new.as_ref().is_none_or(|it| pod::is_finished(it));
        if is_over {
            self.pod_over();
        }
        if is_over
            || self.change.new.as_ref().is_some_and(|it| scheduler::is_waiting(it))
            || self.is_changed("spec.nodeName")
        {
            self.schedule();
        }
    }

    fn revision(&mut self) {
        let owner =
            object::controller_of(self.object()).and_then(|it| owner_key(self.object(), it));
        let controller =
            owner.as_ref().and_then(|key| POD_OWNERS.iter().find(|(kind, _)| *kind == key.kind));
        if let (Some(key), Some((_, controller))) = (owner.clone(), controller) {
            self.add(*controller, key);
        }
    }

    /// A pod that has ended frees its claims, and old pods that are gone let a Recreate rollout go on.
    fn pod_over(&mut self) {
        let namespace = self.change.key.namespace.clone();
        for name in volume::claim_names(self.object()) {
            self.released_volumes(&namespace, &name);
            self.add(
                Controller::Claim,
                Key::new(kinds::PERSISTENT_VOLUME_CLAIM, &namespace, &name),
            );
        }
        let set = object::controller_of(self.object())
            .and_then(|it| self.world.by_uid(object::str_at(it, "uid")));
        let deployment = set.and_then(|it| owner_key(it, object::controller_of(it)?));
        if let Some(key) = deployment.filter(|it| it.kind == kinds::DEPLOYMENT) {
            self.add(Controller::Deployment, key);
        }
        self.add(Controller::PodCollector, collector::all());
    }

    /// A volume whose claim has gone waits for the last pod that used it.
    fn released_volumes(&mut self, namespace: &str, claim: &str) {
        let is_claimed = |volume: &&Arc<Value>| {
            object::str_at(volume, "spec.claimRef.namespace") == namespace
                && object::str_at(volume, "spec.claimRef.name") == claim
        };
        let all = self.world.list(kinds::PERSISTENT_VOLUME);
        let claimed: Vec<_> = all.filter(is_claimed).cloned().collect();
        self.add_all(Controller::Volume, kinds::PERSISTENT_VOLUME, claimed.into_iter());
    }

    /// Heartbeats of a node concern nobody here.
    fn node(&mut self) {
        let paths = ["metadata.labels", "spec", "status.allocatable", "metadata.deletionTimestamp"];
        if paths.iter().any(|it| self.is_changed(it)) {
            self.schedule();
            let all: Vec<_> = self.world.list(kinds::DAEMON_SET).cloned().collect();
            self.add_all(Controller::DaemonSet, kinds::DAEMON_SET, all.into_iter());
        }
    }

    fn claim(&mut self, key: Key) {
        let volume = object::str_at(self.object(), "spec.volumeName").to_owned();
        if !volume.is_empty() {
            self.add(Controller::Volume, Key::new(kinds::PERSISTENT_VOLUME, "", &volume));
        }
        if self.change.new.is_none() {
            let uid = object::uid(self.object()).to_owned();
            let all = self.world.list(kinds::PERSISTENT_VOLUME);
            let ours: Vec<_> =
                all.filter(|it| object::str_at(it, "spec.claimRef.uid") == uid).cloned().collect();
            self.add_all(Controller::Volume, kinds::PERSISTENT_VOLUME, ours.into_iter());
        }
        self.add(Controller::Claim, key);
        self.schedule();
    }

    fn volume(&mut self, key: Key) {
        let reference = object::at(self.object(), "spec.claimRef").cloned();
        match reference {
            Some(it) => {
                let (namespace, name) =
                    (object::str_at(&it, "namespace"), object::str_at(&it, "name"));
                self.add(
                    Controller::Claim,
                    Key::new(kinds::PERSISTENT_VOLUME_CLAIM, namespace, name),
                );
            }
            None => self.unbound_claims(),
        }
        self.add(Controller::Volume, key);
        self.schedule();
    }

    fn unbound_claims(&mut self) {
        let all = self.world.list(kinds::PERSISTENT_VOLUME_CLAIM);
        let unbound: Vec<_> = all.filter(|it| !volume::is_bound(it)).cloned().collect();
        self.add_all(Controller::Claim, kinds::PERSISTENT_VOLUME_CLAIM, unbound.into_iter());
    }

    /// Dependents of what is gone or goes in the foreground, owners that wait for what is gone, and the object itself.
    fn garbage(&mut self) {
        let watched =
            ["metadata.ownerReferences", "metadata.deletionTimestamp", "metadata.finalizers"];
        if !watched.iter().any(|it| self.is_changed(it))
            && self.change.old.is_some()
            && self.change.new.is_some()
        {
            return;
        }
        let object = self.object();
        let concerns_dependents = self.change.new.is_none() || object::is_deleted(object);
        let mut keys = BTreeSet::new();
        if concerns_dependents {
            keys.extend(self.world.dependents(object::uid(object)).map(|(key, _)| key.clone()));
        }
        for side in self.sides() {
            let owners = object::owner_references(side).iter();
            let owners = owners.filter_map(|it| self.world.by_uid(object::str_at(it, "uid")));
            let leaving = owners.filter(|it| object::is_deleted(it));
            keys.extend(leaving.filter_map(|it| Some(key_of(kind_of(it)?, it))));
        }
        if self.change.new.is_some()
            && (object::is_deleted(object) || !object::owner_references(object).is_empty())
        {
            keys.insert(self.change.key.clone());
        }
        for key in keys {
            self.add(Controller::Garbage, key);
        }
    }

    /// What a namespace must have, and what must be gone from one that ends.
    fn namespace(&mut self) {
        let key = &self.change.key;
        let is_furniture = (key.kind == kinds::SERVICE_ACCOUNT && key.name == "default")
            || (key.kind == kinds::CONFIG_MAP && key.name == namespace::ROOT_CA);
        let is_emptied =
            key.kind.is_namespaced && namespace::is_terminating(self.world, &key.namespace);
        if is_furniture || is_emptied {
            let namespace = Key::new(kinds::NAMESPACE, "", &key.namespace);
            self.add(Controller::Namespace, namespace);
        }
    }
}

fn kind_of(object: &Value) -> Option<Kind> {
    Kind::named(object::str_at(object, "apiVersion"), object::str_at(object, "kind"))
}

fn owner_key(object: &Value, reference: &Value) -> Option<Key> {
    let kind =
        Kind::named(object::str_at(reference, "apiVersion"), object::str_at(reference, "kind"))?;
    Some(Key::new(kind, object::namespace(object), object::str_at(reference, "name")))
}

/// The objects of a kind whose selector selects another object.
fn selecting(world: &World, kind: Kind, object: &Value) -> Vec<Key> {
    let all = world.list_in(kind, object::namespace(object));
    let selecting =
        all.filter(|it| labels::selects(object::at(it, "spec.selector"), object::labels(object)));
    selecting.map(|it| key_of(kind, it)).collect()
}

/// The workload that manages a pod; for an orphan, those that might adopt it.
fn pod_owners(world: &World, pod: &Value) -> Vec<Work> {
    let owner = object::controller_of(pod).map(|it| owner_key(pod, it));
    let works = POD_OWNERS.iter().flat_map(|(kind, controller)| {
        let keys = match &owner {
            Some(owner) => owner.iter().filter(|it| it.kind == *kind).cloned().collect(),
            None => selecting(world, *kind, pod),
        };
        keys.into_iter().map(|key| Work { controller: *controller, key })
    });
    works.collect()
}

fn is_served(service: &Value, pod: &Value) -> bool {
    let selector = object::map_at(service, "spec.selector").filter(|it| !it.is_empty());
    selector.is_some() && labels::contains(object::labels(pod), selector)
}
