//! One conversation with a shim, from the asking side.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd, OwnedFd},
};

use tokio::{io::Interest, net::UnixStream};

use crate::{
    protocol::{self, Reply, Request},
    spec::SOCKET,
};

pub(crate) struct Connection {
    stream: UnixStream,
    bytes: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

impl Connection {
    /// Connects to the socket in the folder `dir`; through `/proc`, because a socket's path is
    /// limited to 108 bytes.
    pub(crate) async fn open(dir: &OwnedFd) -> io::Result<Self> {
        let path = format!("/proc/self/fd/{}/{SOCKET}", dir.as_raw_fd());
        let stream = UnixStream::connect(path).await?;
        Ok(Self { stream, bytes: Vec::new(), descriptors: Vec::new() })
    }

    /// The shim's process number in the host's PID namespace.
    pub(crate) fn shim_pid(&self) -> io::Result<i32> {
        self.stream.peer_cred()?.pid().ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    pub(crate) async fn send(
        &self,
        request: &Request,
        descriptors: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        let frame = protocol::encode(request)?;
        let mut sent = 0;
        while sent < frame.len() {
            self.stream.writable().await?;
            let riding = if sent == 0 { descriptors } else { &[] };
            let step = || protocol::send(&self.stream, &frame[sent..], riding);
            match self.stream.try_io(Interest::WRITABLE, step) {
                Ok(n_bytes) => sent += n_bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits for the next answer; `UnexpectedEof` when the shim has gone.
    pub(crate) async fn reply(&mut self) -> io::Result<Reply> {
        loop {
            if let Some(reply) = protocol::decode(&mut self.bytes)? {
                return Ok(reply);
            }
            self.stream.readable().await?;
            let Self { stream, bytes, descriptors } = self;
            let step = || protocol::receive(&*stream, bytes, descriptors);
            match stream.try_io(Interest::READABLE, step) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// A descriptor that came with the answers so far.
    pub(crate) fn take_descriptor(&mut self) -> Option<OwnedFd> {
        self.descriptors.pop()
    }
}
