//! SPDY/3 as far as port-forwards of kubectl need it: frames in, frames out, no input and output of its own.
//!
//! Source: SPDY protocol, draft 3; as clients expect it, github.com/moby/spdystream 0.5, which has no flow control.

use bytes::{Buf as _, Bytes, BytesMut};

mod headers;

use headers::Inflater;

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;

const CONTROL: u32 = 0x8000_0000;
const VERSION: u32 = 3;
const FLAG_FIN: u8 = 1;

/// A frame's head: what it is, flags and length.
const HEAD_BYTES: usize = 8;

/// Larger frames are refused; the length field has 24 bits.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// What the peer sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A new stream; `is_last` when the peer sends nothing on it.
    Open {
        id: u32,
        headers: Vec<(String, String)>,
        is_last: bool,
    },
    Data {
        id: u32,
        data: Bytes,
        is_last: bool,
    },
    Reset {
        id: u32,
    },
    Ping {
        id: u32,
    },
    GoAway,
    /// Settings, windows, further headers: nothing that matters here.
    Other,
}

/// Why the connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SpdyError {
    #[error("version {0} instead of 3")]
    Version(u32),
    #[error("a frame of {0} bytes")]
    TooLong(usize),
    #[error("a frame that ends early")]
    Short,
    #[error("headers that cannot be decompressed")]
    Headers,
}

/// Cuts what comes into frames.
#[derive(Debug)]
pub(crate) struct Decoder {
    buffer: BytesMut,
    inflater: Inflater,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        Self { buffer: BytesMut::new(), inflater: Inflater::new() }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame, once it is there whole.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, SpdyError> {
        let Some(mut head) = self.buffer.get(..HEAD_BYTES) else { return Ok(None) };
        let (first, second) = (head.get_u32(), head.get_u32());
        let [flags, ..] = second.to_be_bytes();
        let length = usize::try_from(second & 0x00ff_ffff).unwrap_or(usize::MAX);
        if length > FRAME_BYTES_MAX {
            return Err(SpdyError::TooLong(length));
        }
        if self.buffer.len() < HEAD_BYTES + length {
            return Ok(None);
        }
        self.buffer.advance(HEAD_BYTES);
        let payload = self.buffer.split_to(length).freeze();
        let is_last = flags & FLAG_FIN != 0;
        if first & CONTROL == 0 {
            return Ok(Some(Frame::Data { id: first, data: payload, is_last }));
        }
        self.control(first, payload, is_last).map(Some)
    }

    fn control(
        &mut self,
        first: u32,
        mut payload: Bytes,
        is_last: bool,
    ) -> Result<Frame, SpdyError> {
        let version = (first & !CONTROL) >> 16;
        if version != VERSION {
            return Err(SpdyError::Version(version));
        }
        let kind = u16::try_from(first & 0xffff).unwrap_or_default();
        let word = |payload: &mut Bytes| payload.try_get_u32().map_err(|_| SpdyError::Short);
        Ok(match kind {
            SYN_STREAM => {
                let id = word(&mut payload)? & !CONTROL;
                // The stream that it belongs to, its priority and its slot.
                word(&mut payload)?;
                payload.try_get_u16().map_err(|_| SpdyError::Short)?;
                Frame::Open { id, headers: self.inflater.headers(&payload)?, is_last }
            }
            RST_STREAM => Frame::Reset { id: word(&mut payload)? },
            PING => Frame::Ping { id: word(&mut payload)? },
            GOAWAY => Frame::GoAway,
            _ => Frame::Other,
        })
    }
}

/// Makes the frames that are sent.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    /// The compressed stream of all headers has begun.
    has_begun: bool,
}

impl Encoder {
    /// Accepts a stream, with no headers.
    pub(crate) fn reply(&mut self, id: u32) -> Vec<u8> {
        let block = headers::none(!std::mem::replace(&mut self.has_begun, true));
        let mut payload = id.to_be_bytes().to_vec();
        payload.extend_from_slice(&block);
        frame(control(SYN_REPLY), 0, &payload)
    }
}

pub(crate) fn data(id: u32, data: &[u8], is_last: bool) -> Vec<u8> {
    frame(id, if is_last { FLAG_FIN } else { 0 }, data)
}

pub(crate) fn ping(id: u32) -> Vec<u8> {
    frame(control(PING), 0, &id.to_be_bytes())
}

fn control(kind: u16) -> u32 {
    CONTROL | VERSION << 16 | u32::from(kind)
}

fn frame(first: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("frames are made of small reads");
    let mut out = Vec::with_capacity(HEAD_BYTES + payload.len());
    out.extend_from_slice(&first.to_be_bytes());
    out.extend_from_slice(&(u32::from(flags) << 24 | length).to_be_bytes());
    out.extend_from_slice(payload);
    out
}

#[cfg(test)]
mod tests;
