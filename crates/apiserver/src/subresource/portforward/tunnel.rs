//! Port-forward as kubectl speaks it: SPDY, two streams for each local connection, one for data and one for errors.
//!
//! Source: kubernetes 1.34, `pkg/kubelet/server`, `portforward/httpstream.go`; client-go 0.34, `tools/portforward`.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, duplex, split},
    sync::mpsc,
    task::JoinSet,
};
use tokio_tungstenite::tungstenite::Message;

use super::{Peer, READ_BYTES};
use crate::{
    node::NodeError,
    spdy::{self, Decoder, Encoder, Frame},
    subresource::websocket::{Socket, normal_close},
};

/// Frames, or pieces of data, that wait.
const QUEUED_MAX: usize = 16;

/// Serves SPDY inside the binary messages of a WebSocket.
pub(crate) async fn serve_over(socket: Socket, peer: Peer) {
    let (ours, theirs) = duplex(READ_BYTES);
    let (mut reader, mut writer) = split(ours);
    let (mut sink, mut source) = socket.split();
    let sending = async move {
        let mut buffer = vec![0; READ_BYTES];
        while let Ok(n_bytes @ 1..) = reader.read(&mut buffer).await {
            let message = Message::binary(Bytes::copy_from_slice(&buffer[..n_bytes]));
            if sink.send(message).await.is_err() {
                return;
            }
        }
        let _peer_gone = sink.send(normal_close()).await;
    };
    let receiving = async move {
        while let Some(Ok(message)) = source.next().await {
            match message {
                Message::Binary(bytes) if writer.write_all(&bytes).await.is_err() => return,
                Message::Close(_) => return,
                _ => {}
            }
        }
    };
    tokio::select! {
        () = serve(theirs, peer) => {}
        () = sending => {}
        () = receiving => {}
    }
}

/// Serves SPDY until the client goes.
pub(crate) async fn serve(io: impl AsyncRead + AsyncWrite + Send + 'static, peer: Peer) {
    let (mut reader, mut writer) = split(io);
    let (tx, mut rx) = mpsc::channel::<Vec<u8>>(QUEUED_MAX);
    let sending = async move {
        while let Some(frame) = rx.recv().await {
            if writer.write_all(&frame).await.is_err() || writer.flush().await.is_err() {
                return;
            }
        }
    };
    let receiving = async move {
        let mut session = Session {
            peer,
            tx,
            encoder: Encoder::default(),
            errors: BTreeMap::new(),
            inputs: BTreeMap::new(),
            connections: JoinSet::new(),
        };
        let mut decoder = Decoder::new();
        let mut buffer = vec![0; READ_BYTES];
        while let Ok(n_bytes @ 1..) = reader.read(&mut buffer).await {
            decoder.push(&buffer[..n_bytes]);
            if session.take(&mut decoder).await.is_none() {
                return;
            }
        }
    };
    tokio::select! {
        () = sending => {}
        () = receiving => {}
    }
}

struct Session {
    peer: Peer,
    tx: mpsc::Sender<Vec<u8>>,
    encoder: Encoder,
    /// By request, its error stream; the data stream follows.
    errors: BTreeMap<String, u32>,
    /// By data stream, what goes to the pod; dropping it ends that direction.
    inputs: BTreeMap<u32, mpsc::Sender<Bytes>>,
    connections: JoinSet<()>,
}

impl Session {
    /// Handles the frames that are there; `None` ends the session.
    async fn take(&mut self, decoder: &mut Decoder) -> Option<()> {
        loop {
            match decoder.next() {
                Ok(Some(frame)) => self.handle(frame).await?,
                Ok(None) => return Some(()),
                Err(error) => {
                    tracing::debug!(%error, "a port-forward sent what is no SPDY");
                    return None;
                }
            }
        }
    }

    async fn handle(&mut self, frame: Frame) -> Option<()> {
        match frame {
            Frame::Open { id, headers, .. } => {
                let reply = self.encoder.reply(id);
                self.tx.send(reply).await.ok()?;
                self.open(id, &headers).await?;
            }
            Frame::Data { id, data, is_last } => {
                if !data.is_empty()
                    && let Some(input) = self.inputs.get(&id)
                {
                    let _pod_gone = input.send(data).await;
                }
                if is_last {
                    self.inputs.remove(&id);
                }
            }
            Frame::Reset { id } => drop(self.inputs.remove(&id)),
            Frame::Ping { id } => self.tx.send(spdy::ping(id)).await.ok()?,
            Frame::GoAway => return None,
            Frame::Other => {}
        }
        Some(())
    }

    async fn open(&mut self, id: u32, headers: &[(String, String)]) -> Option<()> {
        let header = |name: &str| {
            let found = headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let request = header("requestid");
        match header("streamtype").as_str() {
            "error" => drop(self.errors.insert(request, id)),
            "data" => {
                let error_id = self.errors.remove(&request);
                let (input, from_client) = mpsc::channel(QUEUED_MAX);
                self.inputs.insert(id, input);
                let streams = Streams { data: id, error: error_id, tx: self.tx.clone() };
                let port = header("port").parse().unwrap_or(0);
                self.connections.spawn(connect(self.peer.clone(), port, streams, from_client));
            }
            // Nobody knows what this is for.
            _ => self.tx.send(spdy::data(id, b"", true)).await.ok()?,
        }
        // Those that have ended are let go.
        while self.connections.try_join_next().is_some() {}
        Some(())
    }
}

/// The two streams of one local connection.
struct Streams {
    data: u32,
    error: Option<u32>,
    tx: mpsc::Sender<Vec<u8>>,
}

async fn connect(peer: Peer, port: u16, streams: Streams, from_client: mpsc::Receiver<Bytes>) {
    let connected = peer.node.connect(&peer.namespace, &peer.pod, port).await;
    let problem = match connected {
        Ok(stream) => {
            copy(stream, &streams, from_client).await;
            String::new()
        }
        Err(error) => text(&error),
    };
    let Streams { data, error, tx } = streams;
    let _client_gone = tx.send(spdy::data(data, b"", true)).await;
    if let Some(error) = error {
        // The client waits for the end of this one.
        let _client_gone = tx.send(spdy::data(error, problem.as_bytes(), true)).await;
    }
}

/// Copies both ways until the pod has said all.
async fn copy(
    stream: Box<dyn crate::node::Stream>,
    streams: &Streams,
    mut from_client: mpsc::Receiver<Bytes>,
) {
    let (mut reader, mut writer) = split(stream);
    let to_pod = async {
        while let Some(bytes) = from_client.recv().await {
            if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                return;
            }
        }
        let _pod_gone = writer.shutdown().await;
    };
    let to_client = async {
        let mut buffer = vec![0; READ_BYTES];
        while let Ok(n_bytes @ 1..) = reader.read(&mut buffer).await {
            let frame = spdy::data(streams.data, &buffer[..n_bytes], false);
            if streams.tx.send(frame).await.is_err() {
                return;
            }
        }
    };
    let to_pod = async {
        to_pod.await;
        // The pod may still have something to say.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = to_pod => {}
        () = to_client => {}
    }
}

fn text(error: &NodeError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
