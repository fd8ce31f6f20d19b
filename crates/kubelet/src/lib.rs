//! Runs the pods of the one node: from watched Pods to `sandbox` calls, and back to pod status.
//!
//! It decides purely and acts thinly. What decides is a function from values to values: the next
//! steps of a pod, its status, a container's description, the files of its volumes,
//! when to probe. What acts is one task for each pod, which carries out what was decided.
//!
//! It does **not** schedule, route services, answer HTTP, or know the API server: it holds a
//! `kube::Client`. Containers outlive it; their shims belong to `sandbox`.
//!
//! Start at [`Kubelet::start`], then read `worker` (one pod's task), `plan` (what it does next) and
//! `status` (what it reports).

mod config;
mod kubelet;

mod dispatch;
mod worker;

mod plan;
mod state;

mod backoff;
mod conditions;
mod phase;
mod probe;
mod status;

mod container;
mod environment;
mod expansion;
mod fields;
mod names;
mod resources;
mod security;
mod volume;

mod addresses;
mod check;
mod clock;
mod cri;
mod disk;
mod images;
mod logs;
mod mount;
mod node;
mod objects;
mod recorder;
mod register;
mod registries;
mod text;
mod tls;
mod unpack;

pub use config::Config;
pub use disk::DiskError;
pub use images::ImageError;
pub use kubelet::{AccessError, ExecRequest, Kubelet, StartError};
pub use logs::LogRequest;
pub use register::RegisterError;
pub use registries::{RegistryFiles, RegistryFilesError};
pub use unpack::UnpackError;
