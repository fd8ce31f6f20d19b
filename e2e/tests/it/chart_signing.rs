//! Charts that zarpa signs with keys that gpg made: helm believes them, and gpg does.

use std::fs;

use crate::{
    charts::{chart, helm, zarpa},
    machine::{Machine, Ran, run},
};

const PASSPHRASE: &str = "open sesame";

fn gpg(machine: &Machine, passphrase: &str, args: &[&str]) -> Ran {
    let quiet = ["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", passphrase];
    run(machine.command("gpg", machine.path()).args(quiet).args(args)).good()
}

/// The keys' public and secret parts as files; every other key has a passphrase.
fn make_keys(machine: &Machine) {
    fs::create_dir_all(machine.path().join(".gnupg")).unwrap();
    for (name, algorithm, passphrase) in [
        ("rsa", "rsa2048", PASSPHRASE),
        ("edwards", "ed25519", ""),
        ("small", "nistp256", PASSPHRASE),
        ("large", "nistp384", ""),
    ] {
        let name = format!("{name} <{name}@example.com>");
        gpg(machine, passphrase, &["--quick-generate-key", &name, algorithm, "sign,cert", "never"]);
    }
    gpg(machine, "", &["--output", "keys.gpg", "--export"]);
    gpg(machine, PASSPHRASE, &["--output", "secret.gpg", "--export-secret-keys"]);
    fs::write(machine.path().join("passphrase"), format!("{PASSPHRASE}\nand more\n")).unwrap();
}

#[test]
fn what_zarpa_signs_is_verified_by_helm_and_gpg() {
    let machine = Machine::new();
    make_keys(&machine);
    chart(machine.path(), "web", "1.0.0", "");
    let sign = |key: &str, more: &[&str]| {
        let args = ["chart", "package", "web", "--sign", "--keyring", "secret.gpg", "--key", key];
        zarpa(&machine, &[&args[..], more].concat())
    };
    let verify = ["verify", "web-1.0.0.tgz", "--keyring", "keys.gpg"];
    for key in ["rsa", "edwards", "small", "large"] {
        sign(key, &["--passphrase-file", "passphrase"]).good();
        let by_helm = helm(&machine, &verify).good();
        by_helm.says(&format!("Signed by: {key} <{key}@example.com>"));
        let by_zarpa = zarpa(&machine, &[&["chart"], &verify[..]].concat()).good();
        assert_eq!(by_zarpa.out, by_helm.out);
        gpg(&machine, "", &["--verify", "web-1.0.0.tgz.prov"]);
    }
    // Helm makes the same text of the same archive.
    let by_zarpa = fs::read_to_string(machine.path().join("web-1.0.0.tgz.prov")).unwrap();
    let text = |it: &str| {
        it.split("-----BEGIN PGP SIGNATURE")
            .next()
            .unwrap()
            .split_once("\n\n")
            .unwrap()
            .1
            .to_owned()
    };
    let args = ["package", "web", "--sign", "--keyring", "secret.gpg", "--key", "edwards"];
    helm(&machine, &args).good();
    let by_helm = fs::read_to_string(machine.path().join("web-1.0.0.tgz.prov")).unwrap();
    let sumless = |it: String| it.split("sha256:").next().unwrap().to_owned();
    assert_eq!(sumless(text(&by_zarpa)), sumless(text(&by_helm)));
    zarpa(&machine, &[&["chart"], &verify[..]].concat()).good();

    fs::remove_file(machine.path().join("web-1.0.0.tgz")).unwrap();
    fs::write(machine.path().join("wrong"), "open barley\n").unwrap();
    sign("rsa", &["--passphrase-file", "wrong"]).failed().says("the passphrase is wrong");
    sign("rsa", &[]).failed().says("--passphrase-file FILE");
    sign("nobody", &[]).failed().says("private key not found");
    sign("example", &[]).failed().says("more than one key contain the id");
    let public = sign("edwards", &["--keyring", "keys.gpg"]);
    assert!(!public.status.success());
    assert!(!machine.path().join("web-1.0.0.tgz").exists(), "nothing is left that is not signed");
    run(machine.command("gpgconf", machine.path()).args(["--kill", "gpg-agent"])).good();
}
