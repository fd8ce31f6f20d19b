//! Containers: namespaces, mounts, cgroups, the pod network, exec. The only crate with `unsafe`.
//!
//! It starts processes in containers and gives them a network. It does **not** know Kubernetes
//! objects, images or registries, decides no restart, probes nothing and routes no service: callers
//! hand in finished [`ContainerSpec`]s and listen to exits.
//!
//! Start at [`Node::open`] for the node's private network, then [`Pod::create`] and [`Pod::start`].
//! A pod is owned by a *shim*: the same binary, re-executed, one small process with one thread, so
//! that containers outlive the process that asked for them; [`Pod::adopt`] finds them again.
//! `main` of a binary that is used as [`NodeConfig::shim_exe`] calls [`run_if_shim`] first.

#![expect(unsafe_code, reason = "this crate is the kernel adapter; see docs/decisions/0002")]
#![expect(clippy::disallowed_methods, reason = "this crate is the kernel adapter")]

mod connection;
mod error;
mod exec;
mod node;
mod pod;
mod spec;

mod protocol;
mod shim;

mod kernel;

pub use error::{NodeError, PodError, StartError};
pub use exec::{Exec, ExecInput, ExecOutput};
pub use node::{Node, original_destination};
pub use pod::Pod;
pub use shim::run_if_shim;
pub use spec::{
    ContainerSpec, ContainerState, ContainerStatus, ExecSpec, Exit, LOG_BYTES_MAX, LOG_FILES_MAX,
    Mount, MountSource, NodeConfig, PodConfig, Seccomp, TerminalSize, Usage,
};
