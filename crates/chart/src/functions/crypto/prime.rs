//! Random primes.

use std::sync::LazyLock;

use num_bigint::BigUint;

use super::montgomery::{power, power_of_two};

/// Rounds of Miller and Rabin's test after the first; for random candidates of 1024 bits the chance of
/// a composite is below 2^-100 (FIPS 186-5, table B.1).
const ROUNDS: usize = 4;
/// Candidates in a row that are sieved together.
const SIEVE_LENGTH: usize = 4_096;
/// Beyond this, finding multiples takes longer than testing what they would have spared.
const SMALL_PRIMES_MAX: u32 = 60_000;

/// The odd primes below the limit, in groups whose product is below 2^64.
static SMALL_PRIMES: LazyLock<Vec<Group>> = LazyLock::new(groups);

/// Small primes with their product: one long division gives the remainders of all.
struct Group {
    product: u64,
    primes: Vec<u32>,
}

/// Where random bytes come from.
pub(super) type Random<'r> = &'r mut dyn FnMut(&mut [u8]);

/// A prime of exactly so many bits, with the two highest set, as RSA wants it.
pub(super) fn random_prime(bits: u64, random: Random<'_>) -> BigUint {
    loop {
        let start = random_start(bits, random);
        let is_composite = multiples(&start);
        for (place, _) in is_composite.iter().enumerate().filter(|(_, it)| !**it) {
            let candidate = &start + 2 * place as u64;
            if candidate.bits() == bits && is_prime(&candidate, random) {
                return candidate;
            }
        }
    }
}

fn random_start(bits: u64, random: Random<'_>) -> BigUint {
    random_number(bits, random) | BigUint::from(1u8)
}

/// A number of exactly so many bits, a multiple of eight, with the two highest set.
pub(super) fn random_number(bits: u64, random: Random<'_>) -> BigUint {
    let mut bytes = vec![0; (bits / 8) as usize];
    random(&mut bytes);
    bytes[0] |= 0xc0;
    BigUint::from_bytes_be(&bytes)
}

/// Whether a small prime divides a number that is greater than all of them.
pub(super) fn has_small_factor(number: &BigUint) -> bool {
    SMALL_PRIMES.iter().any(|group| {
        let rest = remainder(number, group.product);
        group.primes.iter().any(|prime| rest.is_multiple_of(u64::from(*prime)))
    })
}

/// Which of the numbers `start + 2 * place` a small prime divides.
fn multiples(start: &BigUint) -> Vec<bool> {
    let mut is_composite = vec![false; SIEVE_LENGTH];
    for group in SMALL_PRIMES.iter() {
        let rest = remainder(start, group.product);
        for prime in &group.primes {
            let rest = (rest % u64::from(*prime)) as u32;
            let to_multiple = (prime - rest) % prime;
            let is_even = to_multiple.is_multiple_of(2);
            let first = (if is_even { to_multiple } else { to_multiple + prime }) / 2;
            for place in (first as usize..SIEVE_LENGTH).step_by(*prime as usize) {
                is_composite[place] = true;
            }
        }
    }
    is_composite
}

fn remainder(number: &BigUint, divisor: u64) -> u64 {
    let divisor = u128::from(divisor);
    let digits = number.iter_u64_digits().rev();
    digits.fold(0, |rest, digit| (rest << 64 | u128::from(digit)) % divisor) as u64
}

fn groups() -> Vec<Group> {
    let mut groups = Vec::new();
    let mut group = Group { product: 1, primes: Vec::new() };
    for prime in small_primes() {
        match group.product.checked_mul(u64::from(prime)) {
            Some(product) => group.product = product,
            None => {
                groups.push(group);
                group = Group { product: u64::from(prime), primes: Vec::new() };
            }
        }
        group.primes.push(prime);
    }
    groups.push(group);
    groups
}

/// The odd primes below the limit.
fn small_primes() -> Vec<u32> {
    let mut is_composite = vec![false; SMALL_PRIMES_MAX as usize];
    let mut primes = Vec::new();
    for number in (3..SMALL_PRIMES_MAX).step_by(2) {
        if !is_composite[number as usize] {
            primes.push(number);
            let multiples = number.saturating_mul(number)..SMALL_PRIMES_MAX;
            for place in multiples.step_by(2 * number as usize) {
                is_composite[place as usize] = true;
            }
        }
    }
    primes
}

/// Miller and Rabin's test, to the base 2 and then to random ones.
pub(super) fn is_prime(candidate: &BigUint, random: Random<'_>) -> bool {
    let below = candidate - 1u8;
    let n_twos = below.trailing_zeros().unwrap_or(0);
    let odd = &below >> n_twos;
    let mut bytes = vec![0; candidate.to_bytes_be().len() - 1];
    for round in 0..=ROUNDS {
        let mut reached = if round == 0 {
            power_of_two(&odd, candidate)
        } else {
            random(&mut bytes);
            power(&(BigUint::from_bytes_be(&bytes) + 2u8), &odd, candidate)
        };
        let mut is_passed = reached == BigUint::from(1u8) || reached == below;
        for _ in 1..n_twos {
            if is_passed {
                break;
            }
            reached = &reached * &reached % candidate;
            is_passed = reached == below;
        }
        if !is_passed {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_primes_are_all_there() {
        let primes = small_primes();
        assert_eq!(primes[..6], [3, 5, 7, 11, 13, 17]);
        // One less than the 6,057 primes below 60,000, of which 2 is even.
        assert_eq!((primes.len(), primes.last()), (6_056, Some(&59_999)));
        let grouped: Vec<u32> = groups().into_iter().flat_map(|it| it.primes).collect();
        assert_eq!(grouped, primes);
    }

    #[test]
    fn what_the_sieve_leaves_has_no_small_factor() {
        let start = (BigUint::from(1u8) << 200) + 1u8;
        let primes = small_primes();
        for (place, is_composite) in multiples(&start).into_iter().enumerate().step_by(7) {
            let candidate = &start + 2 * place as u64;
            let has_factor = primes[..50].iter().any(|it| &candidate % *it == BigUint::ZERO);
            assert!(!has_factor || is_composite, "{candidate}");
        }
    }
}
