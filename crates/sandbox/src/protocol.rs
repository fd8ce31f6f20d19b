//! The shim's socket: a frame is a little-endian `u32` length and that much JSON; descriptors ride along.
//!
//! Every connection asks one thing. `Watch`, `Exec` and `Attach` keep it open for what follows.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    error::Failure,
    spec::{ContainerSpec, ContainerStatus, ExecSpec, Exit, NodeConfig, PodConfig},
};

/// The first argument by which a process knows that it is a shim.
pub(crate) const SHIM_ARGUMENT: &str = "sandbox-shim";

/// A frame longer than this is a broken peer.
pub(crate) const FRAME_BYTES_MAX: usize = 8 << 20;
/// Standard input, output and error.
pub(crate) const DESCRIPTORS_MAX: usize = 3;

/// What a new shim reads from its standard input, and keeps in the pod's folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ShimConfig {
    pub(crate) node: NodeConfig,
    pub(crate) pod: PodConfig,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    List,
    Start(Box<ContainerSpec>),
    Signal {
        id: String,
        signal: i32,
    },
    Remove {
        id: String,
    },
    /// Brings the descriptors that `spec` asks for, in order; when it asks for a terminal the
    /// answer brings that instead.
    Exec {
        id: String,
        spec: ExecSpec,
    },
    /// Brings the outputs asked for; the answer brings the container's input or terminal.
    Attach {
        id: String,
        stdin: bool,
        stdout: bool,
        stderr: bool,
    },
    /// Answers `Done`, then an `Exited` for each container that has ended or ends.
    Watch,
    Destroy,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    Done,
    Containers(Vec<ContainerStatus>),
    Exited { id: String, exit: Exit },
    Failed(Failure),
}

/// Writes `message` as a frame.
pub(crate) fn encode(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = u32::try_from(frame.len() - 4).map_err(|_| io::ErrorKind::InvalidData)?;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    Ok(frame)
}

/// Takes the first frame off `buffer`; `None` when it is not complete.
pub(crate) fn decode<T: DeserializeOwned>(buffer: &mut Vec<u8>) -> io::Result<Option<T>> {
    let Some(head) = buffer.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_le_bytes(*head) as usize;
    if length > FRAME_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let Some(body) = buffer.get(4..4 + length) else { return Ok(None) };
    let message = serde_json::from_slice(body)?;
    buffer.drain(..4 + length);
    Ok(Some(message))
}

/// Sends what fits of `bytes`, with `descriptors` on its first byte.
pub(crate) fn send(
    socket: impl AsFd,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let flags = SendFlags::NOSIGNAL;
    Ok(rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags)?)
}

/// Receives what there is onto `bytes` and `descriptors`; 0 when the peer has closed.
pub(crate) fn receive(
    socket: impl AsFd,
    bytes: &mut Vec<u8>,
    descriptors: &mut Vec<OwnedFd>,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut chunk = [0; 4096];
    let mut slices = [IoSliceMut::new(&mut chunk)];
    let message = rustix::net::recvmsg(socket, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    for item in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = item {
            descriptors.extend(rights);
        }
    }
    bytes.extend_from_slice(&chunk[..message.bytes]);
    Ok(message.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_back_whole_and_only_once_complete() {
        let frame = encode(&Request::Remove { id: "web-0".to_owned() }).unwrap();
        let mut buffer = frame[..frame.len() - 1].to_vec();
        assert!(decode::<Request>(&mut buffer).unwrap().is_none());
        buffer.extend_from_slice(&frame[frame.len() - 1..]);
        buffer.push(7);
        let request = decode::<Request>(&mut buffer).unwrap();
        assert!(matches!(request, Some(Request::Remove { id }) if id == "web-0"));
        assert_eq!(buffer, [7], "the next frame's first byte stays");
    }

    #[test]
    fn a_frame_beyond_the_bound_is_refused() {
        let mut buffer = u32::MAX.to_le_bytes().to_vec();
        assert!(decode::<Request>(&mut buffer).is_err());
    }
}
