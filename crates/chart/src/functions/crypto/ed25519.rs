//! Ed25519 (RFC 8032): keys made, written, and used to sign.

use std::sync::LazyLock;

use num_bigint::BigUint;
use sha2::{Digest as _, Sha512};

use super::{der, group, pem};

/// 1.3.101.112, of keys and of signatures (RFC 8410).
const ED25519: &[u32] = &[1, 3, 101, 112];

static CURVE: LazyLock<Curve> = LazyLock::new(Curve::new);

/// A private key.
pub(super) struct Key {
    seed: [u8; 32],
}

impl Key {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self { seed }
    }

    /// PKCS #8 as PEM.
    pub(super) fn to_pem(&self) -> String {
        let seed = der::value(der::OCTET_STRING, &self.seed);
        let parts =
            [der::integer(&BigUint::ZERO), algorithm(), der::value(der::OCTET_STRING, &seed)];
        pem::encode("PRIVATE KEY", &der::sequence(&parts))
    }

    pub(super) fn public(&self) -> Vec<u8> {
        let (scalar, _) = self.expand();
        CURVE.encode(&CURVE.multiply(&scalar)).to_vec()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let order = &CURVE.order;
        let (scalar, prefix) = self.expand();
        let public = CURVE.encode(&CURVE.multiply(&scalar));
        let nonce = hash(&[&prefix, message]) % order;
        let point = CURVE.encode(&CURVE.multiply(&nonce));
        let answer = (nonce + hash(&[&point, &public, message]) * scalar) % order;
        [point, little_endian(&answer)].concat()
    }

    /// The secret scalar, and what nonces are derived from.
    fn expand(&self) -> (BigUint, [u8; 32]) {
        let digest = Sha512::digest(self.seed);
        let (mut scalar, mut prefix) = ([0; 32], [0; 32]);
        scalar.copy_from_slice(&digest[..32]);
        prefix.copy_from_slice(&digest[32..]);
        scalar[0] &= 0xf8;
        scalar[31] = scalar[31] & 0x7f | 0x40;
        (BigUint::from_bytes_le(&scalar), prefix)
    }
}

/// The identifier of the algorithm, which has no parameters.
pub(super) fn algorithm() -> Vec<u8> {
    der::sequence(&[der::object_id(ED25519)])
}

fn hash(parts: &[&[u8]]) -> BigUint {
    BigUint::from_bytes_le(&Sha512::digest(parts.concat()))
}

fn little_endian(number: &BigUint) -> [u8; 32] {
    let mut out = [0; 32];
    let bytes = number.to_bytes_le();
    out[..bytes.len()].copy_from_slice(&bytes);
    out
}

/// Edwards' curve over the numbers modulo 2^255 - 19 (RFC 8032, section 5.1).
struct Curve {
    prime: BigUint,
    order: BigUint,
    /// Twice the curve's constant d.
    twice_d: BigUint,
    base: Point,
}

/// In extended homogeneous coordinates: x = X / Z, y = Y / Z, x * y = T / Z.
#[derive(Clone)]
struct Point {
    x: BigUint,
    y: BigUint,
    z: BigUint,
    t: BigUint,
}

impl Curve {
    fn new() -> Self {
        let decimal = |digits: &str| digits.parse::<BigUint>().expect("a constant is a number");
        let one = BigUint::from(1u8);
        let prime = (&one << 255) - 19u8;
        let order = (&one << 252) + decimal("27742317777372353535851937790883648493");
        let inverse =
            |number: u32| BigUint::from(number).modinv(&prime).expect("the modulus is prime");
        let d = &prime - inverse(121_666) * 121_665u32 % &prime;
        let y = inverse(5) * 4u8 % &prime;
        let x = decimal(
            "15112221349535400772501151409588531511454012693041857206046113283949847762202",
        );
        let base = Point { t: &x * &y % &prime, x, y, z: one };
        Self { twice_d: d * 2u8 % &prime, order, base, prime }
    }

    /// The base point so many times.
    fn multiply(&self, scalar: &BigUint) -> Point {
        let one = BigUint::from(1u8);
        let zero = Point { x: BigUint::ZERO, y: one.clone(), z: one, t: BigUint::ZERO };
        group::multiply(scalar, &self.base, zero, |one, two| self.add(one, two))
    }

    /// The addition of section 5.1.4, which holds for a point and itself, too.
    fn add(&self, one: &Point, two: &Point) -> Point {
        let prime = &self.prime;
        let minus = |one: &BigUint, two: &BigUint| (one + prime - two) % prime;
        let a = minus(&one.y, &one.x) * minus(&two.y, &two.x) % prime;
        let b = (&one.y + &one.x) * (&two.y + &two.x) % prime;
        let c = &one.t * &self.twice_d % prime * &two.t % prime;
        let d = &one.z * &two.z * 2u8 % prime;
        let (e, f, g, h) = (minus(&b, &a), minus(&d, &c), &d + &c, &b + &a);
        Point { x: &e * &f % prime, y: &g * &h % prime, z: &f * &g % prime, t: &e * &h % prime }
    }

    /// y, and the lowest bit of x above it.
    fn encode(&self, point: &Point) -> [u8; 32] {
        let inverse = point.z.modinv(&self.prime).expect("points of the curve have a Z");
        let mut out = little_endian(&(&point.y * &inverse % &self.prime));
        if (&point.x * &inverse % &self.prime).bit(0) {
            out[31] |= 0x80;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second test of RFC 8032, section 7.1.
    #[test]
    fn signatures_are_those_of_the_rfc() {
        let bytes = |hex: &str| BigUint::parse_bytes(hex.as_bytes(), 16).unwrap().to_bytes_be();
        let seed = bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let key = Key::new(seed.try_into().unwrap());
        assert_eq!(
            key.public(),
            bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
        );
        assert_eq!(
            key.sign(&[0x72]),
            bytes(
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                 085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
            )
        );
    }
}
