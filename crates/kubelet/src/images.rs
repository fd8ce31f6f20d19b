//! Images: found in the content store or pulled into it, and unpacked layer by layer.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::try_join_all;
use host::ContentStore;
use http_body_util::BodyExt as _;
use oci::{Descriptor, Digest, ImageConfiguration, Index, Manifest, Platform, Reference, media};
use registry::{Credentials, RegistryError};
use tokio::{sync::Mutex as AsyncMutex, time::Instant};

use crate::{
    container::Image,
    disk,
    registries::{RegistryFiles, RegistryFilesError},
    security::ImageUsers,
    text::chain,
    unpack::{self, UnpackError},
};

/// Everything about images that the pods of a node share.
#[derive(Debug, Clone)]
pub(crate) struct Images {
    content: ContentStore,
    layers_dir: PathBuf,
    registries: RegistryFiles,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// By manifest digest.
    unpacked: Mutex<BTreeMap<Digest, Arc<Image>>>,
    /// What is being pulled or unpacked, so that it is done once.
    busy: Mutex<BTreeMap<String, Arc<AsyncMutex<()>>>>,
}

/// How a pod asks for an image.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) image: String,
    /// `Always`, `IfNotPresent` or `Never`.
    pub(crate) policy: String,
    /// From the pod's `imagePullSecrets`.
    pub(crate) credentials: Credentials,
}

/// An image, and how it was had.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) image: Arc<Image>,
    /// When the image was pulled now.
    pub(crate) pulled: Option<Fetched>,
}

/// How much was fetched, and how long that took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fetched {
    pub(crate) bytes: u64,
    pub(crate) took: Duration,
}

/// Why an image could not be had, by the reason that a container status shows.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error("Failed to apply default image tag \"{image}\": couldn't parse image name: {cause}")]
    Name { image: String, cause: oci::ParseReferenceError },
    #[error("Container image \"{0}\" is not present with pull policy of Never")]
    NeverPull(String),
    #[error("failed to pull and unpack image \"{image}\": {}{}", chain(cause), advice(cause))]
    Pull { image: String, cause: RegistryError },
    #[error("failed to pull image \"{image}\": {}", chain(cause))]
    Settings { image: String, cause: RegistryFilesError },
    #[error("failed to pull image \"{image}\": {message}")]
    Fetch { image: String, message: String },
    #[error("failed to store image \"{image}\": {}", chain(cause))]
    Store { image: String, cause: host::ContentError },
    #[error("{what} of image \"{image}\" cannot be read: {cause}")]
    Document { image: String, what: &'static str, cause: serde_json::Error },
    #[error("image \"{image}\" has no manifest for {architecture}")]
    Platform { image: String, architecture: &'static str },
    #[error("failed to unpack image \"{image}\": {}", chain(cause))]
    Unpack { image: String, cause: UnpackError },
}

impl ImageError {
    /// The `reason` of a waiting container.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Name { .. } => "InvalidImageName",
            Self::NeverPull(_) => "ErrImageNeverPull",
            _ => "ErrImagePull",
        }
    }
}

impl Images {
    pub(crate) fn new(
        content: ContentStore,
        layers_dir: PathBuf,
        registries: RegistryFiles,
    ) -> Self {
        Self { content, layers_dir, registries, shared: Arc::default() }
    }

    /// Whether an image would be found without a registry.
    pub(crate) fn is_present(&self, image: &str) -> bool {
        let reference = image.parse::<Reference>();
        reference.is_ok_and(|it| matches!(self.content.resolve(&it), Ok(Some(_))))
    }

    /// Finds or pulls an image, and unpacks what is not unpacked yet.
    ///
    /// A name that the content store knows is taken from there whatever the policy says: it may
    /// never have been in a registry.
    pub(crate) async fn resolve(&self, request: &Request) -> Result<Resolved, ImageError> {
        let image = &request.image;
        let reference: Reference =
            image.parse().map_err(|cause| ImageError::Name { image: image.clone(), cause })?;
        let found = self.stored(image, &reference)?;
        if let Some(known) = found.as_ref().and_then(|it| self.unpacked(&it.digest)) {
            return Ok(Resolved { image: known, pulled: None });
        }
        let (descriptor, pulled) = match found {
            Some(descriptor) => (descriptor, None),
            None if request.policy == "Never" => return Err(ImageError::NeverPull(image.clone())),
            None => self.pull_once(request, &reference).await?,
        };
        let unpacked = self.unpack(image, &reference, &descriptor).await?;
        Ok(Resolved { image: unpacked, pulled })
    }

    /// Removes unpacked layers that no stored image and no pod of `used` needs; returns how many.
    pub(crate) async fn sweep(&self, used: BTreeSet<PathBuf>) -> Result<usize, ImageError> {
        let image = "*".to_owned();
        let store = |cause| ImageError::Store { image: image.clone(), cause };
        let mut wanted: BTreeSet<PathBuf> = used;
        for tagged in self.content.references().map_err(store)? {
            if let Ok((_, configuration)) = self.documents(&tagged.reference, &tagged.descriptor) {
                wanted.extend(configuration.rootfs.diff_ids.iter().map(|it| self.layer_dir(it)));
            }
        }
        lock(&self.shared.unpacked).retain(|_, it| it.layers.iter().all(|it| wanted.contains(it)));
        Ok(disk::sweep(self.layers_dir.clone(), wanted).await)
    }

    fn unpacked(&self, digest: &Digest) -> Option<Arc<Image>> {
        lock(&self.shared.unpacked).get(digest).cloned()
    }

    /// The manifest of this platform that a reference names in the content store.
    fn stored(&self, image: &str, reference: &Reference) -> Result<Option<Descriptor>, ImageError> {
        let store = |cause| ImageError::Store { image: image.to_owned(), cause };
        let Some(descriptor) = self.content.resolve(reference).map_err(store)? else {
            return Ok(None);
        };
        if !matches!(descriptor.media_type.as_str(), media::INDEX | media::DOCKER_INDEX) {
            return Ok(Some(descriptor));
        }
        let bytes = self.content.read(&descriptor.digest).map_err(store)?;
        let index: Index = serde_json::from_slice(&bytes).map_err(|cause| {
            ImageError::Document { image: image.to_owned(), what: "index", cause }
        })?;
        let ours = platform();
        let fits = |it: &Descriptor| {
            it.platform
                .as_ref()
                .is_some_and(|it| it.os == ours.os && it.architecture == ours.architecture)
        };
        let found = index.manifests.into_iter().find(fits);
        found.map(Some).ok_or_else(|| ImageError::Platform {
            image: image.to_owned(),
            architecture: architecture(),
        })
    }

    /// Pulls unless another pod has done so while this one waited.
    async fn pull_once(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<(Descriptor, Option<Fetched>), ImageError> {
        let began_at = Instant::now();
        let key = format!("pull {reference}");
        let busy = self.busy(&key);
        let result = {
            let _turn = busy.lock().await;
            match self.stored(&request.image, reference)? {
                Some(descriptor) => Ok((descriptor, None)),
                None => self
                    .pull(request, reference)
                    .await
                    .map(|(it, bytes)| (it, Some(Fetched { bytes, took: began_at.elapsed() }))),
            }
        };
        self.idle(&key);
        result
    }

    async fn pull(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<(Descriptor, u64), ImageError> {
        let image = &request.image;
        let pull = |cause| ImageError::Pull { image: image.clone(), cause };
        let store = |cause| ImageError::Store { image: image.clone(), cause };
        let settings = |cause| ImageError::Settings { image: image.clone(), cause };
        let mut options = self.registries.read().map_err(settings)?;
        let mut credentials = request.credentials.clone();
        credentials.extend(options.credentials);
        options.credentials = credentials;
        let client = registry::Client::new(options)
            .map_err(|it| ImageError::Fetch { image: image.clone(), message: it.to_string() })?;
        let pulled =
            registry::pull_manifest(&client, reference, &platform()).await.map_err(pull)?;
        let blobs = std::iter::once(&pulled.manifest.config).chain(&pulled.manifest.layers);
        let missing = blobs.filter(|it| !self.content.has(&it.digest));
        let fetches = missing.map(|it| self.fetch(image, &client, reference, it));
        try_join_all(fetches).await?;
        self.content.write(&pulled.bytes).map_err(store)?;
        self.content.tag(reference, &pulled.descriptor).map_err(store)?;
        let size = pulled.manifest.layers.iter().map(|it| it.size).sum();
        Ok((pulled.descriptor, size))
    }

    async fn fetch(
        &self,
        image: &str,
        client: &registry::Client,
        reference: &Reference,
        blob: &Descriptor,
    ) -> Result<(), ImageError> {
        let store = |cause| ImageError::Store { image: image.to_owned(), cause };
        let fetch = |message: String| ImageError::Fetch { image: image.to_owned(), message };
        let response = client
            .blob(reference, &blob.digest)
            .await
            .map_err(|cause| ImageError::Pull { image: image.to_owned(), cause })?;
        let mut body = response.into_body();
        let mut writer = self.content.writer().map_err(store)?;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|it| fetch(it.to_string()))?;
            if let Some(bytes) = frame.data_ref() {
                writer.write_all(bytes).map_err(|it| fetch(it.to_string()))?;
            }
        }
        writer.commit(Some(&blob.digest)).map_err(store)?;
        Ok(())
    }

    async fn unpack(
        &self,
        image: &str,
        reference: &Reference,
        descriptor: &Descriptor,
    ) -> Result<Arc<Image>, ImageError> {
        let (manifest, configuration) = self.documents(image, descriptor)?;
        let pairs = manifest.layers.iter().zip(&configuration.rootfs.diff_ids);
        let layers = try_join_all(pairs.map(|(blob, diff_id)| self.layer(image, blob, diff_id)));
        let layers = layers.await?;
        let users = ImageUsers {
            user: configuration.config.user.clone(),
            passwd: disk::text_in_layers(&layers, Path::new("etc/passwd")),
            group: disk::text_in_layers(&layers, Path::new("etc/group")),
        };
        let id = format!("{}@{}", reference.name(), descriptor.digest);
        let unpacked = Arc::new(Image { id, config: configuration.config, layers, users });
        lock(&self.shared.unpacked).insert(descriptor.digest.clone(), Arc::clone(&unpacked));
        Ok(unpacked)
    }

    fn documents(
        &self,
        image: &str,
        descriptor: &Descriptor,
    ) -> Result<(Manifest, ImageConfiguration), ImageError> {
        let store = |cause| ImageError::Store { image: image.to_owned(), cause };
        let document = |what, cause| ImageError::Document { image: image.to_owned(), what, cause };
        let bytes = self.content.read(&descriptor.digest).map_err(store)?;
        let manifest: Manifest =
            serde_json::from_slice(&bytes).map_err(|it| document("manifest", it))?;
        let bytes = self.content.read(&manifest.config.digest).map_err(store)?;
        let configuration: ImageConfiguration =
            serde_json::from_slice(&bytes).map_err(|it| document("configuration", it))?;
        Ok((manifest, configuration))
    }

    /// Unpacks one layer unless that was done before, by whomever.
    async fn layer(
        &self,
        image: &str,
        blob: &Descriptor,
        diff_id: &Digest,
    ) -> Result<PathBuf, ImageError> {
        let dir = self.layer_dir(diff_id);
        if disk::is_dir(&dir) {
            return Ok(dir);
        }
        let key = format!("unpack {diff_id}");
        let busy = self.busy(&key);
        let result = {
            let _turn = busy.lock().await;
            let (blob, target) = (self.content.blob_path(&blob.digest), dir.clone());
            let diff_id = diff_id.clone();
            let work = move || unpack::layer(&blob, &diff_id, &target);
            match tokio::task::spawn_blocking(work).await {
                Ok(result) => result,
                Err(_) => Err(UnpackError::Interrupted),
            }
        };
        self.idle(&key);
        result.map_err(|cause| ImageError::Unpack { image: image.to_owned(), cause })?;
        Ok(dir)
    }

    fn layer_dir(&self, diff_id: &Digest) -> PathBuf {
        self.layers_dir.join(diff_id.hex())
    }

    fn busy(&self, key: &str) -> Arc<AsyncMutex<()>> {
        Arc::clone(lock(&self.shared.busy).entry(key.to_owned()).or_default())
    }

    /// Forgets a lock that nobody else waits for: one reference is the map's, one the caller's.
    fn idle(&self, key: &str) {
        let mut busy = lock(&self.shared.busy);
        if busy.get(key).is_some_and(|it| Arc::strong_count(it) <= 2) {
            busy.remove(key);
        }
    }
}

/// What helps with a registry that has no TLS.
fn advice(error: &RegistryError) -> &'static str {
    if error.speaks_plain() {
        " (it seems to speak plain HTTP: name it in the file `plain-http` of zarpa's data folder)"
    } else {
        ""
    }
}

fn platform() -> Platform {
    Platform { architecture: architecture().to_owned(), os: "linux".to_owned(), variant: None }
}

/// The machine's architecture in Go's words.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "images/tests.rs"]
mod tests;
