//! Frames: the checksummed pieces of which the store's files consist. One write to the disk is one frame.

use crate::checksum::crc32c;

/// Starts a frame; no byte of UTF-8 text is 0xff, so that a payload never looks like one by accident.
const MAGIC: [u8; 4] = [0xff, b'Z', b'1', 0xfe];

/// Magic, payload length, payload checksum, checksum of these twelve bytes.
const HEADER_BYTES: usize = 16;

static ZEROS: [u8; 4096] = [0; 4096];

/// What stands at an offset of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<'a> {
    Frame {
        payload: &'a [u8],
        end: usize,
    },
    /// The file ends here, but for zeros that were written ahead.
    End,
    /// Not a whole frame with the right sums.
    Bad,
}

/// Appends a frame whose payload `fill` writes.
pub(crate) fn push_frame(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    fill(out);
    let payload = &out[start + HEADER_BYTES..];
    let length = u32::try_from(payload.len()).expect("a batch is far below 4 GiB");
    let sum = crc32c(payload);
    let header = &mut out[start..start + HEADER_BYTES];
    header[..4].copy_from_slice(&MAGIC);
    header[4..8].copy_from_slice(&length.to_le_bytes());
    header[8..12].copy_from_slice(&sum.to_le_bytes());
    let header_sum = crc32c(&header[..12]);
    header[12..].copy_from_slice(&header_sum.to_le_bytes());
}

/// Reads the frame at an offset.
pub(crate) fn next_frame(bytes: &[u8], offset: usize) -> Next<'_> {
    let rest = &bytes[offset..];
    if rest.chunks(ZEROS.len()).all(|chunk| chunk == &ZEROS[..chunk.len()]) {
        return Next::End;
    }
    frame(rest).map_or(Next::Bad, |payload| Next::Frame {
        payload,
        end: offset + HEADER_BYTES + payload.len(),
    })
}

fn frame(rest: &[u8]) -> Option<&[u8]> {
    let header = rest.get(..HEADER_BYTES)?;
    if header[..4] != MAGIC || word(header, 12) != crc32c(&header[..12]) {
        return None;
    }
    let length = usize::try_from(word(header, 4)).ok()?;
    let payload = rest.get(HEADER_BYTES..)?.get(..length)?;
    (crc32c(payload) == word(header, 8)).then_some(payload)
}

fn word(header: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

/// Whether a whole frame starts anywhere after an offset: then the damage before it is no unfinished last write.
pub(crate) fn has_frame_after(bytes: &[u8], offset: usize) -> bool {
    (offset + 1..bytes.len())
        .filter(|&at| bytes[at] == MAGIC[0])
        .any(|at| matches!(next_frame(bytes, at), Next::Frame { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_frames() -> (Vec<u8>, usize) {
        let mut bytes = Vec::new();
        push_frame(&mut bytes, |out| out.extend_from_slice(b"first"));
        let second = bytes.len();
        push_frame(&mut bytes, |out| out.extend_from_slice(b"second"));
        (bytes, second)
    }

    #[test]
    fn frames_come_back_in_order() {
        let (bytes, second) = two_frames();
        assert_eq!(next_frame(&bytes, 0), Next::Frame { payload: b"first", end: second });
        assert_eq!(
            next_frame(&bytes, second),
            Next::Frame { payload: b"second", end: bytes.len() }
        );
        assert_eq!(next_frame(&bytes, bytes.len()), Next::End);
    }

    #[test]
    fn any_flipped_bit_is_seen() {
        let (bytes, second) = two_frames();
        for bit in 0..second * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(next_frame(&bytes, 0), Next::Bad, "bit {bit}");
            assert!(has_frame_after(&bytes, 0), "bit {bit}");
        }
    }

    #[test]
    fn a_cut_frame_has_none_after_it() {
        let (bytes, second) = two_frames();
        for end in second + 1..bytes.len() {
            assert_eq!(next_frame(&bytes[..end], second), Next::Bad);
            assert!(!has_frame_after(&bytes[..end], second));
        }
    }
}
