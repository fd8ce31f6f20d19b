//! The controllers' decisions as functions: from what is known of the cluster to the actions that bring it closer.
//!
//! Every decision has the shape `fn(&Facts, &Key) -> Vec<Action>`; `controller` lists them all, and says which
//! change of which object calls for which decision.
//! Nothing here reads a clock, sends a request or keeps state: what was decided shows in the world, or is forgotten.
//! It does not watch, queue, retry or write; `controllers` does.
//!
//! Start at `controller`, then `deployment` for the largest of them.

mod facts;
pub mod kinds;
mod world;

mod action;
mod controller;

mod collector;
mod daemon_set;
mod deployment;
mod disruption;
mod endpoints;
mod event;
mod garbage;
mod ingress;
mod job;
mod namespace;
mod replica_set;
mod scheduler;
mod stateful_set;
mod unsupported;
mod volume;

mod claim;
mod condition;
mod intstr;
mod labels;
mod object;
mod pod;
mod revision;
mod template;

pub use action::{Action, Notice, Part, Propagation, Report, Target};
pub use controller::{Controller, Work, affected, affected_by_absence, decide, standing};
pub use event::record;
pub use facts::{Config, Facts, Step, Trouble};
pub use kinds::Kind;
pub use unsupported::UNSUPPORTED;
pub use volume::PROVISIONER;
pub use world::{Change, Key, World};
