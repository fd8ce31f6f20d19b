//! A node that echoes: logs tell what was asked, ports and commands give back what they get.

use std::io;

use apiserver::{
    ExecExit, ExecRequest, ExecSession, LogRequest, Node, NodeError, Stream, TerminalSize,
};
use bytes::Bytes;
use futures_util::{
    FutureExt as _,
    future::BoxFuture,
    stream::{self, BoxStream, StreamExt as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
    sync::mpsc,
};

pub(crate) struct FakeNode;

impl Node for FakeNode {
    fn logs(
        &self,
        request: LogRequest,
    ) -> BoxFuture<'_, Result<BoxStream<'static, io::Result<Bytes>>, NodeError>> {
        let LogRequest { pod, container, follow, tail_lines, .. } = request;
        let text = format!("{pod}/{container} follow={follow} tail={tail_lines:?}\n");
        async move { Ok(stream::once(async move { Ok(text.into()) }).boxed()) }.boxed()
    }

    fn connect(
        &self,
        _: &str,
        pod: &str,
        port: u16,
    ) -> BoxFuture<'_, Result<Box<dyn Stream>, NodeError>> {
        let pod = pod.to_owned();
        async move {
            if port == 1 {
                let source = io::ErrorKind::ConnectionRefused.into();
                return Err(NodeError::Connect { pod, port, source });
            }
            let (ours, theirs) = duplex(1024);
            tokio::spawn(async move {
                let (mut reader, mut writer) = tokio::io::split(ours);
                let _ended = tokio::io::copy(&mut reader, &mut writer).await;
            });
            Ok(Box::new(theirs) as Box<dyn Stream>)
        }
        .boxed()
    }

    /// Gives its standard input back in upper case and ends with the length of its command as exit code.
    fn exec(&self, request: ExecRequest) -> BoxFuture<'_, Result<ExecSession, NodeError>> {
        let (stdin, mut input) = duplex(1024);
        let (mut output, stdout) = duplex(1024);
        let (resize, mut sizes) = mpsc::channel::<TerminalSize>(1);
        let code = i32::try_from(request.command.len()).unwrap() - 1;
        let exit = async move {
            let mut text = String::new();
            let _closed = input.read_to_string(&mut text).await;
            let _closed = output.write_all(text.to_uppercase().as_bytes()).await;
            drop(output);
            sizes.close();
            Ok(ExecExit { code })
        };
        let exit = tokio::spawn(exit).map(Result::unwrap).boxed();
        let session = ExecSession {
            stdin: Some(Box::new(stdin)),
            stdout: Some(Box::new(stdout)),
            stderr: None,
            resize: Some(resize),
            exit,
        };
        async { Ok(session) }.boxed()
    }
}
