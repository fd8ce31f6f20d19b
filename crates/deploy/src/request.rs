//! What is to be deployed.

use std::time::Duration;

use release::{
    Owner,
    record::{Chart, Hook},
};
use serde_json::{Map, Value};

use crate::smoke::Check;

/// A rendered chart, and how to deploy it.
#[derive(Debug, Clone)]
pub struct Request {
    /// The release and its namespace.
    pub owner: Owner,
    pub chart: Chart,
    /// The user's values, without the chart's defaults.
    pub values: Map<String, Value>,
    /// The documents in install order, as `helm template` prints them, without hooks.
    pub manifest: String,
    pub hooks: Vec<Hook>,
    pub notes: String,
    /// The objects of the chart's `crds/`, created on install alone.
    pub crds: Vec<Value>,
    /// Digests of the images that the manifest runs, where its text does not name them.
    pub images: Vec<String>,
    pub checks: Vec<Check>,
    pub options: Options,
}

/// How a release is deployed; `Options::default()` is what zarpa does when nothing is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// For each wait: the rollout, a hook, a deletion.
    pub timeout: Duration,
    /// Take fields over that other managers own, instead of refusing.
    pub forces_conflicts: bool,
    /// Take objects over that belong to another release or to nobody.
    pub takes_ownership: bool,
    /// After a failure put the last good revision back, or remove what a first install created.
    pub rolls_back: bool,
    pub runs_hooks: bool,
    pub history_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(300),
            forces_conflicts: false,
            takes_ownership: false,
            rolls_back: true,
            runs_hooks: true,
            history_max: release::history::HISTORY_MAX,
        }
    }
}
