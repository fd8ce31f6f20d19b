//! AES with 256 bits in CBC mode, as `encryptAES` and `decryptAES` use it.

const ROUNDS: usize = 14;
type Block = [u8; 16];

/// Encrypts with padding (PKCS #7); the start vector comes first. The password is cut or filled with
/// zeros to 32 bytes.
pub(super) fn encrypt(password: &[u8], plain: &[u8], iv: Block) -> Vec<u8> {
    let cipher = Cipher::new(password);
    let padding = 16 - plain.len() % 16;
    let mut padded = plain.to_vec();
    padded.resize(plain.len() + padding, padding as u8);
    let mut out = iv.to_vec();
    let mut before = iv;
    for chunk in padded.chunks_exact(16) {
        let mut block = before;
        block.iter_mut().zip(chunk).for_each(|(byte, other)| *byte ^= other);
        cipher.encrypt(&mut block);
        out.extend_from_slice(&block);
        before = block;
    }
    out
}

/// The reverse; the error is what Go's slices say.
pub(super) fn decrypt(password: &[u8], bytes: &[u8]) -> Result<Vec<u8>, String> {
    let Some((iv, encrypted)) = bytes.split_at_checked(16) else {
        let length = bytes.len();
        return Err(format!(
            "runtime error: slice bounds out of range [:16] with capacity {length}"
        ));
    };
    if !encrypted.len().is_multiple_of(16) {
        return Err("crypto/cipher: input not full blocks".to_owned());
    }
    let cipher = Cipher::new(password);
    let mut before = iv;
    let mut out = Vec::with_capacity(encrypted.len());
    for chunk in encrypted.chunks_exact(16) {
        let mut block: Block = chunk.try_into().expect("chunks are whole");
        cipher.decrypt(&mut block);
        block.iter_mut().zip(before).for_each(|(byte, other)| *byte ^= other);
        out.extend_from_slice(&block);
        before = chunk;
    }
    match out.last() {
        None => Err("runtime error: index out of range [-1]".to_owned()),
        Some(padding) => match out.len().checked_sub(usize::from(*padding)) {
            Some(length) => {
                out.truncate(length);
                Ok(out)
            }
            None => {
                let end = out.len() as i64 - i64::from(*padding);
                Err(format!("runtime error: slice bounds out of range [:{end}]"))
            }
        },
    }
}

struct Cipher {
    keys: [Block; ROUNDS + 1],
    boxes: Boxes,
}

/// The substitution of bytes and its inverse.
struct Boxes {
    forward: [u8; 256],
    back: [u8; 256],
}

impl Boxes {
    fn new() -> Self {
        let (mut forward, mut back) = ([0; 256], [0; 256]);
        // 3 generates the field, 0xf6 is its inverse.
        let (mut power, mut inverse) = (1u8, 1u8);
        loop {
            power ^= double(power);
            inverse = multiply(inverse, 0xf6);
            let mixed = (0..5).fold(0, |mixed, shift| mixed ^ inverse.rotate_left(shift)) ^ 0x63;
            forward[usize::from(power)] = mixed;
            if power == 1 {
                break;
            }
        }
        forward[0] = 0x63;
        for (place, byte) in forward.iter().enumerate() {
            back[usize::from(*byte)] = place as u8;
        }
        Self { forward, back }
    }
}

fn double(byte: u8) -> u8 {
    byte << 1 ^ if byte & 0x80 == 0 { 0 } else { 0x1b }
}

fn multiply(mut one: u8, mut two: u8) -> u8 {
    let mut product = 0;
    while two != 0 {
        if two & 1 == 1 {
            product ^= one;
        }
        one = double(one);
        two >>= 1;
    }
    product
}

impl Cipher {
    fn new(password: &[u8]) -> Self {
        let boxes = Boxes::new();
        let mut words = [[0u8; 4]; 4 * (ROUNDS + 1)];
        for (place, byte) in password.iter().take(32).enumerate() {
            words[place / 4][place % 4] = *byte;
        }
        let mut round = 1u8;
        for place in 8..words.len() {
            let mut word = words[place - 1];
            if place % 8 == 0 {
                word.rotate_left(1);
            }
            if place % 4 == 0 {
                word = word.map(|byte| boxes.forward[usize::from(byte)]);
            }
            if place % 8 == 0 {
                word[0] ^= round;
                round = double(round);
            }
            let before = words[place - 8];
            words[place] = std::array::from_fn(|it| word[it] ^ before[it]);
        }
        let keys = std::array::from_fn(|it| {
            std::array::from_fn(|byte| words[it * 4 + byte / 4][byte % 4])
        });
        Self { keys, boxes }
    }

    fn add_key(&self, block: &mut Block, round: usize) {
        block.iter_mut().zip(&self.keys[round]).for_each(|(byte, key)| *byte ^= key);
    }

    fn encrypt(&self, block: &mut Block) {
        self.add_key(block, 0);
        for round in 1..=ROUNDS {
            let old = block.map(|byte| self.boxes.forward[usize::from(byte)]);
            // Row r moves left by r columns.
            *block = std::array::from_fn(|it| old[(it + it % 4 * 4) % 16]);
            if round < ROUNDS {
                mix(block, [2, 3, 1, 1]);
            }
            self.add_key(block, round);
        }
    }

    fn decrypt(&self, block: &mut Block) {
        for round in (1..=ROUNDS).rev() {
            self.add_key(block, round);
            if round < ROUNDS {
                mix(block, [14, 11, 13, 9]);
            }
            let old = *block;
            *block = std::array::from_fn(|it| old[(it + 16 - it % 4 * 4) % 16]);
            *block = block.map(|byte| self.boxes.back[usize::from(byte)]);
        }
        self.add_key(block, 0);
    }
}

/// Multiplies each column by the circulant matrix of a row.
fn mix(block: &mut Block, row: [u8; 4]) {
    for column in block.chunks_exact_mut(4) {
        let old: [u8; 4] = column.try_into().expect("columns have four bytes");
        for (place, byte) in column.iter_mut().enumerate() {
            *byte = (0..4).fold(0, |sum, it| sum ^ multiply(old[it], row[(it + 4 - place) % 4]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 197, appendix C.3.
    #[test]
    fn the_standard_example() {
        let key: Vec<u8> = (0..32).collect();
        let plain: Vec<u8> = (0..16).map(|it| it * 0x11).collect();
        let encrypted = encrypt(&key, &plain, [0; 16]);
        let expect = [
            0x8e, 0xa2, 0xb7, 0xca, 0x51, 0x67, 0x45, 0xbf, 0xea, 0xfc, 0x49, 0x90, 0x4b, 0x49,
            0x60, 0x89,
        ];
        assert_eq!(encrypted[16..32], expect);
        assert_eq!(decrypt(&key, &encrypted), Ok(plain));
    }
}
