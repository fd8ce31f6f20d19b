//! What a provenance file says of a chart: its metadata, and the SHA-256 of its archive.
//!
//! Whether the file is signed, and by whom, is not decided here.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::decode::{DecodeError, Struct};

/// Why an archive is not the one that was signed. `Display` is Helm's text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProvenanceError {
    #[error("message block must have at least two parts")]
    Parts,
    #[error("{0}")]
    Decode(DecodeError),
    #[error("provenance does not contain a SHA for a file named {0:?}")]
    NoSum(String),
    #[error("sha256 sum does not match for {file}: {expected:?} != {found:?}")]
    Sum { file: String, expected: String, found: String },
}

/// Checks an archive against the signed text of a provenance file; returns its sum, `sha256:…`.
///
/// Source: Helm 4.1.4, `pkg/provenance/sign.go`.
pub fn check_sum(signed: &[u8], file: &str, archive: &[u8]) -> Result<String, ProvenanceError> {
    let sums = sums(signed)?;
    let hex: String = Sha256::digest(archive).iter().map(|byte| format!("{byte:02x}")).collect();
    let found = format!("sha256:{hex}");
    match sums.get(file) {
        None => Err(ProvenanceError::NoSum(file.to_owned())),
        Some(expected) if *expected != found => {
            let (file, expected) = (file.to_owned(), expected.clone());
            Err(ProvenanceError::Sum { file, expected, found })
        }
        Some(_) => Ok(found),
    }
}

/// The sums by file name: the second document, behind the line `...`.
fn sums(signed: &[u8]) -> Result<BTreeMap<String, String>, ProvenanceError> {
    const END: &[u8] = b"\n...\n";
    let end = |text: &[u8]| text.windows(END.len()).position(|it| it == END);
    let start = end(signed).ok_or(ProvenanceError::Parts)? + END.len();
    let rest = &signed[start..];
    let text = &rest[..end(rest).unwrap_or(rest.len())];
    let value = goyaml::read(text).map_err(|it| ProvenanceError::Decode(DecodeError::Yaml(it)))?;
    let files = Struct::document(&value, "SumCollection", "provenance.SumCollection")
        .and_then(|it| it.text_map("files"))
        .map_err(ProvenanceError::Decode)?;
    Ok(files.unwrap_or_default().into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn check(signed: &str) -> Result<String, String> {
        check_sum(signed.as_bytes(), "a-1.tgz", b"").map_err(|it| it.to_string())
    }

    #[test]
    fn an_archive_is_held_against_its_sum() {
        let good = format!("name: a\n\n...\nfiles:\n  a-1.tgz: {EMPTY}\n");
        assert_eq!(check(&good).as_deref(), Ok(EMPTY));
        let forged = good.replace("e3b0", "0000");
        assert!(check(&forged).unwrap_err().starts_with("sha256 sum does not match for a-1.tgz"));
        let other = good.replace("a-1.tgz", "a-2.tgz");
        let error = "provenance does not contain a SHA for a file named \"a-1.tgz\"";
        assert_eq!(check(&other).unwrap_err(), error);
    }

    #[test]
    fn a_text_without_sums_is_refused() {
        assert_eq!(check("name: a\n").unwrap_err(), "message block must have at least two parts");
        assert!(check("name: a\n...\nfiles: [1]\n").is_err());
        assert!(check("name: a\n...\n").unwrap_err().contains("does not contain a SHA"));
    }
}
