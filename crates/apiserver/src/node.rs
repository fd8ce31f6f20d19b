//! What the API server needs of the node: logs, connections into pods, and commands in containers.

use std::io;

use bytes::Bytes;
use futures_util::{future::BoxFuture, stream::BoxStream};
use jiff::Timestamp;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
};

/// The node's side of `pods/log`, `pods/portforward` and `pods/exec`; the assembly provides it.
pub trait Node: Send + Sync + 'static {
    fn logs(
        &self,
        request: LogRequest,
    ) -> BoxFuture<'_, Result<BoxStream<'static, io::Result<Bytes>>, NodeError>>;

    /// Connects to a port on the pod's own loopback.
    fn connect(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
    ) -> BoxFuture<'_, Result<Box<dyn Stream>, NodeError>>;

    fn exec(&self, request: ExecRequest) -> BoxFuture<'_, Result<ExecSession, NodeError>>;
}

/// A connection into a pod.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Which part of a container's log; the container exists in the pod's spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRequest {
    pub namespace: String,
    pub pod: String,
    pub container: String,
    pub follow: bool,
    /// The log of the container's previous run.
    pub previous: bool,
    pub tail_lines: Option<u64>,
    pub since: Option<Timestamp>,
    pub limit_bytes: Option<u64>,
    /// Each line begins with its RFC 3339 time.
    pub timestamps: bool,
}

/// A command to run in a container that exists in the pod's spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecRequest {
    pub namespace: String,
    pub pod: String,
    pub container: String,
    pub command: Vec<String>,
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
    pub tty: bool,
}

/// A command that runs; a stream is there when the request asked for it.
pub struct ExecSession {
    /// Dropping it closes the command's standard input.
    pub stdin: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    pub stdout: Option<Box<dyn AsyncRead + Send + Unpin>>,
    pub stderr: Option<Box<dyn AsyncRead + Send + Unpin>>,
    pub resize: Option<mpsc::Sender<TerminalSize>>,
    pub exit: BoxFuture<'static, Result<ExecExit, NodeError>>,
}

impl std::fmt::Debug for ExecSession {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ExecSession").finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    pub columns: u16,
    pub rows: u16,
}

/// How a command ended: its exit code, or 128 and the signal's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecExit {
    pub code: i32,
}

/// Why the node could not do it.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error("pod \"{pod}\" is not on this node")]
    NoSuchPod { pod: String },
    #[error("container \"{container}\" in pod \"{pod}\" is not running")]
    NotRunning { pod: String, container: String },
    #[error("container \"{container}\" in pod \"{pod}\" is waiting to start: {reason}")]
    Waiting { pod: String, container: String, reason: String },
    #[error("previous terminated container \"{container}\" in pod \"{pod}\" not found")]
    NoPrevious { pod: String, container: String },
    #[error("could not connect to port {port} of pod \"{pod}\"")]
    Connect { pod: String, port: u16, source: io::Error },
    #[error("could not start `{command}` in container \"{container}\": {reason}")]
    Start { command: String, container: String, reason: String },
    #[error("could not read the log of container \"{container}\"")]
    ReadLog { container: String, source: io::Error },
    #[error("this node does not support {what} yet")]
    Unsupported { what: String },
    #[error("the node is not ready")]
    NotReady,
}
