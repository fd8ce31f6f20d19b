//! The push stage: the image to the registry that the environment names.

use bytes::Bytes;
use host::ContentStore;
use oci::Reference;
use pipeline::Registry;
use registry::{Blob, Client, Options, Pushed};

use crate::{ImageError, Outcome, StageError, image::BuiltImage};

pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    pub(crate) detail: String,
}

/// The name that the image has in a registry: its hub before its own.
pub(crate) fn in_registry(
    image: &BuiltImage,
    registry: &Registry,
) -> Result<Reference, ImageError> {
    let own = image.reference.familiar();
    let name = format!("{}/{own}", registry.hub.trim_end_matches('/'));
    name.parse().map_err(|source| ImageError::Name { repository: name, source })
}

pub(crate) async fn push(
    store: &ContentStore,
    image: &BuiltImage,
    registry: &Registry,
    mut options: Options,
) -> Result<Done, StageError> {
    let reference = in_registry(image, registry).map_err(StageError::Image)?;
    if registry.is_plain_http {
        options.plain_http.insert(reference.registry.clone());
    }
    let client = Client::new(options).map_err(StageError::RegistryClient)?;
    let manifest = store
        .read(&image.descriptor.digest)
        .map_err(|it| StageError::Image(ImageError::Store(it)))?;
    let blob = |digest: &oci::Digest| Blob::File(store.blob_path(digest));
    let pushed =
        registry::push(&client, &reference, &image.descriptor, Bytes::from(manifest), &blob)
            .await
            .map_err(StageError::Push)?;
    Ok(match pushed {
        Pushed::Unchanged => Done { outcome: Outcome::Unchanged, detail: reference.familiar() },
        Pushed::Sent { n_bytes } => {
            let megabytes = n_bytes as f64 / 1e6;
            let detail = format!("{} ({megabytes:.1} MB sent)", reference.familiar());
            Done { outcome: Outcome::Done, detail }
        }
    })
}
