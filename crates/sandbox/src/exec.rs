//! A command in a container, or a container's own streams, as the caller holds them.

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use rustix::{
    pipe::{PipeFlags, pipe_with},
    termios::{Winsize, isatty, tcsetwinsize},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf, unix::AsyncFd},
    net::unix::pipe,
};

use crate::{
    connection::Connection,
    error::PodError,
    protocol::{Reply, Request},
    spec::{Exit, TerminalSize},
};

/// A running command. Take the streams out of it and read them while waiting.
///
/// *Guarantees*: dropping it kills the command (but not an attached container).
pub struct Exec {
    pub stdin: Option<ExecInput>,
    pub stdout: Option<ExecOutput>,
    pub stderr: Option<ExecOutput>,
    terminal: Option<Arc<AsyncFd<OwnedFd>>>,
    connection: Connection,
}

/// Standard input of a command; end of input when dropped.
pub struct ExecInput(Stream);

/// Standard output or error of a command.
pub struct ExecOutput(Stream);

enum Stream {
    Sender(pipe::Sender),
    Receiver(pipe::Receiver),
    Terminal(Arc<AsyncFd<OwnedFd>>),
}

impl Exec {
    /// Sends `request` with the pipes it asks for; `wanted` is input, output, error.
    pub(crate) async fn open(
        mut connection: Connection,
        request: &Request,
        wanted: [bool; 3],
    ) -> io::Result<Result<Self, PodError>> {
        let mut ours = [None, None, None];
        let mut theirs = Vec::new();
        for idx in pipes(request, wanted) {
            let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
            let (our_end, their_end) = if idx == 0 { (writer, reader) } else { (reader, writer) };
            ours[idx] = Some(our_end);
            theirs.push(their_end);
        }
        let riding: Vec<BorrowedFd<'_>> = theirs.iter().map(OwnedFd::as_fd).collect();
        connection.send(request, &riding).await?;
        drop(theirs);
        match connection.reply().await? {
            Reply::Done => {}
            Reply::Failed(failure) => return Ok(Err(failure.into_pod_error())),
            Reply::Containers(_) | Reply::Exited { .. } => {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        let mut terminal = None;
        match connection.take_descriptor() {
            Some(theirs) if isatty(&theirs) => {
                rustix::io::ioctl_fionbio(&theirs, true)?;
                // SAFETY: an `OwnedFd` answers the same open descriptor until it is dropped.
                terminal = Some(Arc::new(unsafe { AsyncFd::register(theirs) }?));
            }
            Some(theirs) => ours[0] = Some(theirs),
            None => {}
        }
        Self::from_parts(connection, ours, terminal, wanted).map(Ok)
    }

    fn from_parts(
        connection: Connection,
        ours: [Option<OwnedFd>; 3],
        terminal: Option<Arc<AsyncFd<OwnedFd>>>,
        wanted: [bool; 3],
    ) -> io::Result<Self> {
        let [stdin, stdout, stderr] = ours;
        let of_terminal =
            |is_wanted: bool| terminal.clone().filter(|_| is_wanted).map(Stream::Terminal);
        let sender = |end: OwnedFd| pipe::Sender::from_owned_fd(end).map(Stream::Sender);
        let receiver = |end: OwnedFd| pipe::Receiver::from_owned_fd(end).map(Stream::Receiver);
        Ok(Self {
            stdin: stdin.map(sender).transpose()?.or_else(|| of_terminal(wanted[0])).map(ExecInput),
            stdout: stdout
                .map(receiver)
                .transpose()?
                .or_else(|| of_terminal(wanted[1]))
                .map(ExecOutput),
            stderr: stderr.map(receiver).transpose()?.map(ExecOutput),
            terminal,
            connection,
        })
    }

    /// Tells the command's terminal its new size; nothing without a terminal.
    pub fn resize(&self, size: TerminalSize) -> io::Result<()> {
        let Some(terminal) = &self.terminal else { return Ok(()) };
        Ok(tcsetwinsize(terminal.get_ref(), winsize(size))?)
    }

    /// Waits for the end. An error is that the shim, and so the command, has gone.
    ///
    /// Safe to cancel and to call again, until it has answered.
    pub async fn wait(&mut self) -> io::Result<Exit> {
        match self.connection.reply().await? {
            Reply::Exited { exit, .. } => Ok(exit),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

pub(crate) fn winsize(size: TerminalSize) -> Winsize {
    Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// Lists the streams for which the caller makes pipes: none for a terminal, and for an attached
/// container only its outputs, because the shim has the other end of its input.
fn pipes(request: &Request, wanted: [bool; 3]) -> Vec<usize> {
    let first = match request {
        Request::Exec { spec, .. } if spec.tty.is_some() => 3,
        Request::Attach { .. } => 1,
        _ => 0,
    };
    (first..3).filter(|idx| wanted[*idx]).collect()
}

impl AsyncRead for ExecOutput {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Stream::Receiver(receiver) => Pin::new(receiver).poll_read(cx, buffer),
            Stream::Terminal(terminal) => poll_read_terminal(terminal, cx, buffer),
            Stream::Sender(_) => Poll::Ready(Err(io::ErrorKind::Unsupported.into())),
        }
    }
}

/// A terminal whose last user has gone answers `EIO`: that is its end of file.
fn poll_read_terminal(
    terminal: &AsyncFd<OwnedFd>,
    cx: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    loop {
        let mut guard = ready!(terminal.poll_read_ready(cx))?;
        let unfilled = buffer.initialize_unfilled();
        match guard.try_io(|it| Ok(rustix::io::read(it.get_ref(), &mut *unfilled)?)) {
            Ok(Ok(n_bytes)) => {
                buffer.advance(n_bytes);
                return Poll::Ready(Ok(()));
            }
            Ok(Err(error)) if error.raw_os_error() == Some(libc::EIO) => {
                return Poll::Ready(Ok(()));
            }
            Ok(Err(error)) => return Poll::Ready(Err(error)),
            Err(_would_block) => {}
        }
    }
}

impl AsyncWrite for ExecInput {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Stream::Sender(sender) => Pin::new(sender).poll_write(cx, bytes),
            Stream::Terminal(terminal) => loop {
                let mut guard = ready!(terminal.poll_write_ready(cx))?;
                let step = |it: &AsyncFd<OwnedFd>| Ok(rustix::io::write(it.get_ref(), bytes)?);
                if let Ok(result) = guard.try_io(step) {
                    return Poll::Ready(result);
                }
            },
            Stream::Receiver(_) => Poll::Ready(Err(io::ErrorKind::Unsupported.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl std::fmt::Debug for Exec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exec")
            .field("has_terminal", &self.terminal.is_some())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ExecInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExecInput")
    }
}

impl std::fmt::Debug for ExecOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExecOutput")
    }
}
