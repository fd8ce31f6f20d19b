//! ECDSA on the curve P-256 (FIPS 186-5): keys made, written, read, and used to sign.

use std::sync::LazyLock;

use num_bigint::BigUint;
use sha2::{Digest as _, Sha256};

use super::{
    der::{self, Item},
    group, pem,
    prime::Random,
};

pub(super) const EC_PUBLIC_KEY: &[u32] = &[1, 2, 840, 10_045, 2, 1];
const ECDSA_WITH_SHA256: &[u32] = &[1, 2, 840, 10_045, 4, 3, 2];
const PRIME256V1: &[u32] = &[1, 2, 840, 10_045, 3, 1, 7];

static CURVE: LazyLock<Curve> = LazyLock::new(Curve::new);

/// A private key.
pub(super) struct Key {
    scalar: BigUint,
}

impl Key {
    pub(super) fn generate(random: Random<'_>) -> Self {
        Self { scalar: random_scalar(random) }
    }

    /// Reads a key in the form of RFC 5915; one within PKCS #8 does not name its curve itself.
    pub(super) fn from_sec1(bytes: &[u8], is_curve_known: bool) -> Option<Self> {
        let (key, _) = Item::read(bytes)?;
        let items = key.items()?;
        let curve = items.iter().find(|item| item.tag == 0xa0).map(|item| item.contents);
        let is_p256 = curve.map_or(is_curve_known, |it| it == der::object_id(PRIME256V1));
        let scalar = items.get(1).filter(|item| is_p256 && item.tag == der::OCTET_STRING)?;
        let scalar = BigUint::from_bytes_be(scalar.contents);
        (scalar > BigUint::ZERO && scalar < CURVE.order).then_some(Self { scalar })
    }

    /// The form of RFC 5915 as PEM.
    pub(super) fn to_pem(&self) -> String {
        let key = der::sequence(&[
            der::integer(&BigUint::from(1u8)),
            der::value(der::OCTET_STRING, &big_endian(&self.scalar)),
            der::value(0xa0, &der::object_id(PRIME256V1)),
            der::value(0xa1, &der::bit_string(&self.public(), 0)),
        ]);
        pem::encode("EC PRIVATE KEY", &key)
    }

    /// The public point, uncompressed.
    pub(super) fn public(&self) -> Vec<u8> {
        let (x, y) = CURVE.multiply(&self.scalar).expect("a scalar below the order is no multiple");
        [&[4], &big_endian(&x)[..], &big_endian(&y)[..]].concat()
    }

    pub(super) fn sign(&self, message: &[u8], random: Random<'_>) -> Vec<u8> {
        let order = &CURVE.order;
        let hash = BigUint::from_bytes_be(&Sha256::digest(message));
        loop {
            let nonce = random_scalar(random);
            let Some((x, _)) = CURVE.multiply(&nonce) else { continue };
            let first = x % order;
            let inverse = nonce.modinv(order).expect("the order is prime");
            let second = inverse * (&hash + &first * &self.scalar) % order;
            if first != BigUint::ZERO && second != BigUint::ZERO {
                return der::sequence(&[der::integer(&first), der::integer(&second)]);
            }
        }
    }
}

/// The identifier of signatures.
pub(super) fn algorithm() -> Vec<u8> {
    der::sequence(&[der::object_id(ECDSA_WITH_SHA256)])
}

/// The identifier of keys.
pub(super) fn key_algorithm() -> Vec<u8> {
    der::sequence(&[der::object_id(EC_PUBLIC_KEY), der::object_id(PRIME256V1)])
}

/// A number from 1 to below the order, as good as evenly spread: of 64 bits more than it takes
/// (FIPS 186-5, A.2.1).
fn random_scalar(random: Random<'_>) -> BigUint {
    let mut bytes = [0; 40];
    random(&mut bytes);
    BigUint::from_bytes_be(&bytes) % (&CURVE.order - 1u8) + 1u8
}

fn big_endian(number: &BigUint) -> [u8; 32] {
    let mut out = [0; 32];
    let bytes = number.to_bytes_be();
    out[32 - bytes.len()..].copy_from_slice(&bytes);
    out
}

/// y^2 = x^3 - 3x + b (SP 800-186, section 3.2.1.3).
struct Curve {
    prime: BigUint,
    order: BigUint,
    base: Point,
}

/// x and y; nothing is the point at infinity.
type Point = Option<(BigUint, BigUint)>;

impl Curve {
    fn new() -> Self {
        let number = |hex: &[u8]| BigUint::parse_bytes(hex, 16).expect("a constant is a number");
        Self {
            prime: number(b"ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"),
            order: number(b"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
            base: Some((
                number(b"6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
                number(b"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
            )),
        }
    }

    /// The base point so many times.
    fn multiply(&self, scalar: &BigUint) -> Point {
        group::multiply(scalar, &self.base, None, |one, two| self.add(one, two))
    }

    fn add(&self, one: &Point, two: &Point) -> Point {
        let (Some((x1, y1)), Some((x2, y2))) = (one, two) else {
            return one.clone().or_else(|| two.clone());
        };
        let prime = &self.prime;
        let minus = |one: &BigUint, two: &BigUint| (one + prime - two) % prime;
        let (rise, run) = if x1 == x2 {
            (x1 * x1 * 3u8 + prime - 3u8, (y1 + y2) % prime)
        } else {
            (minus(y2, y1), minus(x2, x1))
        };
        // A point and its opposite have no slope.
        let slope = rise * run.modinv(prime)? % prime;
        let x = minus(&minus(&(&slope * &slope % prime), x1), x2);
        let y = minus(&(slope * minus(x1, &x) % prime), y1);
        Some((x, y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 6979, A.2.5.
    #[test]
    fn public_keys_are_those_of_the_rfc() {
        let number = |hex: &str| BigUint::parse_bytes(hex.as_bytes(), 16).unwrap();
        let scalar = number("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721");
        let point = "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6\
                     7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299";
        assert_eq!(Key { scalar }.public(), number(point).to_bytes_be());
    }

    #[test]
    fn what_was_written_is_read() {
        let key = Key { scalar: BigUint::from(7u8) };
        let block = pem::decode(key.to_pem().as_bytes()).unwrap();
        let read = Key::from_sec1(&block.bytes, false).unwrap();
        assert_eq!((block.label.as_str(), read.scalar), ("EC PRIVATE KEY", key.scalar));
    }
}
