//! What a provenance file says of a chart: its metadata, and the SHA-256 of its archive.
//!
//! Whether the file is signed, and by whom, is not decided here.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::{
    chart::Chart,
    decode::{DecodeError, Struct},
    load::LoadError,
};

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
    let found = sum(archive);
    match sums.get(file) {
        None => Err(ProvenanceError::NoSum(file.to_owned())),
        Some(expected) if *expected != found => {
            let (file, expected) = (file.to_owned(), expected.clone());
            Err(ProvenanceError::Sum { file, expected, found })
        }
        Some(_) => Ok(found),
    }
}

/// What a provenance file says of an archive that lies under a name, before it is signed.
///
/// Source: Helm 4.1.4, `pkg/provenance/sign.go`, `messageBlock`.
pub fn signed_text(file: &str, archive: &[u8]) -> Result<String, LoadError> {
    let described = Chart::from_archive(archive)?.metadata.to_yaml();
    let sum = goyaml::Value::String(sum(archive).into());
    let files = goyaml::Value::Map(vec![(file.into(), sum)]);
    let sums = goyaml::print_v2(&goyaml::Value::Map(vec![("files".into(), files)]));
    Ok(format!("{described}\n...\n{sums}"))
}

fn sum(archive: &[u8]) -> String {
    let hex: String = Sha256::digest(archive).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
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
    fn what_is_to_be_signed_is_the_chart_and_its_sum() {
        let text = "apiVersion: v2\nname: a\nversion: 1.0.0\n";
        let file = crate::ChartFile { path: "Chart.yaml".to_owned(), data: text.into() };
        let archive = Chart::load(vec![file]).unwrap().to_archive(0).unwrap();
        let signed = signed_text("a-1.0.0.tgz", &archive).unwrap();
        assert!(
            signed.starts_with(&format!("{text}\n...\nfiles:\n  a-1.0.0.tgz: sha256:")),
            "{signed}"
        );
        assert!(check_sum(signed.as_bytes(), "a-1.0.0.tgz", &archive).is_ok());
        assert!(signed_text("a.tgz", b"").is_err());
    }

    #[test]
    fn a_text_without_sums_is_refused() {
        assert_eq!(check("name: a\n").unwrap_err(), "message block must have at least two parts");
        assert!(check("name: a\n...\nfiles: [1]\n").is_err());
        assert!(check("name: a\n...\n").unwrap_err().contains("does not contain a SHA"));
    }
}
