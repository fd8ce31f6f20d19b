//! Powers modulo an odd number, in Montgomery's form.

use num_bigint::BigUint;

/// An odd modulus, prepared.
pub(super) struct Modulus {
    limbs: Vec<u64>,
    /// -1 / modulus, modulo 2^64.
    inverse: u64,
    /// R^2 modulo the modulus, where R is 2^(64 * limbs).
    square: Vec<u64>,
}

impl Modulus {
    /// # Panics
    /// When the number is even.
    pub(super) fn new(number: &BigUint) -> Self {
        let limbs = number.to_u64_digits();
        assert!(limbs[0] & 1 == 1, "a Montgomery modulus is odd");
        // Newton's iteration doubles the correct bits, from three.
        let mut inverse = limbs[0];
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(limbs[0].wrapping_mul(inverse)));
        }
        let square = (BigUint::from(1u8) << (128 * limbs.len())) % number;
        let square = padded(&square, limbs.len());
        Self { limbs, inverse: inverse.wrapping_neg(), square }
    }

    pub(super) fn power(&self, base: &BigUint, exponent: &BigUint) -> BigUint {
        let length = self.limbs.len();
        let base = padded(base, length);
        let mut one = vec![0; length];
        one[0] = 1;
        let base = self.multiply(&base, &self.square);
        let mut result = self.multiply(&one, &self.square);
        // Four bits at a time, with the powers below 16 at hand.
        let mut table = vec![result.clone()];
        for place in 1..16 {
            table.push(self.multiply(&table[place - 1], &base));
        }
        for digit in exponent.to_u64_digits().iter().rev() {
            for shift in (0..16).rev() {
                for _ in 0..4 {
                    result = self.multiply(&result, &result);
                }
                result = self.multiply(&result, &table[(digit >> (shift * 4) & 15) as usize]);
            }
        }
        let result = self.multiply(&result, &one);
        let halves = result.iter().flat_map(|limb| [*limb as u32, (*limb >> 32) as u32]);
        BigUint::new(halves.collect())
    }

    /// `one * two / R`, below the modulus.
    fn multiply(&self, one: &[u64], two: &[u64]) -> Vec<u64> {
        let length = self.limbs.len();
        let mut sum = vec![0u64; length + 2];
        for digit in two {
            let carry = add_product(&mut sum[..length], one, *digit);
            let (low, overflow) = sum[length].overflowing_add(carry);
            sum[length] = low;
            sum[length + 1] = u64::from(overflow);
            let factor = sum[0].wrapping_mul(self.inverse);
            let carry = add_product(&mut sum[..length], &self.limbs, factor);
            let (low, overflow) = sum[length].overflowing_add(carry);
            sum[length] = low;
            sum[length + 1] += u64::from(overflow);
            sum.copy_within(1.., 0);
            sum[length + 1] = 0;
        }
        if sum[length] != 0 || !is_below(&sum[..length], &self.limbs) {
            subtract(&mut sum[..length], &self.limbs);
        }
        sum.truncate(length);
        sum
    }
}

fn padded(number: &BigUint, length: usize) -> Vec<u64> {
    let mut limbs = number.to_u64_digits();
    limbs.resize(length, 0);
    limbs
}

/// `sum += factors * digit`, with what is carried out.
fn add_product(sum: &mut [u64], factors: &[u64], digit: u64) -> u64 {
    let mut carry = 0u128;
    for (place, factor) in sum.iter_mut().zip(factors) {
        carry += u128::from(*place) + u128::from(*factor) * u128::from(digit);
        *place = carry as u64;
        carry >>= 64;
    }
    carry as u64
}

fn is_below(one: &[u64], two: &[u64]) -> bool {
    one.iter().rev().lt(two.iter().rev())
}

fn subtract(from: &mut [u64], number: &[u64]) {
    let mut borrow = false;
    for (place, digit) in from.iter_mut().zip(number) {
        let (difference, one) = place.overflowing_sub(*digit);
        let (difference, two) = difference.overflowing_sub(u64::from(borrow));
        *place = difference;
        borrow = one || two;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_those_of_plain_arithmetic() {
        let modulus = (BigUint::from(1u8) << 521) - 1u8;
        let base = BigUint::from(123_456_789u32).pow(11);
        let exponent = BigUint::from(987_654_321u32).pow(7);
        let expect = base.modpow(&exponent, &modulus);
        assert_eq!(Modulus::new(&modulus).power(&(base % &modulus), &exponent), expect);
    }
}
