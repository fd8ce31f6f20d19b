//! Texts signed by gpg 2.2 and helm 4.1.4; `tests/record.sh` makes them anew.

use super::*;

const KEYS: &[u8] = include_bytes!("tests/keys.gpg");
const ARMORED_KEYS: &[u8] = include_bytes!("tests/keys.asc");
const KEYBOX: &[u8] = include_bytes!("tests/keys.kbx");
const HELM: &str = include_str!("tests/helm.asc");
const RSA: &str = include_str!("tests/rsa.asc");
/// Later than every signature, 2100.
const NOW_S: u64 = 4_102_444_800;

fn names(text: &str) -> Result<Vec<String>, String> {
    let keyring = Keyring::parse(KEYS).unwrap();
    verify(text, &keyring, NOW_S).map(|it| it.names).map_err(|it| it.to_string())
}

#[test]
fn what_gpg_and_helm_signed_is_by_their_keys() {
    let check = |text: &str, name: &str| {
        assert_eq!(names(text), Ok(vec![format!("{name} <{name}@example.com>")]));
    };
    check(HELM, "rsa");
    check(RSA, "rsa");
    check(include_str!("tests/ed25519.asc"), "ed25519");
    check(include_str!("tests/nistp256.asc"), "nistp256");
    // The primary key may not sign data, its subkey may.
    check(include_str!("tests/certifier.asc"), "certifier");
}

#[test]
fn the_signed_text_is_the_chart_s() {
    let keyring = Keyring::parse(ARMORED_KEYS).unwrap();
    let signed = verify(HELM, &keyring, NOW_S).unwrap();
    let archive = include_bytes!("tests/probe-0.1.0.tgz");
    let sum = chart::check_sum(signed.text.as_bytes(), "probe-0.1.0.tgz", archive).unwrap();
    assert!(HELM.contains(&sum));
    assert_eq!(Some(signed.fingerprint), keyring.fingerprints().next());
}

#[test]
fn keys_that_may_not_be_believed_are_named_with_the_reason() {
    let check = |text: &str, reason: &str| {
        let error = names(text).unwrap_err();
        assert!(error.contains(reason), "{error}");
    };
    check(include_str!("tests/expired.asc"), "has expired");
    check(include_str!("tests/revoked.asc"), "was revoked");
    check(include_str!("tests/dsa.asc"), "DSA with SHA-256 is not supported");
    check(include_str!("tests/short.asc"), "1024 bits, too few");
    check(include_str!("tests/sha1.asc"), "RSA with SHA-1 is not supported");
    check(include_str!("tests/not-clear.asc"), "signature block not found");
}

#[test]
fn an_expired_key_was_good_before() {
    let keyring = Keyring::parse(KEYS).unwrap();
    let text = include_str!("tests/expired.asc");
    let noon_s = 1_577_880_000;
    assert!(verify(text, &keyring, noon_s).is_ok());
    assert!(matches!(
        verify(text, &keyring, noon_s - 1),
        Err(SignatureError::FromTheFuture { .. })
    ));
}

#[test]
fn every_changed_character_of_the_text_is_noticed() {
    let start = RSA.find("\n\n").unwrap() + 2;
    let end = RSA.find("-----BEGIN PGP SIGNATURE").unwrap() - 1;
    for place in start..end {
        let mut forged = RSA.as_bytes().to_vec();
        forged[place] ^= 1;
        let Ok(forged) = String::from_utf8(forged) else { continue };
        assert!(names(&forged).is_err(), "{}", &forged[start..end]);
    }
}

#[test]
fn damage_of_a_signature_or_a_keyring_is_an_error_and_nothing_worse() {
    let keyring = Keyring::parse(KEYS).unwrap();
    let start = RSA.find("-----BEGIN PGP SIGNATURE").unwrap();
    // Every place would take a while: each of these is checked by each key.
    for place in (start..RSA.len()).step_by(5) {
        for damage in [&RSA[..place], &format!("{}A{}", &RSA[..place], &RSA[place + 1..])] {
            if damage.trim_end() != RSA.trim_end() {
                verify(damage, &keyring, NOW_S).ok();
            }
        }
    }
    for place in (0..KEYS.len()).step_by(23) {
        let mut damaged = KEYS.to_vec();
        damaged[place] ^= 0x55;
        if let Ok(keyring) = Keyring::parse(&damaged) {
            verify(RSA, &keyring, NOW_S).ok();
        }
        Keyring::parse(&KEYS[..place]).ok();
    }
}

#[test]
fn a_key_that_is_not_in_the_keyring_is_named() {
    let mut keyring = Keyring::parse(KEYS).unwrap();
    let fingerprint = keyring.fingerprints().next().unwrap();
    keyring.entities.remove(0);
    let error = verify(RSA, &keyring, NOW_S).unwrap_err();
    assert_eq!(error, SignatureError::UnknownKey { key: fingerprint.to_string() });
}

#[test]
fn other_files_are_no_keyrings() {
    assert_eq!(Keyring::parse(KEYBOX).unwrap_err(), KeyringError::Keybox);
    assert_eq!(Keyring::parse(b"hello").unwrap_err(), KeyringError::Damaged);
    assert_eq!(Keyring::parse(b"").unwrap_err(), KeyringError::Empty);
}
