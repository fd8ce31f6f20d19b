//! `exec`: a command in a container, over WebSocket channels.
//!
//! Source: apimachinery 0.34, `util/remotecommand/constants.go`; kubelet, `cri-client/remotecommand/websocket.go`.

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::Response;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::mpsc,
    task::JoinSet,
};
use tokio_tungstenite::tungstenite::Message;

use super::{
    container, pod,
    websocket::{Handshake, Socket, message, normal_close},
};
use crate::{
    api::Api,
    body::Body,
    call::Call,
    error::ApiError,
    node::{ExecExit, ExecRequest, ExecSession, NodeError, TerminalSize},
    path::Target,
};

const PROTOCOLS: &[&str] = &["v5.channel.k8s.io", "v4.channel.k8s.io"];

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const RESIZE: u8 = 4;
/// Its data is the channel that ends; v5 only.
const CLOSE: u8 = 255;

const QUEUED_MAX: usize = 16;
const READ_BYTES: usize = 32 << 10;

pub(crate) async fn exec(
    api: &Api,
    mut call: Call,
    target: &Target,
) -> Result<Response<Body>, ApiError> {
    let request = request(api, &call, target)?;
    let handshake = Handshake::check(&mut call, PROTOCOLS)?;
    // A client that is refused before the upgrade tries another protocol, and never tells why it was refused.
    let session = api.node.exec(request).await;
    let (response, socket) = handshake.complete();
    let shutdown = api.config.shutdown.clone();
    tokio::spawn(async move {
        let running = async {
            match (socket.await, session) {
                (Ok(socket), Ok(session)) => run(socket, session).await,
                (Ok(socket), Err(error)) => refuse(socket, error).await,
                (Err(error), _) => tracing::debug!(%error, "an exec was given up"),
            }
        };
        tokio::select! {
            () = running => {}
            () = shutdown.cancelled() => {}
        }
    });
    Ok(response)
}

fn request(api: &Api, call: &Call, target: &Target) -> Result<ExecRequest, ApiError> {
    let pod = pod(api, target)?;
    let container = container(&pod, call.query.text("container"))?;
    if matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed")) {
        let phase = pod["status"]["phase"].as_str().unwrap_or_default();
        return Err(ApiError::bad_request(format!(
            "cannot exec into a container in a completed pod; current phase is {phase}"
        )));
    }
    let command: Vec<String> = call.query.all("command").map(str::to_owned).collect();
    if command.is_empty() {
        return Err(ApiError::bad_request("you must specify at least 1 command for the container"));
    }
    let tty = call.query.flag("tty");
    Ok(ExecRequest {
        namespace: target.namespace.clone(),
        pod: target.name.clone(),
        container,
        command,
        stdin: call.query.flag("stdin"),
        stdout: call.query.flag("stdout"),
        // A terminal has one output.
        stderr: call.query.flag("stderr") && !tty,
        tty,
    })
}

/// Says why the command could not be started.
async fn refuse(mut socket: Socket, error: NodeError) {
    let status = exit_status(&Err(error)).to_string();
    if socket.send(message(ERROR, status.as_bytes())).await.is_ok() {
        let _peer_gone = socket.send(normal_close()).await;
    }
}

async fn run(socket: Socket, session: ExecSession) {
    let (mut sink, mut source) = socket.split();
    let (tx, mut rx) = mpsc::channel::<Message>(QUEUED_MAX);
    let ExecSession { mut stdin, stdout, stderr, resize, exit } = session;
    let mut outputs = JoinSet::new();
    for (channel, output) in [(STDOUT, stdout), (STDERR, stderr)] {
        if let Some(output) = output {
            outputs.spawn(copy_output(channel, output, tx.clone()));
        }
    }
    let finishing = async move {
        let exit = exit.await;
        // What the command wrote comes before how it ended.
        while outputs.join_next().await.is_some() {}
        let status = exit_status(&exit).to_string();
        let _peer_gone = tx.send(message(ERROR, status.as_bytes())).await;
    };
    let sending = async move {
        while let Some(message) = rx.recv().await {
            if sink.send(message).await.is_err() {
                return;
            }
        }
        let _peer_gone = sink.send(normal_close()).await;
    };
    let receiving = async move {
        while let Some(Ok(message)) = source.next().await {
            match message {
                Message::Binary(bytes) => input(&bytes, &mut stdin, resize.as_ref()).await,
                Message::Close(_) => return,
                _ => {}
            }
        }
    };
    let answering = async {
        tokio::join!(finishing, sending);
    };
    tokio::select! {
        () = answering => {}
        () = receiving => {}
    }
}

async fn copy_output(
    channel: u8,
    mut output: Box<dyn AsyncRead + Send + Unpin>,
    tx: mpsc::Sender<Message>,
) {
    let mut buffer = vec![0; READ_BYTES];
    while let Ok(n_bytes @ 1..) = output.read(&mut buffer).await {
        if tx.send(message(channel, &buffer[..n_bytes])).await.is_err() {
            return;
        }
    }
}

async fn input(
    bytes: &Bytes,
    stdin: &mut Option<Box<dyn AsyncWrite + Send + Unpin>>,
    resize: Option<&mpsc::Sender<TerminalSize>>,
) {
    let Some((&channel, data)) = bytes.split_first() else { return };
    match channel {
        STDIN => {
            if let Some(writer) = stdin
                && (writer.write_all(data).await.is_err() || writer.flush().await.is_err())
            {
                *stdin = None;
            }
        }
        RESIZE => {
            if let (Some(resize), Some(size)) = (resize, terminal_size(data)) {
                let _command_gone = resize.send(size).await;
            }
        }
        CLOSE if data == [STDIN] => *stdin = None,
        _ => {}
    }
}

fn terminal_size(data: &[u8]) -> Option<TerminalSize> {
    let size: Value = serde_json::from_slice(data).ok()?;
    let number = |name: &str| size[name].as_u64().and_then(|it| u16::try_from(it).ok());
    Some(TerminalSize { columns: number("Width")?, rows: number("Height")? })
}

fn exit_status(exit: &Result<ExecExit, NodeError>) -> Value {
    match exit {
        Ok(ExecExit { code: 0 }) => json!({ "metadata": {}, "status": "Success" }),
        Ok(ExecExit { code }) => json!({
            "metadata": {},
            "status": "Failure",
            "message": format!("command terminated with non-zero exit code: exit status {code}"),
            "reason": "NonZeroExitCode",
            "details": { "causes": [{ "reason": "ExitCode", "message": code.to_string() }] },
        }),
        Err(error) => json!({
            "metadata": {},
            "status": "Failure",
            "message": error.to_string(),
            "reason": "InternalError",
            "code": 500,
        }),
    }
}
