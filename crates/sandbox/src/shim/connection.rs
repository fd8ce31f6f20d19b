//! One conversation on the shim's socket, from the answering side.

use std::{
    io,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::protocol::{self, Reply, Request};

/// Longest that a peer may keep the shim waiting to take an answer.
const SEND_SECONDS_MAX: i64 = 1;

pub(crate) struct Connection {
    pub(crate) stream: UnixStream,
    bytes: Vec<u8>,
    descriptors: Vec<OwnedFd>,
    /// Wants to hear of every exit.
    pub(crate) is_watching: bool,
}

/// What came in.
pub(crate) enum Incoming {
    Request(Request, Vec<OwnedFd>),
    /// Not a whole request yet.
    Part,
    Closed,
}

impl Connection {
    pub(crate) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, bytes: Vec::new(), descriptors: Vec::new(), is_watching: false })
    }

    /// Reads what there is. A peer that breaks the protocol is as good as gone.
    pub(crate) fn receive(&mut self) -> Incoming {
        match protocol::receive(&self.stream, &mut self.bytes, &mut self.descriptors) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Incoming::Part,
            Ok(0) | Err(_) => Incoming::Closed,
            Ok(_) => match protocol::decode(&mut self.bytes) {
                Ok(Some(request)) => {
                    Incoming::Request(request, std::mem::take(&mut self.descriptors))
                }
                Ok(None) => Incoming::Part,
                Err(_) => Incoming::Closed,
            },
        }
    }

    pub(crate) fn send(&self, reply: &Reply, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let frame = protocol::encode(reply)?;
        let mut rest = &frame[..];
        while !rest.is_empty() {
            let riding = if rest.len() == frame.len() { descriptor.as_slice() } else { &[] };
            match protocol::send(&self.stream, rest, riding) {
                Ok(n_bytes) => rest = &rest[n_bytes..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait()?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn wait(&self) -> io::Result<()> {
        let limit = Timespec { tv_sec: SEND_SECONDS_MAX, tv_nsec: 0 };
        let mut fds = [PollFd::from_borrowed_fd(self.stream.as_fd(), PollFlags::OUT)];
        match poll(&mut fds, Some(&limit))? {
            0 => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }
}
