//! A chart pushed to a registry, as helm pushes one.

use bytes::Bytes;
use chart::{Chart, LoadError, Metadata};
use oci::{Descriptor, Digest, Manifest, media};
use registry::{Blob, Client, RegistryError};

use crate::reference::{OciChart, ReferenceError};

/// Where a chart is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// `host/path/name:version`
    pub reference: String,
    /// Of the manifest.
    pub digest: Digest,
    /// Whether the registry had it already.
    pub was_there: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum PushError {
    #[error("{0}")]
    Reference(ReferenceError),
    #[error("`{0}` must not end in a version: the chart has its own")]
    Version(String),
    #[error("could not load the chart that is to be pushed")]
    Load(#[source] LoadError),
    #[error("could not push the chart")]
    Push(#[source] RegistryError),
}

/// Pushes an archive below an address: `oci://host/path` gets `path/NAME:VERSION`.
///
/// `created` is when the archive was made, in RFC 3339; the same archive gives the same manifest.
/// Source: Helm 4.1.4, `pkg/registry/client.go`, `Push`.
pub async fn push(
    client: &Client,
    archive: Bytes,
    provenance: Option<Bytes>,
    below: &str,
    created: &str,
) -> Result<Pushed, PushError> {
    let metadata = Chart::from_archive(&archive).map_err(PushError::Load)?.metadata;
    let address = format!("{}/{}", below.trim_end_matches('/'), metadata.name);
    let chart = OciChart::parse(&address).map_err(PushError::Reference)?;
    if chart.version.is_some() || chart.digest.is_some() {
        return Err(PushError::Version(below.to_owned()));
    }
    let artifact = artifact(&metadata, archive, provenance, created);
    let reference = chart.repository.with_tag(&metadata.oci_tag());
    let find = |digest: &Digest| {
        let found = artifact.blobs.iter().find(|it| it.0.digest == *digest);
        Blob::Bytes(found.map(|it| it.1.clone()).unwrap_or_default())
    };
    let (descriptor, bytes) = (&artifact.manifest.0, artifact.manifest.1.clone());
    let pushed = registry::push(client, &reference, descriptor, bytes, &find).await;
    let pushed = pushed.map_err(PushError::Push)?;
    Ok(Pushed {
        reference: reference.to_string(),
        digest: descriptor.digest.clone(),
        was_there: pushed == registry::Pushed::Unchanged,
    })
}

/// A manifest with all that it points to.
struct Artifact {
    manifest: (Descriptor, Bytes),
    blobs: Vec<(Descriptor, Bytes)>,
}

fn artifact(
    metadata: &Metadata,
    archive: Bytes,
    provenance: Option<Bytes>,
    created: &str,
) -> Artifact {
    let config = described(chart::CONFIG_MEDIA_TYPE, Bytes::from(metadata.to_json()));
    let mut layers = vec![described(chart::CHART_MEDIA_TYPE, archive)];
    layers.extend(provenance.map(|it| described(chart::PROVENANCE_MEDIA_TYPE, it)));
    layers.sort_by(|one, two| one.0.digest.as_str().cmp(two.0.digest.as_str()));
    let manifest = Manifest {
        schema_version: 2,
        media_type: None,
        config: config.0.clone(),
        layers: layers.iter().map(|it| it.0.clone()).collect(),
        annotations: metadata.oci_annotations(created),
    };
    let manifest = go_json(&manifest);
    layers.push(config);
    Artifact { manifest: described(media::MANIFEST, Bytes::from(manifest)), blobs: layers }
}

/// JSON as Go writes it: with some characters escaped that could end a script in a page.
fn go_json(manifest: &Manifest) -> String {
    let text = serde_json::to_string(manifest).expect("a manifest has nothing that JSON has not");
    let escapes = [
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('&', "\\u0026"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ];
    escapes.iter().fold(text, |text, (from, to)| text.replace(*from, to))
}

fn described(media_type: &str, content: Bytes) -> (Descriptor, Bytes) {
    let descriptor = Descriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(&content),
        size: content.len() as u64,
        platform: None,
        annotations: std::collections::BTreeMap::new(),
    };
    (descriptor, content)
}
