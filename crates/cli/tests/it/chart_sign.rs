//! `zarpa chart package --sign`: what is refused before anything is written.

use snapbox::str;

use crate::Place;

fn place() -> Place {
    Place::new(&[("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")])
}

#[test]
fn a_key_is_wanted_and_a_keyring_that_has_it() {
    let place = place();
    place.zarpa("chart package web --sign").assert().code(2).stderr_eq(str![[r#"
error: --key is required for signing a package
hint: a part of the name that `gpg --list-secret-keys` shows: --key NAME

"#]]);
    let missing = place.zarpa("chart package web --sign --key me --keyring none.gpg").assert();
    missing.code(1).stderr_eq(str![[r#"
error: could not read `[..]/none.gpg`
  caused by: No such file or directory (os error 2)
hint: export the secret key, and name that file: gpg --export-secret-keys NAME > secret.gpg

"#]]);
    place.write("bad.gpg", "hello");
    let damaged = place.zarpa("chart package web --sign --key me --keyring bad.gpg").assert();
    damaged.code(1).stderr_eq(str![[r#"
error: could not load the keyring `[..]/bad.gpg`
  caused by: it is damaged, or no OpenPGP keyring
hint: export the secret key, and name that file: gpg --export-secret-keys NAME > secret.gpg

"#]]);
    assert!(!place.path().join("web-1.0.0.tgz").exists());
}

#[test]
fn a_folder_cannot_be_verified() {
    place().zarpa("chart verify web").assert().code(1).stderr_eq(str![[r#"
error: unpacked charts cannot be verified: `[..]/web`
hint: pack and sign it: zarpa chart package [..]/web --sign --key NAME

"#]]);
}
