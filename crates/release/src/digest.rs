//! The digest that proves that a release already is what is asked for.

use std::{collections::BTreeMap, fmt::Write as _};

use sha2::{Digest as _, Sha256};

use crate::record::Record;

/// The label of a release's Secret that holds the digest.
const DIGEST: &str = "zarpa.dev/digest";
/// The label that holds the digest of the images, which stand nowhere else in a record.
const IMAGES: &str = "zarpa.dev/images";
/// A label holds 63 characters, so 160 of the 256 bits are kept.
const HEX_DIGITS: usize = 40;

/// Labels a record with the digest of what it was made from: manifest, hooks, values, chart and images.
///
/// It is bound to the revision: Helm carries labels over when it upgrades and rolls back, and there the
/// number differs, so that a digest never speaks for a revision that it was not made for.
/// The chart's templates and files do not count: what they render does.
pub fn label(record: &mut Record, images: &[String]) {
    let images = of_images(images);
    let digest = of(record, record.revision, &images);
    record.labels.insert(DIGEST.to_owned(), digest);
    record.labels.insert(IMAGES.to_owned(), images);
}

/// Takes the digest off a record whose content is about to change.
pub fn remove(record: &mut Record) {
    record.labels.remove(DIGEST);
    record.labels.remove(IMAGES);
}

/// Binds the digest of a record to a new revision with the same content, when it was this record's own.
pub fn carry_over(from: &Record, to: &mut Record) {
    remove(to);
    let (Some(digest), Some(images)) = (from.labels.get(DIGEST), from.labels.get(IMAGES)) else {
        return;
    };
    if *digest == of(from, from.revision, images) {
        let digest = of(to, to.revision, images);
        to.labels.insert(DIGEST.to_owned(), digest);
        to.labels.insert(IMAGES.to_owned(), images.clone());
    }
}

/// Says whether a revision's labels prove that it was made from what `asked` and the images say.
pub fn is_proven(
    labels: &BTreeMap<String, String>,
    revision: u32,
    asked: &Record,
    images: &[String],
) -> bool {
    labels.get(DIGEST).is_some_and(|it| *it == of(asked, revision, &of_images(images)))
}

fn of(record: &Record, revision: u32, images: &str) -> String {
    let mut parts = Parts(Sha256::new());
    parts.add("version", "1");
    parts.add("release", &record.name);
    parts.add("namespace", &record.namespace);
    parts.add("revision", &revision.to_string());
    parts.add("manifest", &record.manifest);
    for hook in &record.hooks {
        parts.add("hook", &hook.manifest);
    }
    parts.add("values", &serde_json::to_string(&record.config).unwrap_or_default());
    parts.add("chart", &record.chart.metadata.to_string());
    parts.add("images", images);
    parts.finish()
}

fn of_images(images: &[String]) -> String {
    let mut parts = Parts(Sha256::new());
    images.iter().for_each(|it| parts.add("image", it));
    parts.finish()
}

/// A hash over parts that cannot run into each other.
struct Parts(Sha256);

impl Parts {
    fn add(&mut self, name: &str, text: &str) {
        self.0.update(format!("{name} {}\n", text.len()));
        self.0.update(text);
    }

    fn finish(self) -> String {
        let mut hex = String::new();
        for byte in self.0.finalize().iter().take(HEX_DIGITS / 2) {
            write!(hex, "{byte:02x}").expect("writing to a string does not fail");
        }
        hex
    }
}

#[cfg(test)]
mod tests {
    use super::{carry_over, is_proven, label};
    use crate::{codec::tests::record, record::Record};

    fn labelled(images: &[String]) -> Record {
        let mut record = record();
        label(&mut record, images);
        record
    }

    #[test]
    fn digest_binds_the_revision_and_every_input() {
        let images = ["sha256:1".to_owned()];
        let stored = labelled(&images);
        let is_proven = |revision, asked: &Record, images: &[String]| {
            is_proven(&stored.labels, revision, asked, images)
        };
        assert!(is_proven(1, &record(), &images));
        assert!(!is_proven(2, &record(), &images));
        assert!(!is_proven(1, &record(), &[]));
        let mut other = record();
        other.config.insert("x".to_owned(), 1.into());
        assert!(!is_proven(1, &other, &images));
        let mut other = record();
        other.manifest.push(' ');
        assert!(!is_proven(1, &other, &images));
        assert!(stored.labels.values().all(|it| it.len() <= 63));
    }

    #[test]
    fn rollback_carries_a_digest_over_that_is_its_own() {
        let target = labelled(&[]);
        let mut back = target.clone();
        back.revision = 7;
        carry_over(&target, &mut back);
        assert!(is_proven(&back.labels, 7, &record(), &[]));
        // Helm carried the labels to a revision that they do not speak for.
        let mut lied = target.clone();
        lied.manifest.push_str("---\n");
        carry_over(&lied, &mut back);
        assert!(!back.labels.contains_key("zarpa.dev/digest"));
    }
}
