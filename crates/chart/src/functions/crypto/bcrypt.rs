//! bcrypt with cost 10, as golang.org/x/crypto does it.

use std::sync::LazyLock;

use num_bigint::BigUint;

const COST: u32 = 10;
const PASSWORD_BYTES_MAX: usize = 72;
const ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// `$2a$10$`, the salt and the hash: 60 characters.
pub(super) fn hash(password: &[u8], salt: &[u8; 16]) -> Result<String, String> {
    if password.len() > PASSWORD_BYTES_MAX {
        return Err("bcrypt: password length exceeds 72 bytes".to_owned());
    }
    // C's strings end in a zero, which belongs to the key.
    let key = [password, &[0]].concat();
    let mut state = INITIAL.clone();
    state.expand(&key, salt);
    for _ in 0..1 << COST {
        state.expand(&key, &[]);
        state.expand(salt, &[]);
    }
    let mut words: Vec<u32> = b"OrpheanBeholderScryDoubt"
        .chunks_exact(4)
        .map(|it| u32::from_be_bytes(it.try_into().expect("chunks have four bytes")))
        .collect();
    for _ in 0..64 {
        for pair in words.chunks_exact_mut(2) {
            (pair[0], pair[1]) = state.encrypt(pair[0], pair[1]);
        }
    }
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    Ok(format!("$2a${COST}${}{}", encode(salt), encode(&bytes[..23])))
}

/// bcrypt's own base 64, without padding.
fn encode(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let pool = chunk.iter().fold(0u32, |pool, byte| pool << 8 | u32::from(*byte));
        let pool = pool << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(pool >> (18 - 6 * place) & 63) as usize]));
        }
    }
    out
}

/// Blowfish with its subkeys.
#[derive(Clone)]
struct Blowfish {
    keys: [u32; 18],
    boxes: Vec<[u32; 256]>,
}

/// The fractional digits of pi.
static INITIAL: LazyLock<Blowfish> = LazyLock::new(|| {
    let mut digits = pi_words(18 + 4 * 256).into_iter();
    let mut next = || digits.next().expect("as many digits as are used");
    let keys = std::array::from_fn(|_| next());
    let boxes = (0..4).map(|_| std::array::from_fn(|_| next())).collect();
    Blowfish { keys, boxes }
});

/// The first binary digits of pi behind the point, by Machin's formula.
fn pi_words(count: usize) -> Vec<u32> {
    let bits = 32 * count + 64;
    let inverse_tangent = |divisor: u32| {
        let square = divisor * divisor;
        let mut power = (BigUint::from(1u8) << bits) / divisor;
        let (mut sum, mut minus) = (power.clone(), BigUint::ZERO);
        for place in 1u32.. {
            power /= square;
            let term = &power / (2 * place + 1);
            if term == BigUint::ZERO {
                break;
            }
            if place % 2 == 0 { sum += term } else { minus += term }
        }
        sum - minus
    };
    let pi = (inverse_tangent(5) * 16u8) - inverse_tangent(239) * 4u8;
    let fraction = pi - (BigUint::from(3u8) << bits);
    let mut words = (fraction >> 64u8).to_u32_digits();
    words.resize(count, 0);
    words.reverse();
    words
}

impl Blowfish {
    fn encrypt(&self, mut left: u32, mut right: u32) -> (u32, u32) {
        let [one, two, three, four] = self.boxes.as_slice() else { return (left, right) };
        for key in &self.keys[..16] {
            left ^= key;
            let [a, b, c, d] = left.to_be_bytes().map(usize::from);
            right ^= (one[a].wrapping_add(two[b]) ^ three[c]).wrapping_add(four[d]);
            (left, right) = (right, left);
        }
        (right ^ self.keys[17], left ^ self.keys[16])
    }

    /// Mixes in a key, and a salt unless it is empty.
    fn expand(&mut self, key: &[u8], salt: &[u8]) {
        let mut key_bytes = key.iter().cycle();
        for word in &mut self.keys {
            *word ^= next_word(&mut key_bytes);
        }
        let mut salt_bytes = salt.iter().cycle();
        let (mut left, mut right) = (0, 0);
        let mut next = |state: &Self| {
            if !salt.is_empty() {
                left ^= next_word(&mut salt_bytes);
                right ^= next_word(&mut salt_bytes);
            }
            (left, right) = state.encrypt(left, right);
            (left, right)
        };
        for place in (0..18).step_by(2) {
            (self.keys[place], self.keys[place + 1]) = next(self);
        }
        for index in 0..4 {
            for place in (0..256).step_by(2) {
                let (one, two) = next(self);
                self.boxes[index][place] = one;
                self.boxes[index][place + 1] = two;
            }
        }
    }
}

fn next_word<'b>(bytes: &mut impl Iterator<Item = &'b u8>) -> u32 {
    bytes.take(4).fold(0, |word, byte| word << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_are_those_of_pi() {
        assert_eq!(pi_words(2), [0x243f_6a88, 0x85a3_08d3]);
        assert_eq!(INITIAL.boxes[3][255], 0x3ac3_72e6);
    }

    #[test]
    fn a_known_hash() {
        // Checked with golang.org/x/crypto/bcrypt.
        let salt = *b"abcdefghijklmnop";
        let hash = hash(b"secret", &salt).unwrap();
        assert_eq!(hash.len(), 60);
        assert!(hash.starts_with("$2a$10$WUHhXETkX0fnYkrqZU3ta."), "{hash}");
    }
}
