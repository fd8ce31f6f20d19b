//! Private keys of every kind, read and written as sprig does.

use super::{
    der::{self, Item},
    ecdsa, ed25519, pem,
    prime::Random,
    rsa,
};

/// Why certificates cannot be had for DSA keys, which Go reads but does not sign with.
pub(super) const NO_SIGNER: &str = "x509: certificate private key does not implement crypto.Signer";

/// A key that can sign.
pub(super) enum PrivateKey {
    Rsa(rsa::Key),
    Ecdsa(ecdsa::Key),
    Ed25519(ed25519::Key),
}

impl PrivateKey {
    /// Reads a key in PKCS #1, in the form of RFC 5915, or in PKCS #8 around them.
    pub(super) fn from_pem(text: &[u8]) -> Result<Self, String> {
        let Some(block) = pem::decode(text) else {
            return Err("no PEM data in input".to_owned());
        };
        match block.label.as_str() {
            "PRIVATE KEY" => Self::from_pkcs8(&block.bytes),
            "RSA PRIVATE KEY" => {
                rsa::Key::from_pkcs1(&block.bytes).map(Self::Rsa).ok_or_else(|| {
                    "parsing RSA private key from PEM: asn1: structure error".to_owned()
                })
            }
            "EC PRIVATE KEY" => {
                let key = ecdsa::Key::from_sec1(&block.bytes, false).map(Self::Ecdsa);
                key.ok_or_else(|| unknown(&block.bytes, "parsing EC private key from PEM"))
            }
            "DSA PRIVATE KEY" if !is_sequence(&block.bytes) => {
                Err("parsing DSA private key from PEM: asn1: structure error".to_owned())
            }
            "DSA PRIVATE KEY" => Err(NO_SIGNER.to_owned()),
            label => Err(bad_label(label)),
        }
    }

    fn from_pkcs8(bytes: &[u8]) -> Result<Self, String> {
        let read = || {
            let (info, _) = Item::read(bytes)?;
            let items = info.items()?;
            let algorithm = items.get(1)?.whole;
            let key = items.get(2).filter(|it| it.tag == der::OCTET_STRING)?.contents;
            if algorithm == ed25519::algorithm() {
                let (seed, _) = Item::read(key)?;
                Some(Self::Ed25519(ed25519::Key::new(seed.contents.try_into().ok()?)))
            } else if algorithm == ecdsa::key_algorithm() {
                ecdsa::Key::from_sec1(key, true).map(Self::Ecdsa)
            } else {
                rsa::Key::from_pkcs1(key).map(Self::Rsa)
            }
        };
        read().ok_or_else(|| unknown(bytes, "decoding PEM as PKCS#8"))
    }

    pub(super) fn to_pem(&self) -> String {
        match self {
            Self::Rsa(key) => key.to_pem(),
            Self::Ecdsa(key) => key.to_pem(),
            Self::Ed25519(key) => key.to_pem(),
        }
    }

    /// The public key, as it stands in certificates.
    pub(super) fn public(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => key.public(),
            Self::Ecdsa(key) => key.public(),
            Self::Ed25519(key) => key.public(),
        }
    }

    /// The identifier of the public key's kind.
    pub(super) fn algorithm(&self) -> Vec<u8> {
        match self {
            Self::Rsa(_) => rsa::key_algorithm(),
            Self::Ecdsa(_) => ecdsa::key_algorithm(),
            Self::Ed25519(_) => ed25519::algorithm(),
        }
    }

    /// The identifier of what [`PrivateKey::sign`] gives.
    pub(super) fn signature_algorithm(&self) -> Vec<u8> {
        match self {
            Self::Rsa(_) => rsa::algorithm(),
            Self::Ecdsa(_) => ecdsa::algorithm(),
            Self::Ed25519(_) => ed25519::algorithm(),
        }
    }

    pub(super) fn sign(&self, message: &[u8], random: Random<'_>) -> Vec<u8> {
        match self {
            Self::Rsa(key) => key.sign(message),
            Self::Ecdsa(key) => key.sign(message, random),
            Self::Ed25519(key) => key.sign(message),
        }
    }
}

/// Whether a text holds a private key of a kind that sprig reads.
pub(super) fn check_pem(text: &[u8]) -> Result<(), String> {
    match pem::decode(text) {
        Some(block)
            if matches!(
                block.label.as_str(),
                "PRIVATE KEY" | "EC PRIVATE KEY" | "DSA PRIVATE KEY"
            ) && is_sequence(&block.bytes) =>
        {
            Ok(())
        }
        _ => PrivateKey::from_pem(text).map(|_| ()),
    }
}

fn is_sequence(bytes: &[u8]) -> bool {
    Item::read(bytes).is_some_and(|(item, _)| item.tag == der::SEQUENCE)
}

/// What could not be read is broken, or of a kind or curve that is rare.
fn unknown(bytes: &[u8], step: &str) -> String {
    if is_sequence(bytes) {
        "keys other than RSA, ECDSA on P-256 and Ed25519 are not supported here".to_owned()
    } else {
        format!("{step}: asn1: structure error")
    }
}

fn bad_label(label: &str) -> String {
    match label.strip_suffix(" PRIVATE KEY") {
        Some(kind) => format!("invalid private key type {kind}"),
        None => format!("no private key data in PEM block of type {label}"),
    }
}
