//! Random primes.

use num_bigint::BigUint;

use super::montgomery::{power, power_of_two};

/// Rounds of Miller and Rabin's test after the first; for random candidates of 1024 bits the chance of
/// a composite is below 2^-100 (FIPS 186-5, table B.1).
const ROUNDS: usize = 4;
/// Candidates in a row that are sieved together.
const SIEVE_LENGTH: usize = 4_096;
const SMALL_PRIMES_MAX: u32 = 20_000;

/// Where random bytes come from.
pub(super) type Random<'r> = &'r mut dyn FnMut(&mut [u8]);

/// A prime of exactly so many bits, with the two highest set, as RSA wants it.
pub(super) fn random_prime(bits: u64, random: Random<'_>) -> BigUint {
    let small_primes = small_primes();
    loop {
        let start = random_start(bits, random);
        let mut is_composite = vec![false; SIEVE_LENGTH];
        for prime in &small_primes {
            // The candidates are start + 2 * place.
            let rest = remainder(&start, *prime);
            let to_multiple = (prime - rest) % prime;
            let is_even = to_multiple.is_multiple_of(2);
            let first = (if is_even { to_multiple } else { to_multiple + prime }) / 2;
            for place in (first as usize..SIEVE_LENGTH).step_by(*prime as usize) {
                is_composite[place] = true;
            }
        }
        for (place, _) in is_composite.iter().enumerate().filter(|(_, it)| !**it) {
            let candidate = &start + 2 * place as u64;
            if candidate.bits() == bits && is_prime(&candidate, random) {
                return candidate;
            }
        }
    }
}

fn random_start(bits: u64, random: Random<'_>) -> BigUint {
    let mut bytes = vec![0; (bits / 8) as usize];
    random(&mut bytes);
    bytes[0] |= 0xc0;
    if let Some(last) = bytes.last_mut() {
        *last |= 1;
    }
    BigUint::from_bytes_be(&bytes)
}

fn remainder(number: &BigUint, divisor: u32) -> u32 {
    let rest = number
        .iter_u32_digits()
        .rev()
        .fold(0u64, |rest, digit| (rest << 32 | u64::from(digit)) % u64::from(divisor));
    rest as u32
}

/// The odd primes below the limit.
fn small_primes() -> Vec<u32> {
    let is_prime = |number: u32| {
        (3..).step_by(2).take_while(|it| it * it <= number).all(|it| !number.is_multiple_of(it))
    };
    (3..SMALL_PRIMES_MAX).step_by(2).filter(|number| is_prime(*number)).collect()
}

/// Miller and Rabin's test, to the base 2 and then to random ones.
fn is_prime(candidate: &BigUint, random: Random<'_>) -> bool {
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
