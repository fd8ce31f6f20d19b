//! DSA keys with a modulus of 2048 bits, made and written; nothing is signed with them.

use num_bigint::BigUint;

use super::{
    der,
    montgomery::power,
    pem,
    prime::{Random, has_small_factor, is_prime, random_number, random_prime},
};

const MODULUS_BITS: u64 = 2_048;
const ORDER_BITS: u64 = 256;

/// A new key as PEM, in the form of OpenSSL's DSAPrivateKey.
pub(super) fn generate(random: Random<'_>) -> String {
    let order = random_prime(ORDER_BITS, random);
    let modulus = modulus(&order, random);
    let cofactor = (&modulus - 1u8) / &order;
    let one = BigUint::from(1u8);
    let generator = (2u8..)
        .map(|base| power(&BigUint::from(base), &cofactor, &modulus))
        .find(|it| *it != one)
        .expect("few numbers are of an order that small");
    let private = random_number(ORDER_BITS + 64, random) % (&order - 1u8) + 1u8;
    let public = power(&generator, &private, &modulus);
    let numbers = [&BigUint::ZERO, &modulus, &order, &generator, &public, &private];
    pem::encode("DSA PRIVATE KEY", &der::sequence(&numbers.map(der::integer)))
}

/// A prime of which one less is a multiple of the order.
fn modulus(order: &BigUint, random: Random<'_>) -> BigUint {
    let step = order * 2u8;
    let start = random_number(MODULUS_BITS, random);
    let mut candidate = &start - &start % &step + 1u8;
    while has_small_factor(&candidate) || !is_prime(&candidate, random) {
        candidate += &step;
    }
    candidate
}
