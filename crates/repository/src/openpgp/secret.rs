//! The secret part of a key, unlocked by its passphrase (RFC 4880, sections 3.7 and 5.5.3).

use aes::{
    Aes128, Aes192, Aes256,
    cipher::{Block, BlockCipherEncrypt, KeyInit},
};
use ring::digest::{self, Algorithm, digest};

use super::{bytes::Cursor, key::Material};

/// How the secret numbers lie in a packet.
mod usage {
    pub(super) const PLAIN: u8 = 0;
    /// Encrypted, with a SHA-1 behind them; 255 has a sum instead.
    pub(super) const HASHED: u8 = 254;
    pub(super) const SUMMED: u8 = 255;
}

/// GnuPG's mark for a secret that is kept elsewhere.
const GNU_STUB: u8 = 101;
const SHA1_BYTES: usize = 20;
const PIECE_BYTES: usize = 1 << 16;

/// Why a secret key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnlockError {
    #[error("the secret key is damaged")]
    Damaged,
    #[error(
        "the keyring has only a stub of the secret key: it is on a card, or was exported apart"
    )]
    Stub,
    #[error("the secret key is encrypted in a way that is not supported: {0}")]
    Unsupported(String),
    #[error("the passphrase is wrong")]
    Passphrase,
}

/// The secret numbers of a key; they are wiped from nothing, for the process ends soon.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Numbers {
    Rsa { d: Vec<u8>, p: Vec<u8>, q: Vec<u8> },
    One(Vec<u8>),
}

/// Whether a passphrase is needed.
pub(super) fn is_locked(secret: &[u8]) -> bool {
    secret.first().is_some_and(|it| *it != usage::PLAIN)
}

/// Reads the secret part of a key, which is what follows the public part.
pub(super) fn unlock(
    secret: &[u8],
    material: &Material,
    passphrase: &[u8],
) -> Result<Numbers, UnlockError> {
    let mut cursor = Cursor(secret);
    let how = cursor.byte().ok_or(UnlockError::Damaged)?;
    if how == usage::PLAIN {
        return numbers(cursor.0, material).ok_or(UnlockError::Damaged);
    }
    if !matches!(how, usage::HASHED | usage::SUMMED) {
        return Err(UnlockError::Unsupported(format!("form {how}")));
    }
    let cipher = cursor.byte().ok_or(UnlockError::Damaged)?;
    let stretch = Stretch::read(&mut cursor)?;
    let key_bytes = match cipher {
        7 => 16,
        8 => 24,
        9 => 32,
        other => return Err(UnlockError::Unsupported(format!("cipher {other}, which is not AES"))),
    };
    let start = cursor.take(16).ok_or(UnlockError::Damaged)?;
    let key = stretch.key(passphrase, key_bytes);
    let plain = match cipher {
        7 => decrypt::<Aes128>(&key, start, cursor.0),
        8 => decrypt::<Aes192>(&key, start, cursor.0),
        _ => decrypt::<Aes256>(&key, start, cursor.0),
    };
    let plain = checked(&plain, how).ok_or(UnlockError::Passphrase)?;
    numbers(plain, material).ok_or(UnlockError::Damaged)
}

/// The numbers without what shows that they were decrypted with the right key.
fn checked(plain: &[u8], how: u8) -> Option<&[u8]> {
    if how == usage::HASHED {
        let (plain, sum) = plain.split_at_checked(plain.len().checked_sub(SHA1_BYTES)?)?;
        let hash = digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, plain);
        return (hash.as_ref() == sum).then_some(plain);
    }
    let (plain, sum) = plain.split_at_checked(plain.len().checked_sub(2)?)?;
    let found = plain.iter().fold(0_u16, |acc, it| acc.wrapping_add(u16::from(*it)));
    (found.to_be_bytes() == sum).then_some(plain)
}

fn numbers(plain: &[u8], material: &Material) -> Option<Numbers> {
    let mut cursor = Cursor(plain);
    match material {
        Material::Rsa { .. } => {
            let [d, p, q] = [cursor.number()?, cursor.number()?, cursor.number()?];
            Some(Numbers::Rsa { d: d.to_vec(), p: p.to_vec(), q: q.to_vec() })
        }
        Material::Ed25519 { is_native: true, .. } => {
            cursor.take(32).map(|it| Numbers::One(it.to_vec()))
        }
        _ => cursor.number().map(|it| Numbers::One(it.to_vec())),
    }
}

/// How a passphrase becomes a key.
struct Stretch<'b> {
    algorithm: &'static Algorithm,
    salt: &'b [u8],
    /// So many bytes are hashed, or the passphrase once when that is more.
    n_bytes: usize,
}

impl<'b> Stretch<'b> {
    fn read(cursor: &mut Cursor<'b>) -> Result<Self, UnlockError> {
        let mut byte = || cursor.byte().ok_or(UnlockError::Damaged);
        let (mode, hash) = (byte()?, byte()?);
        if mode == GNU_STUB {
            return Err(UnlockError::Stub);
        }
        let algorithm = match hash {
            2 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            8 => &digest::SHA256,
            9 => &digest::SHA384,
            10 => &digest::SHA512,
            other => return Err(UnlockError::Unsupported(format!("hash {other}"))),
        };
        let salt = match mode {
            0 => &[][..],
            1 | 3 => cursor.take(8).ok_or(UnlockError::Damaged)?,
            other => return Err(UnlockError::Unsupported(format!("passphrase mode {other}"))),
        };
        let n_bytes = if mode == 3 {
            let coded = usize::from(cursor.byte().ok_or(UnlockError::Damaged)?);
            (16 + (coded & 15)) << ((coded >> 4) + 6)
        } else {
            0
        };
        Ok(Self { algorithm, salt, n_bytes })
    }

    fn key(&self, passphrase: &[u8], key_bytes: usize) -> Vec<u8> {
        let one = [self.salt, passphrase].concat();
        let n_bytes = self.n_bytes.max(one.len());
        // Hashing many short pieces takes longer than hashing.
        let many = one.repeat(PIECE_BYTES / one.len().max(1) + 1);
        let mut key = Vec::new();
        for n_zeros in 0.. {
            if key_bytes <= key.len() {
                break;
            }
            let mut context = digest::Context::new(self.algorithm);
            context.update(&vec![0; n_zeros]);
            let mut left = n_bytes;
            while many.len() <= left && !many.is_empty() {
                context.update(&many);
                left -= many.len();
            }
            context.update(&many[..left.min(many.len())]);
            key.extend_from_slice(context.finish().as_ref());
        }
        key.truncate(key_bytes);
        key
    }
}

/// AES in the mode CFB, whose register is the last encrypted block.
fn decrypt<C: BlockCipherEncrypt + KeyInit>(key: &[u8], start: &[u8], encrypted: &[u8]) -> Vec<u8> {
    let cipher = C::new_from_slice(key).expect("the key was made as long as the cipher wants it");
    let mut register = Block::<C>::try_from(start).expect("the start is one block");
    let mut plain = Vec::with_capacity(encrypted.len());
    for chunk in encrypted.chunks(start.len()) {
        cipher.encrypt_block(&mut register);
        plain.extend(chunk.iter().zip(register.iter()).map(|(one, two)| one ^ two));
        register.iter_mut().zip(chunk).for_each(|(byte, it)| *byte = *it);
    }
    plain
}
