//! An archive and its provenance file: is it what was signed, and by whom.

use chart::ProvenanceError;

use crate::openpgp::{self, Fingerprint, Keyring, SignatureError};

/// An archive that is what a key of the keyring has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub signed_by: Vec<String>,
    pub fingerprint: Fingerprint,
    /// `sha256:…`
    pub sum: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("the provenance file is no text")]
    NoText,
    #[error("{0}")]
    Signature(SignatureError),
    #[error("{0}")]
    Sum(ProvenanceError),
}

/// Checks an archive, by the name under which it was signed; `now_s` is in seconds since 1970.
pub fn verify(
    name: &str,
    archive: &[u8],
    provenance: &[u8],
    keyring: &Keyring,
    now_s: u64,
) -> Result<Verified, VerifyError> {
    let text = std::str::from_utf8(provenance).map_err(|_| VerifyError::NoText)?;
    let signed = openpgp::verify(text, keyring, now_s).map_err(VerifyError::Signature)?;
    let sum = chart::check_sum(signed.text.as_bytes(), name, archive);
    let sum = sum.map_err(VerifyError::Sum)?;
    Ok(Verified { signed_by: signed.names, fingerprint: signed.fingerprint, sum })
}

impl Verified {
    /// What helm says of it.
    pub fn lines(&self) -> Vec<String> {
        let names = self.signed_by.iter().map(|it| format!("Signed by: {it}"));
        let rest = [
            format!("Using Key With Fingerprint: {}", self.fingerprint),
            format!("Chart Hash Verified: {}", self.sum),
        ];
        names.chain(rest).collect()
    }
}
