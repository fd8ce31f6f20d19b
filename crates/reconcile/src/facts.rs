//! All that a decision may know: the world, the time, the configuration, and what went wrong last time.

use std::{net::Ipv4Addr, path::PathBuf};

use jiff::Timestamp;

use crate::world::World;

#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub world: &'a World,
    pub config: &'a Config,
    pub now: Timestamp,
    /// Why the actions for this object failed, when they did and have not succeeded since.
    pub trouble: Option<&'a Trouble>,
}

impl Facts<'_> {
    /// The trouble, while it is too early to try again: a decision then reports, and creates nothing.
    pub fn backing_off(&self) -> Option<&Trouble> {
        self.trouble.filter(|it| self.now < it.until)
    }
}

#[derive(Debug, Clone)]
pub struct Config {
    pub node_name: String,
    /// The certificate authority of the API server in PEM, published in every namespace.
    pub ca: String,
    /// Where the local provisioner keeps its volumes.
    pub volumes_dir: PathBuf,
    /// Where ingresses and load balancers are reached.
    pub ingress: Option<(Ipv4Addr, u16)>,
}

/// A refusal of the API server, or a failure on the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub step: Step,
    /// The reason of the API server's `Status`: `Forbidden`, `AlreadyExists`; empty when it said none.
    pub reason: String,
    pub message: String,
    /// No new attempt before this time.
    pub until: Timestamp,
}

/// Which sort of action failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Create,
    Delete,
    Other,
}
