//! `derivePassword`: the Master Password algorithm, with scrypt.

use sha2::{Digest as _, Sha256};

/// scrypt's cost, block size and parallelism.
const N: usize = 32_768;
const R: usize = 8;
const P: usize = 2;
const BLOCK_WORDS: usize = 32 * R;
const SEED: &[u8] = b"com.lyndir.masterpassword";

/// What a password is derived from.
pub(super) struct Site<'s> {
    pub(super) counter: u32,
    pub(super) password: &'s [u8],
    pub(super) user: &'s [u8],
    pub(super) site: &'s [u8],
}

impl Site<'_> {
    /// The password of a kind: `maximum`, `long`, `medium`, `short`, `basic` or `pin`.
    pub(super) fn password_of(&self, kind: &str) -> String {
        let Some(templates) = templates(kind) else {
            return format!("cannot find password template {kind}");
        };
        let length = |text: &[u8]| (text.len() as u32).to_be_bytes();
        let salt = [SEED, &length(self.user), self.user].concat();
        let key = scrypt(self.password, &salt);
        let message = [SEED, &length(self.site), self.site, &self.counter.to_be_bytes()].concat();
        let seed = hmac(&key, &[&message]);
        let template = templates[usize::from(seed[0]) % templates.len()];
        let pick = |(class, seed): (char, &u8)| {
            let characters = characters(class);
            char::from(characters[usize::from(*seed) % characters.len()])
        };
        template.chars().zip(&seed[1..]).map(pick).collect()
    }
}

fn templates(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        "long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        "medium" => &["CvcnoCvc", "CvcCvcno"],
        "short" => &["Cvcn"],
        "basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        "pin" => &["nnnn"],
        _ => return None,
    })
}

fn characters(class: char) -> &'static [u8] {
    match class {
        'V' => b"AEIOU",
        'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        'v' => b"aeiou",
        'c' => b"bcdfghjklmnpqrstvwxyz",
        'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        'n' => b"0123456789",
        'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut padded = [0; 64];
    if key.len() > 64 {
        padded[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        padded[..key.len()].copy_from_slice(key);
    }
    let mut inner = Sha256::new();
    inner.update(padded.map(|byte| byte ^ 0x36));
    for part in parts {
        inner.update(part);
    }
    let mut outer = Sha256::new();
    outer.update(padded.map(|byte| byte ^ 0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

/// PBKDF2 with one round.
fn pbkdf2(password: &[u8], salt: &[u8], length: usize) -> Vec<u8> {
    let blocks = (1u32..).map(|count| hmac(password, &[salt, &count.to_be_bytes()]));
    let mut out: Vec<u8> = blocks.take(length.div_ceil(32)).flatten().collect();
    out.truncate(length);
    out
}

fn scrypt(password: &[u8], salt: &[u8]) -> Vec<u8> {
    let bytes = pbkdf2(password, salt, P * BLOCK_WORDS * 4);
    let mut words: Vec<u32> = bytes
        .chunks_exact(4)
        .map(|it| u32::from_le_bytes(it.try_into().expect("chunks have four bytes")))
        .collect();
    words.chunks_exact_mut(BLOCK_WORDS).for_each(mix_block);
    let mixed: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    pbkdf2(password, &mixed, 64)
}

fn mix_block(block: &mut [u32]) {
    let mut seen = Vec::with_capacity(N * BLOCK_WORDS);
    for _ in 0..N {
        seen.extend_from_slice(block);
        shuffle_block(block);
    }
    for _ in 0..N {
        let place = block[BLOCK_WORDS - 16] as usize % N;
        let other = &seen[place * BLOCK_WORDS..][..BLOCK_WORDS];
        block.iter_mut().zip(other).for_each(|(word, other)| *word ^= other);
        shuffle_block(block);
    }
}

fn shuffle_block(block: &mut [u32]) {
    let mut current: [u32; 16] =
        block[BLOCK_WORDS - 16..].try_into().expect("a block ends in sixteen words");
    let mut out = vec![0; BLOCK_WORDS];
    for (place, part) in block.chunks_exact(16).enumerate() {
        current.iter_mut().zip(part).for_each(|(word, other)| *word ^= other);
        salsa(&mut current);
        // Even parts come first, then the odd ones.
        let to = (place / 2 + place % 2 * R) * 16;
        out[to..to + 16].copy_from_slice(&current);
    }
    block.copy_from_slice(&out);
}

/// Salsa20 with eight rounds.
fn salsa(block: &mut [u32; 16]) {
    const QUARTERS: [[usize; 4]; 8] = [
        [0, 4, 8, 12],
        [5, 9, 13, 1],
        [10, 14, 2, 6],
        [15, 3, 7, 11],
        [0, 1, 2, 3],
        [5, 6, 7, 4],
        [10, 11, 8, 9],
        [15, 12, 13, 14],
    ];
    let mut x = *block;
    for _ in 0..4 {
        for [a, b, c, d] in QUARTERS {
            x[b] ^= x[a].wrapping_add(x[d]).rotate_left(7);
            x[c] ^= x[b].wrapping_add(x[a]).rotate_left(9);
            x[d] ^= x[c].wrapping_add(x[b]).rotate_left(13);
            x[a] ^= x[d].wrapping_add(x[c]).rotate_left(18);
        }
    }
    block.iter_mut().zip(x).for_each(|(word, mixed)| *word = word.wrapping_add(mixed));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_password() {
        let site = Site { counter: 1, password: b"password", user: b"user", site: b"example.com" };
        assert_eq!(site.password_of("long"), "ZedaFaxcZaso9*");
        assert_eq!(site.password_of("x"), "cannot find password template x");
    }
}
