//! Public keys of version 4, and what they can check (RFC 4880, section 5.5.2; RFC 6637; RFC 9580).

use std::fmt;

use ring::{
    digest,
    signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey},
};
use sha1::{Digest as _, Sha1};

use super::{bytes::Cursor, signature::Signature};

/// Curves by their object identifiers.
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const ED25519: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];
/// RSA keys below this can be broken.
const RSA_BITS_MIN: usize = 2048;

/// The 20 bytes that name a key; printed in hex.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub(super) [u8; 20]);

impl Fingerprint {
    /// The last 8 bytes.
    pub(super) fn key_id(&self) -> [u8; 8] {
        std::array::from_fn(|it| self.0[12 + it])
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// The packet's body, which is what other keys sign.
    pub(super) body: Vec<u8>,
    pub(super) created_s: u32,
    pub(super) fingerprint: Fingerprint,
    pub(super) material: Material,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Material {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    P256(Vec<u8>),
    P384(Vec<u8>),
    /// The older form hashes first, and so does the newer one in OpenPGP.
    Ed25519 {
        point: Vec<u8>,
        /// Whether it is the newer one, of RFC 9580.
        is_native: bool,
    },
    /// What the algorithm is called.
    Other(&'static str),
}

/// Why a signature is not by a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CheckError {
    Wrong,
    Unsupported(String),
}

/// The hashes of signatures, by the numbers of RFC 4880, section 9.4.
fn hash_name(number: u8) -> &'static str {
    match number {
        1 => "MD5",
        2 => "SHA-1",
        3 => "RIPEMD-160",
        8 => "SHA-256",
        9 => "SHA-384",
        10 => "SHA-512",
        11 => "SHA-224",
        _ => "a hash that OpenPGP does not know",
    }
}

impl Key {
    /// Reads the body of a public key packet, or the public part of a secret one; `None` for other versions.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let mut cursor = Cursor(body);
        if cursor.byte()? != 4 {
            return None;
        }
        let created_s = cursor.four()?;
        let material = material(cursor.byte()?, &mut cursor)?;
        let n_bytes = match &material {
            // Where the public part ends is not known.
            Material::Other(_) => body.len(),
            _ => body.len() - cursor.0.len(),
        };
        let body = body[..n_bytes].to_vec();
        let mut hasher = Sha1::new();
        hasher.update(hashed_form(&body));
        Some(Self { created_s, fingerprint: Fingerprint(hasher.finalize().into()), material, body })
    }

    /// What of the key is hashed when it is signed.
    pub(super) fn hashed_form(&self) -> Vec<u8> {
        hashed_form(&self.body)
    }

    /// Checks a signature of `content`, to which the signature adds its own trailer.
    ///
    /// SHA-1 counts only where `is_about_keys`: what a key says of itself in a keyring that the user trusts.
    pub(super) fn check(
        &self,
        signature: &Signature,
        content: &[u8],
        is_about_keys: bool,
    ) -> Result<(), CheckError> {
        let message = signature.hashed(content);
        let hash = signature.hash;
        let unsupported = |algorithm: &str| {
            let text = format!("{algorithm} with {} is not supported", hash_name(hash));
            CheckError::Unsupported(text)
        };
        let is_good = match &self.material {
            Material::Rsa { modulus, exponent } => {
                if modulus.len() * 8 < RSA_BITS_MIN {
                    let text = format!("its RSA key has {} bits, too few", modulus.len() * 8);
                    return Err(CheckError::Unsupported(text));
                }
                let parameters =
                    rsa_parameters(hash, is_about_keys).ok_or_else(|| unsupported("RSA"))?;
                let key = RsaPublicKeyComponents { n: modulus, e: exponent };
                let number = padded(signature.numbers.first(), modulus.len());
                number.is_some_and(|it| key.verify(parameters, &message, &it).is_ok())
            }
            Material::P256(point) if hash == 8 => {
                let key = UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point);
                pair(signature, 32).is_some_and(|it| key.verify(&message, &it).is_ok())
            }
            Material::P384(point) if hash == 9 => {
                let key = UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point);
                pair(signature, 48).is_some_and(|it| key.verify(&message, &it).is_ok())
            }
            Material::P256(_) => return Err(unsupported("ECDSA over P-256")),
            Material::P384(_) => return Err(unsupported("ECDSA over P-384")),
            Material::Ed25519 { point, .. } => {
                let algorithm = match hash {
                    8 => &digest::SHA256,
                    9 => &digest::SHA384,
                    10 => &digest::SHA512,
                    _ => return Err(unsupported("Ed25519")),
                };
                let hashed = digest::digest(algorithm, &message);
                let key = UnparsedPublicKey::new(&signature::ED25519, point);
                pair(signature, 32).is_some_and(|it| key.verify(hashed.as_ref(), &it).is_ok())
            }
            Material::Other(name) => return Err(unsupported(name)),
        };
        if is_good { Ok(()) } else { Err(CheckError::Wrong) }
    }
}

fn material(algorithm: u8, cursor: &mut Cursor<'_>) -> Option<Material> {
    Some(match algorithm {
        1..=3 => Material::Rsa {
            modulus: cursor.number()?.to_vec(),
            exponent: cursor.number()?.to_vec(),
        },
        19 | 22 => {
            let n_bytes = usize::from(cursor.byte()?);
            let curve = cursor.take(n_bytes)?;
            let point = cursor.number()?;
            match (algorithm, curve) {
                (19, P256) => Material::P256(point.to_vec()),
                (19, P384) => Material::P384(point.to_vec()),
                (22, ED25519) => Material::Ed25519 {
                    point: point.strip_prefix(&[0x40])?.to_vec(),
                    is_native: false,
                },
                (19, _) => Material::Other("ECDSA over this curve"),
                _ => Material::Other("EdDSA over this curve"),
            }
        }
        27 => Material::Ed25519 { point: cursor.take(32)?.to_vec(), is_native: true },
        16 => Material::Other("Elgamal"),
        17 => Material::Other("DSA"),
        18 | 25 | 26 => Material::Other("a key for encryption"),
        28 => Material::Other("Ed448"),
        _ => Material::Other("an algorithm that this version does not know"),
    })
}

fn hashed_form(body: &[u8]) -> Vec<u8> {
    let n_bytes = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[0x99], &n_bytes[..], body].concat()
}

fn rsa_parameters(hash: u8, is_about_keys: bool) -> Option<&'static RsaParameters> {
    match hash {
        2 if is_about_keys => Some(&signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
        8 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        9 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        10 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        _ => None,
    }
}

/// A number with zeros in front, so that it has as many bytes as it should.
fn padded(number: Option<&Vec<u8>>, n_bytes: usize) -> Option<Vec<u8>> {
    let number = number?;
    let n_zeros = n_bytes.checked_sub(number.len())?;
    Some([&vec![0; n_zeros][..], number].concat())
}

fn pair(signature: &Signature, n_bytes: usize) -> Option<Vec<u8>> {
    let one = padded(signature.numbers.first(), n_bytes)?;
    let two = padded(signature.numbers.get(1), n_bytes)?;
    Some([one, two].concat())
}
