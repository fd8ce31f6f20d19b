//! The compressed headers of streams: one zlib stream a direction, over all frames, with a dictionary.

use bytes::{Buf as _, Bytes};
use flate2::{Decompress, FlushDecompress, Status};

use super::SpdyError;

/// The dictionary of draft 3, section 2.6.10.1.
pub(crate) const DICTIONARY: &[u8] = include_bytes!("../../data/spdy3-dictionary.bin");

/// More than any request for a stream needs.
const HEADERS_BYTES_MAX: usize = 64 << 10;

#[derive(Debug)]
pub(crate) struct Inflater {
    stream: Decompress,
}

impl Inflater {
    pub(crate) fn new() -> Self {
        Self { stream: Decompress::new(true) }
    }

    /// The names and values of one frame's block.
    pub(crate) fn headers(&mut self, block: &[u8]) -> Result<Vec<(String, String)>, SpdyError> {
        let mut plain = Bytes::from(self.inflate(block)?);
        let n_headers = plain.try_get_u32().map_err(|_| SpdyError::Headers)?;
        let mut headers = Vec::new();
        for _ in 0..n_headers {
            headers.push((text(&mut plain)?, text(&mut plain)?));
        }
        Ok(headers)
    }

    fn inflate(&mut self, mut block: &[u8]) -> Result<Vec<u8>, SpdyError> {
        let mut out = Vec::with_capacity(1024);
        loop {
            let before = self.stream.total_in();
            let result = self.stream.decompress_vec(block, &mut out, FlushDecompress::Sync);
            let consumed = usize::try_from(self.stream.total_in() - before).unwrap_or(block.len());
            block = &block[consumed.min(block.len())..];
            match result {
                Err(error) if error.needs_dictionary().is_some() => {
                    self.stream.set_dictionary(DICTIONARY).map_err(|_| SpdyError::Headers)?;
                }
                Err(_) => return Err(SpdyError::Headers),
                Ok(Status::StreamEnd) => return Ok(out),
                Ok(_) if out.len() < out.capacity() => {
                    return if block.is_empty() { Ok(out) } else { Err(SpdyError::Headers) };
                }
                Ok(_) if out.len() < HEADERS_BYTES_MAX => out.reserve(out.len()),
                Ok(_) => return Err(SpdyError::Headers),
            }
        }
    }
}

fn text(plain: &mut Bytes) -> Result<String, SpdyError> {
    let length = plain.try_get_u32().map_err(|_| SpdyError::Headers)?;
    let length = usize::try_from(length).map_err(|_| SpdyError::Headers)?;
    if length > plain.len() {
        return Err(SpdyError::Headers);
    }
    String::from_utf8(plain.split_to(length).to_vec()).map_err(|_| SpdyError::Headers)
}

/// A block that says that there are no headers: their number, 0, stored as it is, and the mark of a flush.
///
/// Source: RFC 1950, section 2.2; RFC 1951, section 3.2.4.
pub(crate) fn none(is_first: bool) -> Vec<u8> {
    const ZLIB: [u8; 2] = [0x78, 0x01];
    const STORED: [u8; 9] = [0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0];
    const FLUSH: [u8; 5] = [0, 0, 0, 0xff, 0xff];
    let begin: &[u8] = if is_first { &ZLIB } else { &[] };
    [begin, &STORED, &FLUSH].concat()
}
