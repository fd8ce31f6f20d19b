//! Frames as clients send and read them.

use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;

use super::{headers::DICTIONARY, *};

/// The header blocks of a client.
struct Deflater(Compress);

impl Deflater {
    fn new() -> Self {
        let mut stream = Compress::new(Compression::default(), true);
        stream.set_dictionary(DICTIONARY).unwrap();
        Self(stream)
    }

    fn open(&mut self, id: u32, headers: &[(&str, &str)]) -> Vec<u8> {
        let mut plain = u32::try_from(headers.len()).unwrap().to_be_bytes().to_vec();
        for text in headers.iter().flat_map(|(name, value)| [name, value]) {
            plain.extend_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
            plain.extend_from_slice(text.as_bytes());
        }
        let mut block = Vec::with_capacity(1024);
        self.0.compress_vec(&plain, &mut block, FlushCompress::Sync).unwrap();
        let payload = [&id.to_be_bytes()[..], &[0; 6], &block].concat();
        frame(control(SYN_STREAM), 0, &payload)
    }
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn frames_are_read_whatever_pieces_they_come_in() {
    let mut client = Deflater::new();
    let bytes = [
        client.open(1, &[("streamtype", "error"), ("port", "80")]),
        client.open(3, &[("streamtype", "data"), ("port", "80")]),
        data(3, b"hello", true),
        ping(7),
    ]
    .concat();
    for piece_bytes in [1, 7, bytes.len()] {
        let mut decoder = Decoder::new();
        let mut frames = Vec::new();
        for piece in bytes.chunks(piece_bytes) {
            decoder.push(piece);
            while let Some(frame) = decoder.next().unwrap() {
                frames.push(frame);
            }
        }
        let open = |id, kind| Frame::Open {
            id,
            headers: vec![pair("streamtype", kind), pair("port", "80")],
            is_last: false,
        };
        let sent = Frame::Data { id: 3, data: Bytes::from_static(b"hello"), is_last: true };
        assert_eq!(frames, [open(1, "error"), open(3, "data"), sent, Frame::Ping { id: 7 }]);
    }
}

#[test]
fn replies_have_no_headers() {
    let mut encoder = Encoder::default();
    let mut inflater = Inflater::new();
    for id in [1, 3, 5] {
        let reply = encoder.reply(id);
        assert_eq!(reply[..4], [0x80, 3, 0, 2]);
        assert_eq!(reply[8..12], id.to_be_bytes());
        assert_eq!(inflater.headers(&reply[12..]), Ok(Vec::new()));
    }
}

#[test]
fn what_is_no_spdy_is_refused() {
    let mut decoder = Decoder::new();
    decoder.push(&[0x80, 2, 0, 1, 0, 0, 0, 0]);
    assert_eq!(decoder.next(), Err(SpdyError::Version(2)));
    let mut decoder = Decoder::new();
    decoder.push(&[0, 0, 0, 1, 0, 0xff, 0xff, 0xff]);
    assert_eq!(decoder.next(), Err(SpdyError::TooLong(0x00ff_ffff)));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut decoder = Decoder::new();
        decoder.push(&bytes);
        while let Ok(Some(_)) = decoder.next() {}
        let mut decoder = Decoder::new();
        decoder.push(&frame(control(SYN_STREAM), 0, &bytes));
        let _refused = decoder.next();
    }
}
