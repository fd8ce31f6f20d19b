//! The embedded cluster: API server, controllers, kubelet and netproxy in one process.
//!
//! [`run()`] is that process, from its first file to its last pod; [`control`] is everybody else's view of it:
//! start it in the background, ask how it does, stop it, remove it without a trace.
//! It deploys nothing and builds nothing: whoever wants something of the cluster asks its API.
#![expect(
    clippy::disallowed_methods,
    reason = "assembles the cluster: its files, sockets and processes"
)]

pub mod control;
mod kubeconfig;
mod layout;
mod leftover;
mod node;
mod pki;
mod resolvers;
mod run;
mod settings;

pub use layout::Layout;
pub use pki::PkiError;
pub use run::{Machine, RunError, run};
pub use settings::{Settings, SettingsError};
