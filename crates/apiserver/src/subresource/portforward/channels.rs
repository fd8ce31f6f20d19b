//! Port-forward as libraries speak it: two channels a port, data at `2 * idx`, errors at `2 * idx + 1`.
//!
//! Each begins with the port, little-endian. Source: kubernetes 1.34, `pkg/kubelet/server`, `portforward/websocket.go`.

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split},
    sync::mpsc,
    task::JoinSet,
};
use tokio_tungstenite::tungstenite::Message;

use super::READ_BYTES;
use crate::{
    node::{NodeError, Stream},
    subresource::websocket::{Socket, message, normal_close},
};

/// Messages that wait to be sent.
const QUEUED_MAX: usize = 16;

/// One port's connection, or why there is none.
pub(crate) type Connected = (u16, Result<Box<dyn Stream>, NodeError>);

pub(crate) async fn forward(socket: Socket, connections: Vec<Connected>) {
    let (mut sink, mut source) = socket.split();
    let (tx, mut rx) = mpsc::channel::<Message>(QUEUED_MAX);
    let mut readers = JoinSet::new();
    let mut writers: Vec<Option<WriteHalf<Box<dyn Stream>>>> = Vec::new();
    for (idx, (port, connected)) in connections.into_iter().enumerate() {
        let data = u8::try_from(idx * 2).expect("at most 100 ports");
        let (writer, work) = match connected {
            Ok(stream) => {
                let (reader, writer) = split(stream);
                (Some(writer), Work::Copy(reader))
            }
            Err(error) => (None, Work::Report(error.to_string())),
        };
        writers.push(writer);
        readers.spawn(serve_port(data, port, work, tx.clone()));
    }
    drop(tx);
    let sending = async move {
        while let Some(message) = rx.recv().await {
            if sink.send(message).await.is_err() {
                return;
            }
        }
        // Every port has ended.
        let _peer_gone = sink.send(normal_close()).await;
    };
    let receiving = async move {
        while let Some(Ok(message)) = source.next().await {
            match message {
                Message::Binary(bytes) => write(&mut writers, &bytes).await,
                Message::Close(_) => return,
                _ => {}
            }
        }
    };
    tokio::select! {
        () = sending => {}
        () = receiving => {}
    }
}

/// What a port sends to the client.
enum Work {
    Copy(ReadHalf<Box<dyn Stream>>),
    Report(String),
}

async fn serve_port(data: u8, port: u16, work: Work, tx: mpsc::Sender<Message>) {
    for channel in [data, data + 1] {
        if tx.send(message(channel, &port.to_le_bytes())).await.is_err() {
            return;
        }
    }
    match work {
        Work::Report(error) => {
            let _peer_gone = tx.send(message(data + 1, error.as_bytes())).await;
        }
        Work::Copy(mut reader) => {
            let mut buffer = vec![0; READ_BYTES];
            while let Ok(n_bytes @ 1..) = reader.read(&mut buffer).await {
                if tx.send(message(data, &buffer[..n_bytes])).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn write(writers: &mut [Option<WriteHalf<Box<dyn Stream>>>], bytes: &Bytes) {
    let Some((&channel, data)) = bytes.split_first() else { return };
    let idx = usize::from(channel / 2);
    if channel % 2 != 0 || data.is_empty() {
        return;
    }
    if let Some(slot) = writers.get_mut(idx)
        && let Some(writer) = slot
        && writer.write_all(data).await.is_err()
    {
        *slot = None;
    }
}
