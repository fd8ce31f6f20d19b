//! A text signed by a key of a keyring, with the signature below it (RFC 4880, sections 5.2 and 7).

use num_bigint::BigUint;
use ring::{
    digest::{self, digest},
    rand::SystemRandom,
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        Ed25519KeyPair, RSA_PKCS1_SHA512,
    },
};

use super::{
    armor, clearsign,
    key::{Key, Material},
    keyring::{Entity, Keyring},
    secret::{self, Numbers, UnlockError},
    signature::kind,
};

/// Why nothing was signed; in helm's words where helm has some.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    #[error("private key not found")]
    NoKey,
    #[error("more than one key contain the id {0:?}")]
    Ambiguous(String),
    #[error("provided key is not a private key. Try providing a keyring with secret keys")]
    NotSecret,
    #[error("the key {0} may not sign, nor may a subkey of it")]
    NotForSigning(String),
    #[error("the key {0} cannot sign: {1}")]
    Unsupported(String, String),
    #[error("could not unlock the key {name}")]
    Unlock { name: String, source: UnlockError },
}

/// A key that was found in a keyring, and that signs once it is unlocked.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'k> {
    key: &'k Key,
    secret: &'k [u8],
    /// The name under which it is asked for its passphrase.
    pub name: &'k str,
}

impl Keyring {
    /// Finds the key whose name is `id`, or else the only one whose name contains it.
    ///
    /// The primary key signs; when it may not, its newest subkey that may.
    /// Source: Helm 4.1.4, `pkg/provenance/sign.go`, `NewFromKeyring`, which asks no key what it may.
    pub fn signer(&self, id: &str) -> Result<Signer<'_>, SignError> {
        let has =
            |entity: &&Entity, fits: &dyn Fn(&str) -> bool| entity.names.iter().any(|it| fits(it));
        let entity = match self.entities.iter().find(|it| has(it, &|name| name == id)) {
            Some(entity) => entity,
            None => {
                let mut found =
                    self.entities.iter().filter(|it| has(it, &|name| name.contains(id)));
                match (found.next(), found.next()) {
                    (Some(entity), None) => entity,
                    (Some(_), Some(_)) => return Err(SignError::Ambiguous(id.to_owned())),
                    (None, _) => return Err(SignError::NoKey),
                }
            }
        };
        let name = entity.names.first().map(String::as_str).unwrap_or_default();
        let lets_sign =
            entity.own_word.as_ref().is_some_and(super::signature::Signature::lets_sign);
        if lets_sign && let Some(secret) = &entity.secret {
            return Ok(Signer { key: &entity.primary, secret, name });
        }
        let subkeys = entity.subkeys.iter().filter(|it| !it.is_revoked && it.binding.lets_sign());
        let newest = subkeys.max_by_key(|it| it.key.created_s);
        match newest.map(|it| (it, &it.secret)) {
            Some((subkey, Some(secret))) => Ok(Signer { key: &subkey.key, secret, name }),
            Some(_) => Err(SignError::NotSecret),
            None if lets_sign => Err(SignError::NotSecret),
            None => Err(SignError::NotForSigning(name.to_owned())),
        }
    }
}

impl Signer<'_> {
    /// Whether [`Self::sign`] needs a passphrase.
    pub fn is_locked(&self) -> bool {
        secret::is_locked(self.secret)
    }

    /// Signs a text; the result is a clearsigned message.
    ///
    /// `now_s` is in seconds since 1970.
    pub fn sign(&self, text: &str, passphrase: &[u8], now_s: u32) -> Result<String, SignError> {
        let Key { material, fingerprint, .. } = self.key;
        let numbers = secret::unlock(self.secret, material, passphrase)
            .map_err(|source| SignError::Unlock { name: self.name.to_owned(), source })?;
        let (algorithm, hash) = material.signs_with().ok_or_else(|| {
            let reason = "its kind is not supported".to_owned();
            SignError::Unsupported(fingerprint.to_string(), reason)
        })?;
        let message = clearsign::Message::of(text);
        let mut hashed = vec![4, kind::TEXT, algorithm, hash];
        let mut trusted = subpacket(2, &now_s.to_be_bytes());
        trusted.extend(subpacket(33, &[&[4], &fingerprint.0[..]].concat()));
        hashed.extend(short(trusted.len()));
        hashed.extend(&trusted);
        let n_bytes = u32::try_from(hashed.len()).unwrap_or(u32::MAX).to_be_bytes();
        let content = [&message.canonical()[..], &hashed, &[4, 0xff], &n_bytes].concat();
        let (signed, sum) = self.numbers(&numbers, &content).ok_or_else(|| {
            let reason = "its secret part does not belong to it".to_owned();
            SignError::Unsupported(fingerprint.to_string(), reason)
        })?;
        let hint = subpacket(16, &fingerprint.key_id());
        let body = [&hashed[..], &short(hint.len()), &hint, &sum, &signed].concat();
        // An old header with a length of two bytes.
        let packet = [&[0x89][..], &short(body.len()), &body].concat();
        let signature = armor::pack(&packet, "PGP SIGNATURE");
        Ok(message.print(hash_name(hash), &signature))
    }

    /// The numbers of a signature, and the first two bytes of the hash that they sign.
    fn numbers(&self, numbers: &Numbers, content: &[u8]) -> Option<(Vec<u8>, [u8; 2])> {
        let random = SystemRandom::new();
        let sum = |it: &digest::Digest| [it.as_ref()[0], it.as_ref()[1]];
        match (&self.key.material, numbers) {
            (Material::Rsa { modulus, exponent }, Numbers::Rsa { d, p, q }) => {
                let key = rsa_key((modulus, exponent), d, p, q)?;
                let mut signed = vec![0; modulus.len()];
                key.sign(&RSA_PKCS1_SHA512, &random, content, &mut signed).ok()?;
                Some((number(&signed), sum(&digest(&digest::SHA512, content))))
            }
            (Material::Ed25519 { point, is_native }, Numbers::One(seed)) => {
                let hash = digest(&digest::SHA512, content);
                let seed = filled(seed, 32)?;
                let key = Ed25519KeyPair::from_seed_and_public_key(&seed, point).ok()?;
                let signed = key.sign(hash.as_ref());
                Some((
                    if *is_native { signed.as_ref().to_vec() } else { pair(signed.as_ref()) },
                    sum(&hash),
                ))
            }
            (Material::P256(point), Numbers::One(scalar)) => {
                let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let scalar = filled(scalar, 32)?;
                let key = EcdsaKeyPair::from_private_key_and_public_key(
                    algorithm, &scalar, point, &random,
                );
                let signed = key.ok()?.sign(&random, content).ok()?;
                Some((pair(signed.as_ref()), sum(&digest(&digest::SHA256, content))))
            }
            (Material::P384(point), Numbers::One(scalar)) => {
                let algorithm = &ECDSA_P384_SHA384_FIXED_SIGNING;
                let scalar = filled(scalar, 48)?;
                let key = EcdsaKeyPair::from_private_key_and_public_key(
                    algorithm, &scalar, point, &random,
                );
                let signed = key.ok()?.sign(&random, content).ok()?;
                Some((pair(signed.as_ref()), sum(&digest(&digest::SHA384, content))))
            }
            _ => None,
        }
    }
}

impl Material {
    /// The numbers of the algorithm and of the hash of signatures that are made.
    fn signs_with(&self) -> Option<(u8, u8)> {
        match self {
            Self::Rsa { .. } => Some((1, 10)),
            Self::Ed25519 { is_native: true, .. } => Some((27, 10)),
            Self::Ed25519 { is_native: false, .. } => Some((22, 10)),
            Self::P256(_) => Some((19, 8)),
            Self::P384(_) => Some((19, 9)),
            Self::Other(_) => None,
        }
    }
}

fn hash_name(hash: u8) -> &'static str {
    match hash {
        8 => "SHA256",
        9 => "SHA384",
        _ => "SHA512",
    }
}

/// The numbers by which RSA is quicker are not taken from the keyring, which has them otherwise.
fn rsa_key(public: (&[u8], &[u8]), d: &[u8], p: &[u8], q: &[u8]) -> Option<rsa::KeyPair> {
    let of = BigUint::from_bytes_be;
    let (p, q) = if of(p) < of(q) { (of(q), of(p)) } else { (of(p), of(q)) };
    let (one, two, d) = (BigUint::from(1_u8), BigUint::from(2_u8), of(d));
    if p <= two || q <= two {
        return None;
    }
    // By Fermat's little theorem, as p is prime.
    let inverse = q.modpow(&(&p - &two), &p);
    let bytes = BigUint::to_bytes_be;
    let components = rsa::KeyPairComponents {
        public_key: rsa::PublicKeyComponents { n: public.0, e: public.1 },
        d: &bytes(&d)[..],
        p: &bytes(&p)[..],
        q: &bytes(&q)[..],
        dP: &bytes(&(&d % (&p - &one)))[..],
        dQ: &bytes(&(&d % (&q - &one)))[..],
        qInv: &bytes(&inverse)[..],
    };
    rsa::KeyPair::from_components(&components).ok()
}

fn subpacket(kind: u8, body: &[u8]) -> Vec<u8> {
    let n_bytes = u8::try_from(body.len() + 1).expect("subpackets are short here");
    [&[n_bytes, kind], body].concat()
}

fn short(n_bytes: usize) -> [u8; 2] {
    u16::try_from(n_bytes).expect("signatures are short").to_be_bytes()
}

/// A big number with its length in bits in front.
fn number(bytes: &[u8]) -> Vec<u8> {
    let n_zeros = bytes.iter().take_while(|it| **it == 0).count();
    let bytes = &bytes[n_zeros..];
    let first = bytes.first().map_or(0, |it| 8 - it.leading_zeros() as usize);
    let n_bits = bytes.len().saturating_sub(1) * 8 + first;
    [&short(n_bits)[..], bytes].concat()
}

/// Two numbers of the same length.
fn pair(bytes: &[u8]) -> Vec<u8> {
    let (one, two) = bytes.split_at(bytes.len() / 2);
    [number(one), number(two)].concat()
}

/// A number with zeros in front.
fn filled(number: &[u8], n_bytes: usize) -> Option<Vec<u8>> {
    let n_zeros = n_bytes.checked_sub(number.len())?;
    Some([&vec![0; n_zeros][..], number].concat())
}

#[cfg(test)]
mod tests;
