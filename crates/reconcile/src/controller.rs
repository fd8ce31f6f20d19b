//! All controllers in one list: what each decides, and which changes wake it.

mod wake;

use crate::{
    action::Action, collector, daemon_set, deployment, disruption, endpoints, event, facts::Facts,
    garbage, ingress, job, namespace, replica_set, scheduler, stateful_set, unsupported, volume,
    world::Key,
};

pub use wake::{affected, affected_by_absence};

/// One controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    Deployment,
    ReplicaSet,
    Job,
    StatefulSet,
    DaemonSet,
    Scheduler,
    EndpointSlice,
    Endpoints,
    Namespace,
    Claim,
    Volume,
    Ingress,
    LoadBalancer,
    Disruption,
    Garbage,
    PodCollector,
    EventCollector,
    Unsupported,
}

impl Controller {
    /// Whether its decision reads the trouble of the last attempt, to tell of it while it waits.
    pub fn tells_trouble(self) -> bool {
        matches!(self, Self::Deployment | Self::ReplicaSet)
    }
}

/// One decision to take.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Work {
    pub controller: Controller,
    pub key: Key,
}

/// The decisions to take once at the start: those about all objects of a kind, which may start timers.
pub fn standing() -> [Work; 3] {
    [
        Work { controller: Controller::Scheduler, key: collector::all() },
        Work { controller: Controller::PodCollector, key: collector::all() },
        Work { controller: Controller::EventCollector, key: event::all() },
    ]
}

/// Takes one decision.
pub fn decide(work: &Work, facts: &Facts<'_>) -> Vec<Action> {
    let key = &work.key;
    match work.controller {
        Controller::Deployment => deployment::deployment(facts, key),
        Controller::ReplicaSet => replica_set::replica_set(facts, key),
        Controller::Job => job::job(facts, key),
        Controller::StatefulSet => stateful_set::stateful_set(facts, key),
        Controller::DaemonSet => daemon_set::daemon_set(facts, key),
        Controller::Scheduler => scheduler::schedule(facts),
        Controller::EndpointSlice => endpoints::endpoint_slices(facts, key),
        Controller::Endpoints => endpoints::endpoints(facts, key),
        Controller::Namespace => namespace::namespace(facts, key),
        Controller::Claim => volume::claim(facts, key),
        Controller::Volume => volume::volume(facts, key),
        Controller::Ingress => ingress::ingress(facts, key),
        Controller::LoadBalancer => ingress::load_balancer(facts, key),
        Controller::Disruption => disruption::disruption_budget(facts, key),
        Controller::Garbage => garbage::garbage(facts, key),
        Controller::PodCollector => collector::collect_pods(facts),
        Controller::EventCollector => event::collect_events(facts),
        Controller::Unsupported => unsupported::unsupported(facts, key),
    }
}
