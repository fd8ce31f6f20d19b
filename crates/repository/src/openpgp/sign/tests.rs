//! Texts signed by keys of gpg 2.2; `../tests/record_secret.sh` makes them anew.

use super::super::{Keyring, SignError, UnlockError, verify};

const SECRET: &[u8] = include_bytes!("../tests/secret.gpg");
const PUBLIC: &[u8] = include_bytes!("../tests/keys.gpg");
const TEXT: &str = "name: a  \n-dash\n\n...\nfiles:\n  a: b\n";
/// 2030.
const NOW_S: u32 = 1_893_456_000;

fn sign(id: &str, passphrase: &str) -> Result<String, SignError> {
    let keyring = Keyring::parse(SECRET).unwrap();
    keyring.signer(id)?.sign(TEXT, passphrase.as_bytes(), NOW_S)
}

#[test]
fn what_is_signed_is_by_its_key() {
    let keyring = Keyring::parse(SECRET).unwrap();
    for (id, hash) in [
        ("locked-rsa", "SHA512"),
        ("plain-rsa", "SHA512"),
        ("locked-ed25519", "SHA512"),
        ("plain-ed25519", "SHA512"),
        ("locked-nistp256", "SHA256"),
        ("plain-nistp384", "SHA384"),
        // The primary key may not sign, its subkey may.
        ("certifier", "SHA512"),
    ] {
        let message = sign(id, "open sesame").unwrap();
        let head =
            format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: {hash}\n\nname: a\n- -dash\n");
        assert!(message.starts_with(&head), "{message}");
        let signed = verify(&message, &keyring, u64::from(NOW_S)).unwrap();
        assert_eq!(signed.names, [format!("{id} <{id}@example.com>")]);
        assert_eq!(signed.text, TEXT.replace("a  ", "a"));
        let forged = message.replace("a: b", "a: c");
        assert!(verify(&forged, &keyring, u64::from(NOW_S)).is_err());
    }
}

#[test]
fn only_a_locked_key_wants_its_passphrase() {
    let keyring = Keyring::parse(SECRET).unwrap();
    assert!(keyring.signer("locked-rsa").unwrap().is_locked());
    assert!(!keyring.signer("plain-rsa").unwrap().is_locked());
    assert!(sign("plain-rsa", "").is_ok());
    for id in ["locked-rsa", "locked-ed25519", "locked-nistp256"] {
        let Err(SignError::Unlock { source, .. }) = sign(id, "open barley") else {
            panic!("{id} signs with a wrong passphrase");
        };
        assert_eq!(source, UnlockError::Passphrase);
    }
}

#[test]
fn a_key_is_found_by_its_name_or_a_part_of_it_that_no_other_has() {
    let error = |id: &str| sign(id, "").unwrap_err();
    assert_eq!(error("nobody"), SignError::NoKey);
    assert_eq!(error("rsa"), SignError::Ambiguous("rsa".to_owned()));
    assert!(sign("plain-rsa <plain-rsa@example.com>", "").is_ok());
    let name = "encrypter <encrypter@example.com>".to_owned();
    assert_eq!(error("encrypter"), SignError::NotForSigning(name));
    let public = Keyring::parse(PUBLIC).unwrap();
    assert_eq!(public.signer("ed25519").unwrap_err(), SignError::NotSecret);
}

#[test]
fn a_damaged_secret_is_an_error_and_nothing_worse() {
    for place in (0..SECRET.len()).step_by(61) {
        let mut damaged = SECRET.to_vec();
        damaged[place] ^= 0x55;
        let Ok(keyring) = Keyring::parse(&damaged) else { continue };
        for id in ["locked-nistp256", "plain-nistp384"] {
            if let Ok(signer) = keyring.signer(id) {
                signer.sign(TEXT, b"open sesame", NOW_S).ok();
            }
        }
    }
}
