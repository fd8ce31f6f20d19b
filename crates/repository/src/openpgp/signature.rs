//! Signatures of version 4 (RFC 4880, section 5.2.3).

use super::{
    bytes::Cursor,
    key::Fingerprint,
    packet::{Packet, split_sub, tag},
};

/// What a signature is about.
pub(super) mod kind {
    pub(in super::super) const BINARY: u8 = 0x00;
    pub(in super::super) const TEXT: u8 = 0x01;
    pub(in super::super) const CERTIFICATIONS: std::ops::RangeInclusive<u8> = 0x10..=0x13;
    pub(in super::super) const SUBKEY: u8 = 0x18;
    pub(in super::super) const SUBKEY_BACK: u8 = 0x19;
    pub(in super::super) const KEY: u8 = 0x1f;
    pub(in super::super) const KEY_REVOKED: u8 = 0x20;
    pub(in super::super) const SUBKEY_REVOKED: u8 = 0x28;
    pub(in super::super) const USER_REVOKED: u8 = 0x30;
}

/// The flag of a key that may sign data.
const MAY_SIGN: u8 = 0x02;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) kind: u8,
    pub(super) hash: u8,
    pub(super) created_s: u32,
    /// How long it holds; nothing when it does for ever.
    pub(super) lasts_s: Option<u32>,
    /// How long the key that it is about holds, from the key's own beginning.
    pub(super) key_lasts_s: Option<u32>,
    /// Nothing when the signature says nothing of what the key may do.
    pub(super) key_flags: Option<u8>,
    pub(super) issuer: Option<[u8; 8]>,
    pub(super) issuer_fingerprint: Option<Fingerprint>,
    pub(super) back: Option<Box<Self>>,
    /// One for RSA, two for the others.
    pub(super) numbers: Vec<Vec<u8>>,
    /// From the version to the end of what is signed with the content.
    hashed: Vec<u8>,
}

impl Signature {
    /// Reads a signature packet; `None` for other packets and versions, and for what is damaged.
    ///
    /// One with a critical part that this does not know is `None` too: it must not be believed.
    pub(super) fn read(packet: Packet<'_>) -> Option<Self> {
        (packet.tag == tag::SIGNATURE).then(|| Self::read_body(packet.body, 0))?
    }

    fn read_body(body: &[u8], depth: u8) -> Option<Self> {
        let mut cursor = Cursor(body);
        if cursor.byte()? != 4 {
            return None;
        }
        let (kind, algorithm, hash) = (cursor.byte()?, cursor.byte()?, cursor.byte()?);
        let n_bytes = cursor.two()?;
        let trusted = cursor.take(n_bytes)?;
        let hashed = body[..body.len() - cursor.0.len()].to_vec();
        let n_bytes = cursor.two()?;
        let untrusted = cursor.take(n_bytes)?;
        cursor.two()?;
        let numbers = match algorithm {
            27 => cursor.take(64).map(|it| vec![it[..32].to_vec(), it[32..].to_vec()])?,
            1..=3 => vec![cursor.number()?.to_vec()],
            _ => vec![cursor.number()?.to_vec(), cursor.number()?.to_vec()],
        };
        let mut signature = Self {
            kind,
            hash,
            created_s: 0,
            lasts_s: None,
            key_lasts_s: None,
            key_flags: None,
            issuer: None,
            issuer_fingerprint: None,
            back: None,
            numbers,
            hashed,
        };
        for (kind, is_critical, body) in split_sub(trusted)? {
            let is_known = signature.believe(kind, body, depth)?;
            if is_critical && !is_known {
                return None;
            }
        }
        for (kind, _, body) in split_sub(untrusted)? {
            // Who issued it is only a hint, and a key that signs back is checked by itself.
            if matches!(kind, 16 | 32 | 33) {
                signature.believe(kind, body, depth)?;
            }
        }
        Some(signature)
    }

    /// Takes in one subpacket; false when it is not known.
    fn believe(&mut self, kind: u8, body: &[u8], depth: u8) -> Option<bool> {
        let mut cursor = Cursor(body);
        match kind {
            2 => self.created_s = cursor.four()?,
            3 => self.lasts_s = Some(cursor.four()?).filter(|it| *it != 0),
            9 => self.key_lasts_s = Some(cursor.four()?).filter(|it| *it != 0),
            16 => self.issuer = Some(body.try_into().ok()?),
            27 => self.key_flags = Some(body.first().copied().unwrap_or_default()),
            32 if depth == 0 => {
                self.back = Self::read_body(body, depth + 1).map(Box::new).or(self.back.take());
            }
            33 => {
                if cursor.byte()? == 4 {
                    self.issuer_fingerprint = Some(Fingerprint(cursor.0.try_into().ok()?));
                }
            }
            // Preferences and other remarks that change nothing here.
            4 | 7 | 11 | 21..=26 | 28..=30 | 34 | 35 => {}
            _ => return Some(false),
        }
        Some(true)
    }

    /// What is hashed: the content, the signature's own part, and how long that is.
    pub(super) fn hashed(&self, content: &[u8]) -> Vec<u8> {
        let n_bytes = u32::try_from(self.hashed.len()).unwrap_or(u32::MAX).to_be_bytes();
        [content, &self.hashed, &[4, 0xff], &n_bytes].concat()
    }

    /// Whether it may be by a key.
    pub(super) fn is_issued_by(&self, key: &Fingerprint) -> bool {
        match (&self.issuer_fingerprint, &self.issuer) {
            (Some(fingerprint), _) => fingerprint == key,
            (None, Some(id)) => *id == key.key_id(),
            (None, None) => true,
        }
    }

    /// Whether the key that it is about may sign data; one that says nothing may.
    pub(super) fn lets_sign(&self) -> bool {
        self.key_flags.is_none_or(|it| it & MAY_SIGN != 0)
    }

    /// The issuer as people write it.
    pub(super) fn issuer_text(&self) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        match (&self.issuer_fingerprint, &self.issuer) {
            (Some(fingerprint), _) => fingerprint.to_string(),
            (None, Some(id)) => hex(id),
            (None, None) => "of no name".to_owned(),
        }
    }
}
