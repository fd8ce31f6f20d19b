//! The digest that proves that a release already is what is asked for.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::record::Record;

/// The label of a release's Secret that holds the digest.
pub const LABEL: &str = "zarpa.dev/digest";
/// A label holds 63 characters, so 160 of the 256 bits are kept.
const HEX_DIGITS: usize = 40;

/// The digest of what a revision was made from: manifest, hooks, values, chart and images.
///
/// It is bound to the revision: Helm carries labels over when it upgrades and rolls back, and there the
/// number differs, so that a digest never speaks for a revision that it was not made for.
/// The chart's templates and files do not count: what they render does.
pub fn of(record: &Record, revision: u32, images: &[String]) -> String {
    let mut hasher = Sha256::new();
    let mut part = |name: &str, bytes: &[u8]| {
        hasher.update(format!("{name} {}\n", bytes.len()));
        hasher.update(bytes);
    };
    part("version", b"1");
    part("release", record.name.as_bytes());
    part("namespace", record.namespace.as_bytes());
    part("revision", revision.to_string().as_bytes());
    part("manifest", record.manifest.as_bytes());
    for hook in &record.hooks {
        part("hook", hook.manifest.as_bytes());
    }
    part("values", serde_json::to_string(&record.config).unwrap_or_default().as_bytes());
    part("chart", record.chart.metadata.to_string().as_bytes());
    for image in images {
        part("image", image.as_bytes());
    }
    let mut hex = String::new();
    for byte in hasher.finalize().iter().take(HEX_DIGITS / 2) {
        write!(hex, "{byte:02x}").expect("writing to a string does not fail");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::codec::tests::record;

    #[test]
    fn digest_binds_the_revision_and_every_input() {
        let record = record();
        let digest = of(&record, 3, &[]);
        assert_eq!(digest, of(&record, 3, &[]));
        assert_eq!(digest.len(), 40);
        assert_ne!(digest, of(&record, 4, &[]));
        assert_ne!(digest, of(&record, 3, &["sha256:1".to_owned()]));
        let mut other = record.clone();
        other.config.insert("x".to_owned(), 1.into());
        assert_ne!(digest, of(&other, 3, &[]));
        let mut other = record;
        other.manifest.push(' ');
        assert_ne!(digest, of(&other, 3, &[]));
    }
}
