//! What the groups of all curves have in common.

use num_bigint::BigUint;

/// A point so many times, by doubling and adding.
pub(super) fn multiply<P>(scalar: &BigUint, base: &P, zero: P, add: impl Fn(&P, &P) -> P) -> P {
    (0..scalar.bits()).rev().fold(zero, |sum, place| {
        let doubled = add(&sum, &sum);
        if scalar.bit(place) { add(&doubled, base) } else { doubled }
    })
}
