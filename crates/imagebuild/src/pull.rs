//! An image from a registry into the content store.

use std::io::{self, Write as _};

use futures_util::{StreamExt as _, TryStreamExt as _};
use host::{ContentError, ContentStore};
use http_body_util::BodyExt as _;
use oci::{Descriptor, Platform, Reference};
use registry::{Client, RegistryError};

const DOWNLOADS_AT_ONCE_MAX: usize = 4;

/// An image that is in the store now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// Points to the manifest of one platform.
    pub descriptor: Descriptor,
    /// What had to be fetched: nothing when all blobs were there.
    pub n_bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error("could not pull `{image}`")]
    Registry { image: String, source: RegistryError },
    #[error("the connection broke while `{image}` was pulled")]
    Body { image: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("could not store `{image}`")]
    Store { image: String, source: ContentError },
    #[error("could not write a blob of `{image}`")]
    Write { image: String, source: io::Error },
}

/// Fetches the blobs that the store does not have, and tags the image there under its own name.
pub async fn pull(
    store: &ContentStore,
    client: &Client,
    reference: &Reference,
    platform: &Platform,
) -> Result<Pulled, PullError> {
    let image = reference.familiar();
    let stored = |source| PullError::Store { image: image.clone(), source };
    let pulled = registry::pull_manifest(client, reference, platform).await;
    let pulled = pulled.map_err(|source| PullError::Registry { image: image.clone(), source })?;
    let blobs = std::iter::once(&pulled.manifest.config).chain(&pulled.manifest.layers);
    let missing: Vec<&Descriptor> = blobs.filter(|it| !store.has(&it.digest)).collect();
    let n_bytes = missing.iter().map(|it| it.size).sum();
    futures_util::stream::iter(missing)
        .map(|blob| fetch(store, client, reference, blob))
        .buffer_unordered(DOWNLOADS_AT_ONCE_MAX)
        .try_collect::<()>()
        .await?;
    store.write(&pulled.bytes).map_err(stored)?;
    store.tag(reference, &pulled.descriptor).map_err(stored)?;
    Ok(Pulled { descriptor: pulled.descriptor, n_bytes })
}

/// Streams a blob into the store, which checks its digest.
async fn fetch(
    store: &ContentStore,
    client: &Client,
    reference: &Reference,
    blob: &Descriptor,
) -> Result<(), PullError> {
    let image = reference.familiar();
    let response = client
        .blob(reference, &blob.digest)
        .await
        .map_err(|source| PullError::Registry { image: image.clone(), source })?;
    let mut body = response.into_body();
    let stored = |source| PullError::Store { image: image.clone(), source };
    let mut writer = store.writer().map_err(stored)?;
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|it| PullError::Body { image: image.clone(), source: Box::new(it) })?;
        if let Some(bytes) = frame.data_ref() {
            writer
                .write_all(bytes)
                .map_err(|source| PullError::Write { image: image.clone(), source })?;
        }
    }
    writer.commit(Some(&blob.digest)).map_err(stored)?;
    Ok(())
}
