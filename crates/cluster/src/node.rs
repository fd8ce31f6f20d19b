//! The kubelet as the API server sees it: the one place where the two sets of words meet.

use std::{
    io,
    sync::{Arc, OnceLock},
};

use apiserver::{
    ExecExit, ExecRequest, ExecSession, LogRequest, Node, NodeError, Stream, TerminalSize,
};
use bytes::Bytes;
use futures_util::{future::BoxFuture, stream::BoxStream};
use kubelet::{AccessError, Kubelet};
use tokio::sync::mpsc;

/// Sizes that may wait for a terminal to take them.
const RESIZES_WAITING_MAX: usize = 4;
/// What a terminal is until its client says otherwise.
const TERMINAL: sandbox::TerminalSize = sandbox::TerminalSize { rows: 24, columns: 80 };

/// The API server starts before the kubelet, which is its client: until then the node is not ready.
#[derive(Debug, Clone, Default)]
pub(crate) struct NodeAccess(Arc<OnceLock<Kubelet>>);

impl NodeAccess {
    pub(crate) fn set(&self, kubelet: Kubelet) {
        // It is set once, by the one start of this process.
        self.0.set(kubelet).ok();
    }

    fn kubelet(&self) -> Result<&Kubelet, NodeError> {
        self.0.get().ok_or(NodeError::NotReady)
    }
}

impl Node for NodeAccess {
    fn logs(
        &self,
        request: LogRequest,
    ) -> BoxFuture<'_, Result<BoxStream<'static, io::Result<Bytes>>, NodeError>> {
        Box::pin(async move {
            let container = request.container.clone();
            let request = kubelet::LogRequest {
                namespace: request.namespace,
                pod: request.pod,
                container: request.container,
                follow: request.follow,
                previous: request.previous,
                tail_lines: request.tail_lines,
                since: request.since,
                limit_bytes: request.limit_bytes,
                timestamps: request.timestamps,
            };
            self.kubelet()?.logs(&request).await.map_err(|it| told(it, &container))
        })
    }

    fn connect(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
    ) -> BoxFuture<'_, Result<Box<dyn Stream>, NodeError>> {
        let (namespace, pod) = (namespace.to_owned(), pod.to_owned());
        Box::pin(async move {
            let stream = self.kubelet()?.connect(&namespace, &pod, port).await;
            let stream = stream.map_err(|it| told(it, ""))?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn exec(&self, request: ExecRequest) -> BoxFuture<'_, Result<ExecSession, NodeError>> {
        Box::pin(async move {
            let (container, command) = (request.container.clone(), request.command.join(" "));
            let request = kubelet::ExecRequest {
                namespace: request.namespace,
                pod: request.pod,
                container: request.container,
                command: request.command,
                stdin: request.stdin,
                stdout: request.stdout,
                stderr: request.stderr,
                tty: request.tty.then_some(TERMINAL),
            };
            let exec = self.kubelet()?.exec(request).await.map_err(|it| match it {
                AccessError::Exec { source, .. } => NodeError::Start {
                    command,
                    container: container.clone(),
                    reason: source.to_string(),
                },
                other => told(other, &container),
            })?;
            Ok(session(exec))
        })
    }
}

/// Streams pass as they are; sizes and the end go through one task that owns the command.
fn session(mut exec: sandbox::Exec) -> ExecSession {
    let (stdin, stdout, stderr) = (exec.stdin.take(), exec.stdout.take(), exec.stderr.take());
    let (resize, mut sizes) = mpsc::channel::<TerminalSize>(RESIZES_WAITING_MAX);
    let exit = Box::pin(async move {
        loop {
            let size = tokio::select! {
                exit = exec.wait() => {
                    let exit = exit.map_err(|source| NodeError::ReadLog {
                        container: "exec".to_owned(),
                        source,
                    })?;
                    return Ok(ExecExit { code: exit.code });
                }
                Some(size) = sizes.recv() => size,
            };
            let size = sandbox::TerminalSize { rows: size.rows, columns: size.columns };
            // A terminal that is gone needs no size.
            exec.resize(size).ok();
        }
    });
    ExecSession {
        stdin: stdin.map(|it| Box::new(it) as _),
        stdout: stdout.map(|it| Box::new(it) as _),
        stderr: stderr.map(|it| Box::new(it) as _),
        resize: Some(resize),
        exit,
    }
}

fn told(error: AccessError, container: &str) -> NodeError {
    match error {
        AccessError::NoPod(pod) => NodeError::NoSuchPod { pod },
        AccessError::NoContainer { pod, container }
        | AccessError::NotRunning { pod, container } => NodeError::NotRunning { pod, container },
        AccessError::NoPrevious { pod, container } => NodeError::NoPrevious { pod, container },
        AccessError::Waiting { pod, container, reason } => {
            NodeError::Waiting { pod, container, reason }
        }
        AccessError::Connect { pod, port, source } => NodeError::Connect { pod, port, source },
        AccessError::Exec { source, .. } => {
            NodeError::ReadLog { container: container.to_owned(), source: io::Error::other(source) }
        }
    }
}
