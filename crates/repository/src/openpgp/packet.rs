//! The stream of packets that keys and signatures come in (RFC 4880, section 4).

use super::bytes::Cursor;

/// What a packet is.
pub(super) mod tag {
    pub(in super::super) const SIGNATURE: u8 = 2;
    pub(in super::super) const SECRET_KEY: u8 = 5;
    pub(in super::super) const PUBLIC_KEY: u8 = 6;
    pub(in super::super) const SECRET_SUBKEY: u8 = 7;
    pub(in super::super) const USER_ID: u8 = 13;
    pub(in super::super) const PUBLIC_SUBKEY: u8 = 14;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packet<'b> {
    pub(super) tag: u8,
    pub(super) body: &'b [u8],
}

/// Splits a stream into its packets; `None` when it is damaged, or in pieces as only data may be.
pub(super) fn split(stream: &[u8]) -> Option<Vec<Packet<'_>>> {
    let mut cursor = Cursor(stream);
    let mut packets = Vec::new();
    while !cursor.0.is_empty() {
        let first = cursor.byte()?;
        if first & 0x80 == 0 {
            return None;
        }
        let (tag, n_bytes) = if first & 0x40 == 0 {
            (first >> 2 & 15, old_length(first & 3, &mut cursor)?)
        } else {
            (first & 63, new_length(&mut cursor)?)
        };
        packets.push(Packet { tag, body: cursor.take(n_bytes)? });
    }
    Some(packets)
}

fn old_length(kind: u8, cursor: &mut Cursor<'_>) -> Option<usize> {
    match kind {
        0 => cursor.byte().map(usize::from),
        1 => cursor.two(),
        2 => usize::try_from(cursor.four()?).ok(),
        _ => Some(cursor.0.len()),
    }
}

fn new_length(cursor: &mut Cursor<'_>) -> Option<usize> {
    match cursor.byte()? {
        short @ 0..192 => Some(usize::from(short)),
        high @ 192..224 => {
            Some((usize::from(high) - 192) * 256 + usize::from(cursor.byte()?) + 192)
        }
        255 => usize::try_from(cursor.four()?).ok(),
        224..255 => None,
    }
}

/// Splits the subpackets of a signature, each as its type and its body; types lose the bit for `critical`.
pub(super) fn split_sub(stream: &[u8]) -> Option<Vec<(u8, bool, &[u8])>> {
    let mut cursor = Cursor(stream);
    let mut found = Vec::new();
    while !cursor.0.is_empty() {
        let n_bytes = match cursor.byte()? {
            short @ 0..192 => usize::from(short),
            255 => usize::try_from(cursor.four()?).ok()?,
            high => (usize::from(high) - 192) * 256 + usize::from(cursor.byte()?) + 192,
        };
        let (kind, body) = cursor.take(n_bytes)?.split_first()?;
        found.push((kind & 0x7f, kind & 0x80 != 0, body));
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_headers_are_read() {
        let stream = [0x88, 2, 1, 2, 0x99, 0, 1, 7, 0xcd, 1, b'a', 0xc2, 192, 8];
        let mut stream = stream.to_vec();
        stream.extend([9; 200]);
        let packets = split(&stream).unwrap();
        let seen: Vec<(u8, usize)> = packets.iter().map(|it| (it.tag, it.body.len())).collect();
        assert_eq!(seen, [(2, 2), (6, 1), (13, 1), (2, 200)]);
    }

    #[test]
    fn damage_is_none() {
        for stream in [&[0x08, 1, 1][..], &[0x88, 5, 1], &[0xc2, 230, 1], &[0xc2], &[0x8a, 255]] {
            assert_eq!(split(stream), None, "{stream:?}");
        }
        for stream in [&[0][..], &[5, 1], &[255, 0, 0]] {
            assert_eq!(split_sub(stream), None, "{stream:?}");
        }
    }
}
