//! RSA keys: made, written, read, and used to sign.

use num_bigint::BigUint;
use sha2::{Digest as _, Sha256};

use super::{
    der::{self, Item},
    montgomery::power,
    pem,
    prime::{Random, random_prime},
};

const PUBLIC_EXPONENT: u32 = 65_537;
/// `DigestInfo` of SHA-256 up to the hash (RFC 8017, section 9.2).
const SHA256_PREFIX: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

/// A private key with two primes.
pub(super) struct PrivateKey {
    modulus: BigUint,
    public_exponent: BigUint,
    exponent: BigUint,
    primes: [BigUint; 2],
}

impl PrivateKey {
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

    /// Reads a key in PKCS #1, or in PKCS #8 around it.
    pub(super) fn from_pem(text: &[u8]) -> Result<Self, String> {
        let Some(block) = pem::decode(text) else {
            return Err("no PEM data in input".to_owned());
        };
        match block.label.as_str() {
            "RSA PRIVATE KEY" => Self::from_pkcs1(&block.bytes).ok_or_else(|| {
                "parsing RSA private key from PEM: asn1: structure error".to_owned()
            }),
            "PRIVATE KEY" => Self::from_pkcs8(&block.bytes)
                .ok_or_else(|| "keys other than RSA are not supported here".to_owned()),
            "EC PRIVATE KEY" | "DSA PRIVATE KEY" => {
                Err("keys other than RSA are not supported here".to_owned())
            }
            label => Err(bad_label(label)),
        }
    }

    fn from_pkcs1(bytes: &[u8]) -> Option<Self> {
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

    fn from_pkcs8(bytes: &[u8]) -> Option<Self> {
        let (info, _) = Item::read(bytes)?;
        let key = info.items()?.get(2).copied()?;
        if key.tag != der::OCTET_STRING {
            return None;
        }
        Self::from_pkcs1(key.contents)
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

fn bad_label(label: &str) -> String {
    match label.strip_suffix(" PRIVATE KEY") {
        Some(kind) => format!("invalid private key type {kind}"),
        None => format!("no private key data in PEM block of type {label}"),
    }
}

/// Whether a text holds a private key of a kind that sprig reads.
pub(super) fn check_pem(text: &[u8]) -> Result<(), String> {
    let Some(block) = pem::decode(text) else {
        return Err("no PEM data in input".to_owned());
    };
    let is_sequence = Item::read(&block.bytes).is_some_and(|(item, _)| item.tag == der::SEQUENCE);
    match block.label.as_str() {
        "PRIVATE KEY" if is_sequence => Ok(()),
        "PRIVATE KEY" => Err("decoding PEM as PKCS#8: asn1: structure error".to_owned()),
        "RSA PRIVATE KEY" => PrivateKey::from_pem(text).map(|_| ()),
        "EC PRIVATE KEY" | "DSA PRIVATE KEY" if is_sequence => Ok(()),
        "EC PRIVATE KEY" => {
            Err("parsing EC private key from PEM: asn1: structure error".to_owned())
        }
        "DSA PRIVATE KEY" => {
            Err("parsing DSA private key from PEM: asn1: structure error".to_owned())
        }
        label => Err(bad_label(label)),
    }
}
