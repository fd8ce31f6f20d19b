//! RSA keys: made, written, read, and used to sign.

use num_bigint::BigUint;
use sha2::{Digest as _, Sha256};

use super::{
    der::{self, Item},
    montgomery::power,
    pem,
    prime::{Random, random_prime},
};

const RSA_ENCRYPTION: &[u32] = &[1, 2, 840, 113_549, 1, 1, 1];
const SHA256_WITH_RSA: &[u32] = &[1, 2, 840, 113_549, 1, 1, 11];

const PUBLIC_EXPONENT: u32 = 65_537;
/// `DigestInfo` of SHA-256 up to the hash (RFC 8017, section 9.2).
const SHA256_PREFIX: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

/// A private key with two primes.
pub(super) struct Key {
    modulus: BigUint,
    public_exponent: BigUint,
    exponent: BigUint,
    primes: [BigUint; 2],
}

impl Key {
    pub(super) fn generate(bits: u64, random: Random<'_>) -> Self {
        let public_exponent = BigUint::from(PUBLIC_EXPONENT);
        let mut prime = || loop {
            let prime = random_prime(bits / 2, random);
            if &prime % &public_exponent != BigUint::from(1u8) {
                return prime;
            }
        };
        let (one, mut two) = (prime(), prime());
        while one == two {
            two = prime();
        }
        let totient = (&one - 1u8) * (&two - 1u8);
        let exponent = public_exponent.modinv(&totient).expect("65537 divides neither factor");
        Self { modulus: &one * &two, public_exponent, exponent, primes: [one, two] }
    }

    pub(super) fn from_pkcs1(bytes: &[u8]) -> Option<Self> {
        let (key, _) = Item::read(bytes)?;
        let items = key.items()?;
        let number = |place: usize| Some(BigUint::from_bytes_be(items.get(place)?.contents));
        if items.iter().any(|item| item.tag != der::INTEGER) || items.len() < 9 {
            return None;
        }
        Some(Self {
            modulus: number(1)?,
            public_exponent: number(2)?,
            exponent: number(3)?,
            primes: [number(4)?, number(5)?],
        })
    }

    /// PKCS #1 as PEM.
    pub(super) fn to_pem(&self) -> String {
        let [one, two] = &self.primes;
        let inverse = two.modinv(one).expect("different primes have no common factor");
        let numbers = [
            &BigUint::ZERO,
            &self.modulus,
            &self.public_exponent,
            &self.exponent,
            one,
            two,
            &(&self.exponent % (one - 1u8)),
            &(&self.exponent % (two - 1u8)),
            &inverse,
        ];
        pem::encode("RSA PRIVATE KEY", &der::sequence(&numbers.map(der::integer)))
    }

    /// The public key in PKCS #1.
    pub(super) fn public(&self) -> Vec<u8> {
        der::sequence(&[der::integer(&self.modulus), der::integer(&self.public_exponent)])
    }

    /// Signs the SHA-256 hash of a message (RSASSA-PKCS1-v1_5).
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let length = self.modulus.bits().div_ceil(8) as usize;
        let mut padded = vec![0, 1];
        padded.resize(length - SHA256_PREFIX.len() - 32 - 1, 0xff);
        padded.push(0);
        padded.extend_from_slice(&SHA256_PREFIX);
        padded.extend_from_slice(&Sha256::digest(message));
        let message = BigUint::from_bytes_be(&padded);
        // By way of the primes, which is four times as fast.
        let [one, two] = &self.primes;
        let part =
            |prime: &BigUint| power(&(&message % prime), &(&self.exponent % (prime - 1u8)), prime);
        let (first, second) = (part(one), part(two));
        let inverse = two.modinv(one).expect("different primes have no common factor");
        let difference = (first + one - &second % one) % one;
        let signature = &second + two * (difference * inverse % one);
        let bytes = signature.to_bytes_be();
        let mut out = vec![0; length - bytes.len()];
        out.extend(bytes);
        out
    }
}

/// The identifier of signatures.
pub(super) fn algorithm() -> Vec<u8> {
    der::sequence(&[der::object_id(SHA256_WITH_RSA), der::null()])
}

/// The identifier of keys.
pub(super) fn key_algorithm() -> Vec<u8> {
    der::sequence(&[der::object_id(RSA_ENCRYPTION), der::null()])
}
