//! Powers modulo an odd number, in Montgomery's form.

use num_bigint::BigUint;

/// The powers of a base modulo an odd number.
///
/// # Panics
/// When the modulus is even or zero, or the base is not below it.
pub(super) fn power(base: &BigUint, exponent: &BigUint, modulus: &BigUint) -> BigUint {
    let length = modulus.to_u64_digits().len();
    // Lengths that are known when compiling make this many times as fast.
    match length {
        0..=16 => Modulus::<16>::new(modulus).power(base, exponent),
        17..=32 => Modulus::<32>::new(modulus).power(base, exponent),
        _ => base.modpow(exponent, modulus),
    }
}

/// A power of two modulo an odd number, which takes half the time of others.
///
/// # Panics
/// When the modulus is even or zero.
pub(super) fn power_of_two(exponent: &BigUint, modulus: &BigUint) -> BigUint {
    match modulus.to_u64_digits().len() {
        0..=16 => Modulus::<16>::new(modulus).power_of_two(exponent),
        17..=32 => Modulus::<32>::new(modulus).power_of_two(exponent),
        _ => BigUint::from(2u8).modpow(exponent, modulus),
    }
}

/// An odd modulus of at most so many limbs, prepared.
struct Modulus<const N: usize> {
    limbs: [u64; N],
    /// -1 / modulus, modulo 2^64.
    inverse: u64,
    /// R^2 modulo the modulus, where R is 2^(64 * N).
    square: [u64; N],
}

impl<const N: usize> Modulus<N> {
    fn new(number: &BigUint) -> Self {
        let limbs = padded(number);
        assert!(limbs[0] & 1 == 1, "a Montgomery modulus is odd");
        // Newton's iteration doubles the correct bits, from three.
        let mut inverse = limbs[0];
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(limbs[0].wrapping_mul(inverse)));
        }
        let square = padded(&((BigUint::from(1u8) << (128 * N)) % number));
        Self { limbs, inverse: inverse.wrapping_neg(), square }
    }

    fn power(&self, base: &BigUint, exponent: &BigUint) -> BigUint {
        let mut one = [0; N];
        one[0] = 1;
        let base = self.multiply(&padded(base), &self.square);
        let mut result = self.multiply(&one, &self.square);
        // Four bits at a time, with the powers below 16 at hand.
        let mut table = [result; 16];
        for place in 1..16 {
            table[place] = self.multiply(&table[place - 1], &base);
        }
        for digit in exponent.to_u64_digits().iter().rev() {
            for shift in (0..16).rev() {
                for _ in 0..4 {
                    result = self.multiply(&result, &result);
                }
                result = self.multiply(&result, &table[(digit >> (shift * 4) & 15) as usize]);
            }
        }
        self.plain(&result)
    }

    fn power_of_two(&self, exponent: &BigUint) -> BigUint {
        let mut one = [0; N];
        one[0] = 1;
        let mut result = self.multiply(&one, &self.square);
        for place in (0..exponent.bits()).rev() {
            result = self.square_of(&result);
            if exponent.bit(place) {
                self.double(&mut result);
            }
        }
        self.plain(&result)
    }

    /// A number out of Montgomery's form.
    fn plain(&self, number: &[u64; N]) -> BigUint {
        let mut one = [0; N];
        one[0] = 1;
        let result = self.multiply(number, &one);
        let halves = result.iter().flat_map(|limb| [*limb as u32, (*limb >> 32) as u32]);
        BigUint::new(halves.collect())
    }

    fn double(&self, number: &mut [u64; N]) {
        let top = number[N - 1] >> 63;
        for place in (1..N).rev() {
            number[place] = number[place] << 1 | number[place - 1] >> 63;
        }
        number[0] <<= 1;
        if top != 0 || !is_below(number, &self.limbs) {
            subtract(number, &self.limbs);
        }
    }

    /// `number * number / R`: each product of two different limbs is computed once.
    fn square_of(&self, number: &[u64; N]) -> [u64; N] {
        let (mut low, mut high) = ([0u64; N], [0u64; N]);
        for (place, digit) in number.iter().enumerate() {
            let mut carry = 0;
            for (offset, other) in number[place + 1..].iter().enumerate() {
                let sum = at(&mut low, &mut high, 2 * place + 1 + offset);
                (*sum, carry) = product_plus(*digit, *other, *sum, carry);
            }
            *at(&mut low, &mut high, place + N) = carry;
        }
        let (mut shifted, mut carry) = (0, 0);
        for (place, digit) in number.iter().enumerate() {
            let wide = u128::from(*digit) * u128::from(*digit);
            for (part, offset) in [(wide as u64, 0), ((wide >> 64) as u64, 1)] {
                let limb = at(&mut low, &mut high, 2 * place + offset);
                let doubled = *limb << 1 | shifted;
                shifted = *limb >> 63;
                let sum = u128::from(doubled) + u128::from(part) + u128::from(carry);
                *limb = sum as u64;
                carry = (sum >> 64) as u64;
            }
        }
        self.reduced(low, high)
    }

    /// The number of which these are the halves, divided by R.
    fn reduced(&self, mut low: [u64; N], mut high: [u64; N]) -> [u64; N] {
        let mut top = 0;
        for place in 0..N {
            let factor = low[place].wrapping_mul(self.inverse);
            let mut carry = 0;
            for (offset, limb) in self.limbs.iter().enumerate() {
                let sum = at(&mut low, &mut high, place + offset);
                (*sum, carry) = product_plus(*limb, factor, *sum, carry);
            }
            let sum = u128::from(high[place]) + u128::from(carry) + u128::from(top);
            high[place] = sum as u64;
            top = (sum >> 64) as u64;
        }
        if top != 0 || !is_below(&high, &self.limbs) {
            subtract(&mut high, &self.limbs);
        }
        high
    }

    /// `one * two / R`, below the modulus.
    fn multiply(&self, one: &[u64; N], two: &[u64; N]) -> [u64; N] {
        let mut sum = [0u64; N];
        let mut top = 0u64;
        for digit in two {
            let mut carry = 0u64;
            for (place, factor) in sum.iter_mut().zip(one) {
                (*place, carry) = product_plus(*factor, *digit, *place, carry);
            }
            let (high, overflow) = top.overflowing_add(carry);
            // Adds the multiple of the modulus that makes the lowest limb zero, and drops that limb.
            let factor = sum[0].wrapping_mul(self.inverse);
            let (_, mut carry) = product_plus(self.limbs[0], factor, sum[0], 0);
            for place in 1..N {
                let limb = self.limbs[place];
                (sum[place - 1], carry) = product_plus(limb, factor, sum[place], carry);
            }
            let (low, more) = high.overflowing_add(carry);
            sum[N - 1] = low;
            top = u64::from(overflow) + u64::from(more);
        }
        if top != 0 || !is_below(&sum, &self.limbs) {
            subtract(&mut sum, &self.limbs);
        }
        sum
    }
}

/// `one * two + three + four`: the low and the high half.
#[inline]
fn product_plus(one: u64, two: u64, three: u64, four: u64) -> (u64, u64) {
    let wide = u128::from(one) * u128::from(two) + u128::from(three) + u128::from(four);
    (wide as u64, (wide >> 64) as u64)
}

/// A limb of a number in two halves.
#[inline]
fn at<'l, const N: usize>(
    low: &'l mut [u64; N],
    high: &'l mut [u64; N],
    place: usize,
) -> &'l mut u64 {
    if place < N { &mut low[place] } else { &mut high[place - N] }
}

fn padded<const N: usize>(number: &BigUint) -> [u64; N] {
    let mut limbs = [0; N];
    for (limb, digit) in limbs.iter_mut().zip(number.iter_u64_digits()) {
        *limb = digit;
    }
    limbs
}

fn is_below<const N: usize>(one: &[u64; N], two: &[u64; N]) -> bool {
    one.iter().rev().lt(two.iter().rev())
}

fn subtract<const N: usize>(from: &mut [u64; N], number: &[u64; N]) {
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
        for bits in [61, 521, 1_023, 1_279, 2_203] {
            let modulus = (BigUint::from(1u8) << bits) - 1u8;
            let base: BigUint = BigUint::from(123_456_789u32).pow(11) % &modulus;
            let exponent = BigUint::from(987_654_321u32).pow(7);
            let expect = base.modpow(&exponent, &modulus);
            assert_eq!(power(&base, &exponent, &modulus), expect, "{bits}");
            let expect = BigUint::from(2u8).modpow(&exponent, &modulus);
            assert_eq!(power_of_two(&exponent, &modulus), expect, "{bits}");
        }
    }
}
