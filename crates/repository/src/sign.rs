//! A provenance file: what an archive is, signed.

use chart::LoadError;

use crate::openpgp::{SignError, Signer};

#[derive(Debug, thiserror::Error)]
pub enum ProvenanceFileError {
    #[error("failed to load chart for signing")]
    Load(#[source] LoadError),
    #[error("{0}")]
    Sign(SignError),
}

/// Makes the provenance file of an archive that lies under a name; `now_s` is in seconds since 1970.
pub fn sign(
    name: &str,
    archive: &[u8],
    signer: &Signer<'_>,
    passphrase: &[u8],
    now_s: u64,
) -> Result<String, ProvenanceFileError> {
    let text = chart::signed_text(name, archive).map_err(ProvenanceFileError::Load)?;
    let now_s = u32::try_from(now_s).unwrap_or(u32::MAX);
    signer.sign(&text, passphrase, now_s).map_err(ProvenanceFileError::Sign)
}
