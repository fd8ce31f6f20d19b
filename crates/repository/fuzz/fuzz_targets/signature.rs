//! Any bytes as a keyring, and any text as one that a known key has signed: both end, and nobody but gpg's keys of
//! the tests is believed.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use repository::openpgp::{Keyring, verify};

/// What gpg exported.
static KNOWN: LazyLock<Keyring> = LazyLock::new(|| {
    let keys = include_bytes!("../../src/openpgp/tests/keys.gpg");
    Keyring::parse(keys).expect("gpg has written it")
});
/// After the tests' keys were made.
const NOW_S: u64 = 1_800_000_000;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(keyring) = Keyring::parse(bytes) {
        _ = verify(&text, &keyring, NOW_S);
        for key in keyring.fingerprints() {
            _ = key.to_string();
        }
    }
    if let Ok(signed) = verify(&text, &KNOWN, NOW_S) {
        assert!(KNOWN.fingerprints().any(|it| it == signed.fingerprint), "{signed:?}");
    }
});
