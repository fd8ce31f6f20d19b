//! Charts in registries: their versions, and the layers of one.

use bytes::Bytes;
use oci::{Descriptor, Digest, Manifest, Reference, media};
use registry::{Client, RegistryError};

use crate::{
    fetch::FetchError,
    reference::{OciChart, is_exact},
};

/// More than any archive that would be unpacked.
const ARCHIVE_BYTES_MAX: usize = 100 << 20;
const CONFIG_BYTES_MAX: usize = 5 << 20;

/// A chart as it came from a registry.
#[derive(Debug, Clone)]
pub(crate) struct Pulled {
    pub(crate) reference: Reference,
    /// Of the manifest.
    pub(crate) digest: Digest,
    pub(crate) archive: Bytes,
    pub(crate) provenance: Option<Bytes>,
}

/// The versions that a registry has of a chart, the highest first.
pub(crate) async fn versions(
    client: &Client,
    chart: &OciChart,
) -> Result<Vec<String>, RegistryError> {
    let tags = registry::tags(client, &chart.repository).await?;
    Ok(chart::versions_of_tags(&tags))
}

/// Finds the manifest that is meant by an address and a version or range.
pub(crate) async fn resolve(
    client: &Client,
    chart: &OciChart,
    version: &str,
) -> Result<Reference, FetchError> {
    let wanted = chart.wanted(version).map_err(FetchError::Reference)?;
    if let Some(digest) = &chart.digest {
        if !wanted.is_empty()
            && let Some(found) =
                client.manifest_digest(&chart.at(wanted)).await.map_err(FetchError::Registry)?
            && found != *digest
        {
            let expected = digest.clone();
            return Err(FetchError::DigestMismatch { found, expected });
        }
        return Ok(Reference { tag: None, ..chart.repository.with_digest(digest.clone()) });
    }
    if is_exact(wanted) {
        return Ok(chart.at(wanted));
    }
    let versions = versions(client, chart).await.map_err(FetchError::Registry)?;
    let names: Vec<&str> = versions.iter().map(String::as_str).collect();
    let found = chart::choose(&names, wanted).map_err(FetchError::Range)?.map(|it| names[it]);
    let found = found.ok_or_else(|| FetchError::NoVersion {
        address: chart.address(),
        version: wanted.to_owned(),
        offered: versions.clone(),
    })?;
    Ok(chart.at(found))
}

/// Fetches the archive that a manifest names, and its provenance file when that is wanted and there.
pub(crate) async fn pull(
    client: &Client,
    reference: Reference,
    wants_provenance: bool,
) -> Result<Pulled, FetchError> {
    let (media_type, bytes) = client.manifest(&reference).await.map_err(FetchError::Registry)?;
    let no_chart = |reason: &str| FetchError::NoChart {
        address: reference.to_string(),
        reason: reason.to_owned(),
    };
    if matches!(media_type.as_str(), media::INDEX | media::DOCKER_INDEX) {
        return Err(no_chart("it is a list of images"));
    }
    let manifest: Manifest =
        serde_json::from_slice(&bytes).map_err(|it| no_chart(&it.to_string()))?;
    if manifest.config.media_type != chart::CONFIG_MEDIA_TYPE {
        return Err(no_chart(&format!("its configuration is {}", manifest.config.media_type)));
    }
    let layer = |media_type: &str| manifest.layers.iter().find(|it| it.media_type == media_type);
    let archive = layer(chart::CHART_MEDIA_TYPE)
        .or_else(|| layer(chart::OLD_CHART_MEDIA_TYPE))
        .ok_or_else(|| no_chart("it has no layer that is an archive"))?;
    let read = async |blob: &Descriptor, n_bytes_max: usize| {
        client.blob_bytes(&reference, blob, n_bytes_max).await.map_err(FetchError::Registry)
    };
    let provenance = match layer(chart::PROVENANCE_MEDIA_TYPE).filter(|_| wants_provenance) {
        Some(blob) => Some(read(blob, CONFIG_BYTES_MAX).await?),
        None => None,
    };
    let archive = read(archive, ARCHIVE_BYTES_MAX).await?;
    Ok(Pulled { digest: Digest::of(&bytes), archive, provenance, reference })
}
