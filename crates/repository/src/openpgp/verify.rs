//! Who has signed a text.

use super::{
    clearsign,
    key::{CheckError, Fingerprint},
    keyring::{Candidate, Keyring},
    packet::split,
    signature::{Signature, kind},
};

/// A text that was signed by a key of a keyring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What was signed, with `\n` between its lines.
    pub text: String,
    /// The names of the signer's key.
    pub names: Vec<String>,
    /// The signer's primary key, though a subkey of it may have signed.
    pub fingerprint: Fingerprint,
}

/// Why a text is not taken for signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("signature block not found")]
    NoMessage,
    #[error("the signature is damaged, or not of version 4")]
    Damaged,
    #[error("it is signed by the key {key}, which the keyring does not have")]
    UnknownKey { key: String },
    #[error("the signature by the key {key} is wrong: the text was changed, or is not by that key")]
    Wrong { key: Fingerprint },
    #[error("the signature by the key {key} cannot be checked: {reason}")]
    Unsupported { key: Fingerprint, reason: String },
    #[error("the key {key} was revoked")]
    Revoked { key: Fingerprint },
    #[error("the key {key} has expired")]
    KeyExpired { key: Fingerprint },
    #[error("the key {key} is not one for signing")]
    NotForSigning { key: Fingerprint },
    #[error("the signature by the key {key} has expired")]
    Expired { key: Fingerprint },
    #[error("the signature by the key {key} is from the future")]
    FromTheFuture { key: Fingerprint },
}

/// Reads a clearsigned text and finds the key that signed it; `now_s` is in seconds since 1970.
///
/// Of several signatures one that is good is enough.
/// Source: RFC 4880, sections 5.2 and 7.
pub fn verify(text: &str, keyring: &Keyring, now_s: u64) -> Result<Signed, SignatureError> {
    let message = clearsign::read(text).ok_or(SignatureError::NoMessage)?;
    let packets = split(&message.signature).ok_or(SignatureError::Damaged)?;
    let signatures = packets.into_iter().filter_map(Signature::read);
    let of_text = signatures.filter(|it| matches!(it.kind, kind::BINARY | kind::TEXT));
    let content = message.canonical();
    let mut failure = SignatureError::Damaged;
    for signature in of_text {
        match signer(&signature, &content, keyring, now_s) {
            Ok(signer) => {
                let names = signer.entity.names.clone();
                let fingerprint = signer.entity.primary.fingerprint;
                return Ok(Signed { text: message.text, names, fingerprint });
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn signer<'k>(
    signature: &Signature,
    content: &[u8],
    keyring: &'k Keyring,
    now_s: u64,
) -> Result<Candidate<'k>, SignatureError> {
    let mut failure = SignatureError::UnknownKey { key: signature.issuer_text() };
    for candidate in keyring.candidates(signature) {
        let key = candidate.key.fingerprint;
        let checked = match candidate.key.check(signature, content, false) {
            Ok(()) => standing(signature, &candidate, now_s),
            Err(CheckError::Wrong) => Err(SignatureError::Wrong { key }),
            Err(CheckError::Unsupported(reason)) => {
                Err(SignatureError::Unsupported { key, reason })
            }
        };
        match checked {
            Ok(()) => return Ok(candidate),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Whether a key that made a right signature may be believed.
fn standing(
    signature: &Signature,
    candidate: &Candidate<'_>,
    now_s: u64,
) -> Result<(), SignatureError> {
    let key = candidate.key.fingerprint;
    let is_over = |from_s: u32, lasts_s: Option<u32>| {
        lasts_s.is_some_and(|it| u64::from(from_s) + u64::from(it) <= now_s)
    };
    let primary = &candidate.entity.primary;
    let primary_lasts_s = candidate.entity.own_word.as_ref().and_then(|it| it.key_lasts_s);
    let key_lasts_s = candidate.word.and_then(|it| it.key_lasts_s);
    if candidate.is_revoked {
        Err(SignatureError::Revoked { key })
    } else if candidate.word.is_none_or(|it| !it.lets_sign()) {
        Err(SignatureError::NotForSigning { key })
    } else if is_over(candidate.key.created_s, key_lasts_s)
        || is_over(primary.created_s, primary_lasts_s)
    {
        Err(SignatureError::KeyExpired { key })
    } else if is_over(signature.created_s, signature.lasts_s) {
        Err(SignatureError::Expired { key })
    } else if now_s < u64::from(signature.created_s) {
        Err(SignatureError::FromTheFuture { key })
    } else {
        Ok(())
    }
}
