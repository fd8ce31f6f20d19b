//! `--sign`: the key that signs charts, and its passphrase.

use std::{
    io::{BufRead as _, IsTerminal as _},
    path::Path,
};

use host::files;
use repository::{
    ProvenanceFileError,
    openpgp::{Keyring, SignError, UnlockError},
};

use super::market;
use crate::{args::chart::Package, commands::login, context::Context, failure::Failure};

/// How a keyring is made that signs.
const EXPORT: &str =
    "export the secret key, and name that file: gpg --export-secret-keys NAME > secret.gpg";

/// A key in its keyring, unlocked when it first signs.
pub(crate) struct Pen {
    keyring: Keyring,
    key: String,
    /// Where the passphrase is read from; it is asked for when nothing says.
    file: Option<String>,
    passphrase: Option<String>,
}

impl Pen {
    pub(crate) fn take(context: &Context, args: &Package) -> Result<Self, Failure> {
        let key = args.key.clone().filter(|it| !it.is_empty()).ok_or_else(|| {
            let hint = "a part of the name that `gpg --list-secret-keys` shows: --key NAME";
            Failure::usage("--key is required for signing a package")
                .with_hint(Some(hint.to_owned()))
        })?;
        let keyring = market::keyring(context, &args.keys)
            .map_err(|it| it.with_hint(Some(EXPORT.to_owned())))?;
        // Before anything is packed.
        keyring.signer(&key).map_err(unsigned)?;
        let file = args.passphrase_file.as_ref().filter(|it| !it.is_empty());
        let file = file.map(|it| match it.as_str() {
            "-" => it.clone(),
            path => context.path(path.as_ref()).display().to_string(),
        });
        Ok(Self { keyring, key, file, passphrase: None })
    }

    /// Makes the provenance file of an archive that lies under a name.
    pub(crate) fn sign(&mut self, name: &str, archive: &[u8]) -> Result<String, Failure> {
        let signer = self.keyring.signer(&self.key).map_err(unsigned)?;
        if signer.is_locked() && self.passphrase.is_none() {
            self.passphrase = Some(passphrase(self.file.as_deref(), signer.name)?);
        }
        let passphrase = self.passphrase.as_deref().unwrap_or_default().as_bytes();
        let signed = repository::sign(name, archive, &signer, passphrase, market::now_s());
        signed.map_err(|error| match error {
            ProvenanceFileError::Sign(error) => unsigned(error),
            error => Failure::from(error),
        })
    }
}

/// The first line of a file, or what is typed.
fn passphrase(file: Option<&str>, key: &str) -> Result<String, Failure> {
    let line = match file {
        Some("-") if std::io::stdin().is_terminal() => {
            let text = "specified reading passphrase from stdin, without input on stdin";
            return Err(Failure::work(text));
        }
        Some("-") => {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line)?;
            line
        }
        Some(path) => files::read_text(Path::new(path))?,
        None if std::io::stdin().is_terminal() => {
            return login::read_line(&format!("Password for key {key:?} >  "), false);
        }
        None => {
            let text = format!(
                "the key {key:?} has a passphrase, and there is no terminal to ask for it on"
            );
            let hint = "name a file whose first line it is: --passphrase-file FILE".to_owned();
            return Err(Failure::work(text).with_hint(Some(hint)));
        }
    };
    Ok(line.lines().next().unwrap_or_default().to_owned())
}

fn unsigned(error: SignError) -> Failure {
    let hint = match &error {
        SignError::NoKey => Some("`gpg --show-keys KEYRING` lists the names in a keyring"),
        SignError::Ambiguous(_) => Some("give the whole name: --key 'Name <address>'"),
        SignError::NotSecret | SignError::Unlock { source: UnlockError::Stub, .. } => Some(EXPORT),
        SignError::NotForSigning(_) => {
            Some("add a subkey that may: gpg --quick-add-key FINGERPRINT")
        }
        SignError::Unsupported(..) => {
            Some("keys of RSA (2048 bits and more), Ed25519, P-256 and P-384 sign")
        }
        SignError::Unlock { .. } => None,
    };
    Failure::from(error).with_hint(hint.map(str::to_owned))
}
