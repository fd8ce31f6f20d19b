//! Why a node, a pod or a container could not be had.

use std::{io, path::PathBuf};

use serde::{Deserialize, Serialize};

/// Why the node's network could not be made, adopted or removed.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error(
        "the embedded cluster needs root for its namespaces, mounts and cgroups; this is user {uid}: run it with sudo"
    )]
    NotRoot { uid: u32 },
    #[error("{step}")]
    Step { step: String, source: io::Error },
}

/// Why a pod or one of its containers did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum PodError {
    #[error("could not start the pod's shim `{exe}`", exe = exe.display())]
    Launch { exe: PathBuf, source: io::Error },
    /// The shim could not make the pod; nothing of it is left.
    #[error("could not set up the pod: {step}")]
    Setup { step: String, source: io::Error },
    /// The shim has ended, and all containers with it; see [`Pod::discard`](crate::Pod::discard).
    #[error("no shim answers for the pod in `{dir}`", dir = dir.display())]
    Gone { dir: PathBuf, source: io::Error },
    #[error("could not talk to the shim of the pod in `{dir}`", dir = dir.display())]
    Talk { dir: PathBuf, source: io::Error },
    #[error("there is no container `{id}` in this pod")]
    NoSuchContainer { id: String },
    #[error("container `{id}` is not running")]
    NotRunning { id: String },
    #[error("exec `{program}`: no such file in the image")]
    NoSuchFile { program: String },
    #[error("{step}")]
    Step { step: String, source: io::Error },
}

/// Why a container did not start; nothing of it is left running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("exec `{program}`: no such file in the image")]
    NoSuchFile { program: String },
    #[error("a container `{id}` is already in this pod")]
    Exists { id: String },
    #[error("{step}")]
    Step { step: String, source: io::Error },
    #[error("could not ask the pod's shim")]
    Shim { source: PodError },
}

/// A failure as it travels on the shim's socket and from a new process to the shim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Failure {
    NoSuchFile { program: String },
    NoSuchContainer { id: String },
    NotRunning { id: String },
    Exists { id: String },
    Step { step: String, errno: i32 },
}

impl Failure {
    pub(crate) fn step(step: impl Into<String>, source: &io::Error) -> Self {
        Self::Step { step: step.into(), errno: source.raw_os_error().unwrap_or(libc::EIO) }
    }

    pub(crate) fn into_start_error(self) -> StartError {
        match self {
            Self::NoSuchFile { program } => StartError::NoSuchFile { program },
            Self::Exists { id } => StartError::Exists { id },
            Self::Step { step, errno } => {
                StartError::Step { step, source: io::Error::from_raw_os_error(errno) }
            }
            other @ (Self::NoSuchContainer { .. } | Self::NotRunning { .. }) => {
                StartError::Shim { source: other.into_pod_error() }
            }
        }
    }

    pub(crate) fn into_pod_error(self) -> PodError {
        match self {
            Self::NoSuchFile { program } => PodError::NoSuchFile { program },
            Self::NoSuchContainer { id } => PodError::NoSuchContainer { id },
            Self::NotRunning { id } => PodError::NotRunning { id },
            Self::Exists { id } => PodError::Step {
                step: format!("container `{id}` is already there"),
                source: io::Error::from_raw_os_error(libc::EEXIST),
            },
            Self::Step { step, errno } => {
                PodError::Step { step, source: io::Error::from_raw_os_error(errno) }
            }
        }
    }
}

/// Adds what was being done to an I/O error.
pub(crate) trait During<T> {
    /// `step` names the action and the thing, as "mount `/proc`".
    fn during(self, step: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> During<T> for Result<T, E> {
    fn during(self, step: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|source| Failure::step(format!("could not {}", step()), &source.into()))
    }
}
