//! From a reference to the manifest of one platform.

use bytes::Bytes;
use oci::{Descriptor, Digest, Index, Manifest, Platform, Reference, media};

use crate::{Client, RegistryError};

/// A manifest with the bytes that its digest is made of.
#[derive(Debug, Clone)]
pub struct Pulled {
    pub descriptor: Descriptor,
    pub manifest: Manifest,
    pub bytes: Bytes,
}

/// Fetches the manifest of an image, the one for `platform` when the reference names an index.
pub async fn pull_manifest(
    client: &Client,
    reference: &Reference,
    platform: &Platform,
) -> Result<Pulled, RegistryError> {
    let (media_type, bytes) = client.manifest(reference).await?;
    if !matches!(media_type.as_str(), media::INDEX | media::DOCKER_INDEX) {
        return decode(reference, media_type, bytes);
    }
    let index: Index = json(reference, &bytes)?;
    let digest = choose(&index, platform).ok_or_else(|| RegistryError::Platform {
        reference: reference.familiar(),
        platform: name(platform),
        offered: index.manifests.iter().filter_map(|it| it.platform.as_ref()).map(name).collect(),
    })?;
    let exact = Reference { tag: None, ..reference.with_digest(digest.clone()) };
    let (media_type, bytes) = client.manifest(&exact).await?;
    decode(&exact, media_type, bytes)
}

fn decode(
    reference: &Reference,
    media_type: String,
    bytes: Bytes,
) -> Result<Pulled, RegistryError> {
    let manifest = json(reference, &bytes)?;
    let descriptor = Descriptor {
        media_type,
        digest: Digest::of(&bytes),
        size: bytes.len() as u64,
        platform: None,
        annotations: std::collections::BTreeMap::new(),
    };
    Ok(Pulled { descriptor, manifest, bytes })
}

fn json<T: serde::de::DeserializeOwned>(
    reference: &Reference,
    bytes: &[u8],
) -> Result<T, RegistryError> {
    serde_json::from_slice(bytes).map_err(|it| RegistryError::Answer {
        registry: reference.registry.clone(),
        doing: format!("read the manifest of `{}`", reference.familiar()),
        message: it.to_string(),
    })
}

/// The first entry for the platform; one without a variant serves every variant.
fn choose<'a>(index: &'a Index, platform: &Platform) -> Option<&'a Digest> {
    let fits = |it: &Platform| {
        (&it.os, &it.architecture) == (&platform.os, &platform.architecture)
            && (it.variant.is_none()
                || platform.variant.is_none()
                || it.variant == platform.variant)
    };
    let found = index.manifests.iter().find(|it| it.platform.as_ref().is_some_and(fits));
    found.map(|it| &it.digest)
}

fn name(platform: &Platform) -> String {
    let Platform { os, architecture, variant } = platform;
    let variant = variant.as_ref().map(|it| format!("/{it}")).unwrap_or_default();
    format!("{os}/{architecture}{variant}")
}
