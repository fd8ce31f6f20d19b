//! ASCII armor: binary packets as lines of base64 (RFC 4880, section 6).

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// So long are lines at most.
const LINE_BYTES: usize = 64;

/// Unpacks the first block of a kind, `PGP SIGNATURE` say; `None` when there is none that is whole.
pub(super) fn unpack(text: &str, kind: &str) -> Option<Vec<u8>> {
    let begin = format!("-----BEGIN {kind}-----");
    let end = format!("-----END {kind}-----");
    let mut lines = text.lines().map(str::trim_end).skip_while(|it| *it != begin).skip(1);
    // Headers, if any, end with a blank line.
    let first = lines.by_ref().find(|it| !it.contains(": "))?;
    let mut base64 = first.to_owned();
    let mut sum = None;
    let mut is_ended = false;
    for line in lines {
        if line == end {
            is_ended = true;
            break;
        }
        match line.strip_prefix('=') {
            Some(line) if line.len() == 4 => sum = Some(line.to_owned()),
            _ => base64.push_str(line),
        }
    }
    let bytes = STANDARD.decode(base64).ok().filter(|_| is_ended)?;
    match sum {
        Some(sum) if STANDARD.decode(&sum).ok()? != crc24(&bytes) => None,
        _ => Some(bytes),
    }
}

/// Packs bytes into a block of a kind, without a line feed at its end.
pub(super) fn pack(bytes: &[u8], kind: &str) -> String {
    let mut text = format!("-----BEGIN {kind}-----\n\n");
    let base64 = STANDARD.encode(bytes);
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE_BYTES));
        text.extend([line, "\n"]);
        rest = after;
    }
    text.extend(["=", &STANDARD.encode(crc24(bytes)), "\n-----END ", kind, "-----"]);
    text
}

/// RFC 4880, section 6.1.
fn crc24(bytes: &[u8]) -> [u8; 3] {
    let mut crc: u32 = 0x00b7_04ce;
    for byte in bytes {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0186_4cfb;
            }
        }
    }
    let [_, high, middle, low] = crc.to_be_bytes();
    [high, middle, low]
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str = "before\n-----BEGIN PGP SIGNATURE-----\nVersion: x\n\naGVs\nbG8=\n=R/WK\n-----END PGP SIGNATURE-----\n";

    #[test]
    fn a_block_is_unpacked_with_or_without_headers_and_sum() {
        let unpacked = |text: &str| unpack(text, "PGP SIGNATURE");
        assert_eq!(unpacked(BLOCK).as_deref(), Some(&b"hello"[..]));
        let plain = BLOCK.replace("Version: x\n", "").replace("=R/WK\n", "");
        assert_eq!(unpacked(&plain).as_deref(), Some(&b"hello"[..]));
        assert_eq!(unpacked(&BLOCK.replace('\n', "\r\n")).as_deref(), Some(&b"hello"[..]));
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        let bytes: Vec<u8> = (0..=200).collect();
        let text = pack(&bytes, "PGP SIGNATURE");
        assert_eq!(unpack(&text, "PGP SIGNATURE"), Some(bytes));
        assert!(text.lines().all(|it| it.len() <= LINE_BYTES), "{text}");
        assert!(pack(b"hello", "X").ends_with("aGVsbG8=\n=R/WK\n-----END X-----"));
    }

    #[test]
    fn a_damaged_block_is_none() {
        for (from, to) in [("=R/WK", "=AAAA"), ("END", "EMD"), ("aGVs", "a!Vs"), ("BEGIN", "B")] {
            assert_eq!(unpack(&BLOCK.replace(from, to), "PGP SIGNATURE"), None, "{to}");
        }
    }
}
