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
        self.reduced(|place, sum| {
            let first = (place + 1).saturating_sub(N);
            let mut half = Sum::default();
            for it in first..place.div_ceil(2) {
                half.add(number[it], number[place - it]);
            }
            sum.add_twice(half);
            if place.is_multiple_of(2) {
                sum.add(number[place / 2], number[place / 2]);
            }
        })
    }

    /// `one * two / R`, below the modulus.
    fn multiply(&self, one: &[u64; N], two: &[u64; N]) -> [u64; N] {
        self.reduced(|place, sum| {
            let first = (place + 1).saturating_sub(N);
            for it in first..=place.min(N - 1) {
                sum.add(one[it], two[place - it]);
            }
        })
    }

    /// A product divided by R, limb by limb from the lowest: `add_column` adds the products of the two
    /// factors' limbs whose places have the sum that it is given.
    ///
    /// Along with them goes the multiple of the modulus that makes the lower half zero.
    #[inline(always)]
    fn reduced(&self, add_column: impl Fn(usize, &mut Sum)) -> [u64; N] {
        let mut factors = [0u64; N];
        let mut result = [0u64; N];
        let mut sum = Sum::default();
        for place in 0..N {
            add_column(place, &mut sum);
            for (factor, limb) in factors[..place].iter().zip(self.limbs[1..=place].iter().rev()) {
                sum.add(*factor, *limb);
            }
            factors[place] = sum.low().wrapping_mul(self.inverse);
            sum.add(factors[place], self.limbs[0]);
            sum.take_low();
        }
        for place in N..2 * N {
            add_column(place, &mut sum);
            let first = place + 1 - N;
            for (factor, limb) in factors[first..].iter().zip(self.limbs[first..].iter().rev()) {
                sum.add(*factor, *limb);
            }
            result[place - N] = sum.take_low();
        }
        if sum.low() != 0 || !is_below(&result, &self.limbs) {
            subtract(&mut result, &self.limbs);
        }
        result
    }
}

/// A sum of products, of three limbs: it has room for all the products of a column.
#[derive(Clone, Copy, Default)]
struct Sum {
    low: u128,
    top: u64,
}

impl Sum {
    #[inline(always)]
    fn add(&mut self, one: u64, two: u64) {
        let (low, has_carry) = self.low.overflowing_add(u128::from(one) * u128::from(two));
        self.low = low;
        self.top += u64::from(has_carry);
    }

    #[inline(always)]
    fn add_twice(&mut self, other: Self) {
        let (low, has_carry) = self.low.overflowing_add(other.low << 1);
        self.low = low;
        self.top += (other.top << 1) + (other.low >> 127) as u64 + u64::from(has_carry);
    }

    #[inline(always)]
    fn low(self) -> u64 {
        self.low as u64
    }

    #[inline(always)]
    fn take_low(&mut self) -> u64 {
        let low = self.low();
        self.low = self.low >> 64 | u128::from(self.top) << 64;
        self.top = 0;
        low
    }
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
