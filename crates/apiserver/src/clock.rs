//! The clock and the source of randomness of this crate.

use jiff::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};

/// The letters of generated names: no vowels, so that no words arise. Source: apimachinery `util/rand`.
const NAME_LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

#[expect(clippy::disallowed_methods, reason = "the API server stamps objects with the time")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

#[expect(clippy::disallowed_methods, reason = "the API server gives objects their identity")]
pub(crate) fn uid() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Five letters that make a generated name unique.
pub(crate) fn name_suffix() -> String {
    let mut bytes = [0; 5];
    SystemRandom::new().fill(&mut bytes).expect("the system has randomness");
    let letter = |byte: u8| char::from(NAME_LETTERS[usize::from(byte) % NAME_LETTERS.len()]);
    bytes.map(letter).iter().collect()
}
