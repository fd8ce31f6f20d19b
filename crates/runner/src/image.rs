//! The image stage: from a service's `image` section to an image in the content store.

use std::{collections::BTreeMap, path::Path};

use host::{ContentError, ContentStore, git};
use imagebuild::{Base, BuildError, ImageFile, ImagePlan, PullError};
use oci::{Descriptor, ImageConfiguration, Manifest, ParseReferenceError, Platform, Reference};
use pipeline::{Image, Service};

/// Digits of the manifest's digest that make the tag: enough to tell builds apart, and stable.
const TAG_DIGITS: usize = 12;
const SOURCE: &str = "org.opencontainers.image.source";
const REVISION: &str = "org.opencontainers.image.revision";
const CREATED: &str = "org.opencontainers.image.created";
const TITLE: &str = "org.opencontainers.image.title";

#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error("`{repository}` is no image name")]
    Name { repository: String, source: ParseReferenceError },
    #[error("could not build the image")]
    Build(#[source] BuildError),
    #[error("could not use the image store")]
    Store(#[source] ContentError),
    #[error("the base image `{base}` is not in the image store")]
    Base { base: String },
    #[error("could not fetch the base image")]
    Pull(#[source] PullError),
    #[error("the base image `{base}` is damaged")]
    DamagedBase { base: String, source: serde_json::Error },
    #[error("this program builds images for linux/{architecture} only, not for {platform} yet")]
    Platform { platform: String, architecture: &'static str },
}

/// An image that a chart can be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BuiltImage {
    /// With its tag; the registry is the environment's, or none.
    pub(crate) reference: Reference,
    pub(crate) descriptor: Descriptor,
    pub(crate) layer_bytes: u64,
}

/// Builds and tags the image.
///
/// `inputs` are the patterns of the service's files: the last commit that touched them is the image's revision.
pub(crate) fn build(
    store: &ContentStore,
    root: &Path,
    service: &Service,
    image: &Image,
) -> Result<BuiltImage, ImageError> {
    let plan = plan(store, root, service, image)?;
    let built = imagebuild::build(store, &plan).map_err(ImageError::Build)?;
    let tag = &built.descriptor.digest.hex()[..TAG_DIGITS];
    let reference = name(image)?.with_tag(tag);
    store.tag(&reference, &built.descriptor).map_err(ImageError::Store)?;
    Ok(BuiltImage { reference, descriptor: built.descriptor, layer_bytes: built.layer_bytes })
}

pub(crate) fn name(image: &Image) -> Result<Reference, ImageError> {
    let repository = image.repository.clone();
    image.repository.parse().map_err(|source| ImageError::Name { repository, source })
}

fn plan(
    store: &ContentStore,
    root: &Path,
    service: &Service,
    image: &Image,
) -> Result<ImagePlan, ImageError> {
    let files = image.files.iter().map(|(to, from)| ImageFile {
        from: root.join(from),
        to: to.clone(),
        mode: None,
    });
    let entrypoint = if image.entrypoint.is_empty() && image.files.len() == 1 {
        image.files.keys().cloned().collect()
    } else {
        image.entrypoint.clone()
    };
    let (labels, created_s) = labels(root, service, image);
    Ok(ImagePlan {
        base: image.base.as_ref().map(|it| base(store, it)).transpose()?,
        files: files.collect(),
        user: image.user.clone(),
        entrypoint,
        cmd: image.cmd.clone(),
        env: image.env.clone(),
        working_dir: image.working_dir.clone(),
        exposed_ports: image.ports.iter().map(|it| format!("{it}/tcp")).collect(),
        labels,
        created_s,
        platform: platform(image)?,
    })
}

/// What git knows; an image of a folder without git has no revision, and is as old as time.
fn labels(root: &Path, service: &Service, image: &Image) -> (BTreeMap<String, String>, u64) {
    let mut labels = BTreeMap::from([(TITLE.to_owned(), service.name.clone())]);
    let paths: Vec<String> = service.inputs.iter().map(|it| pathspec(it)).collect();
    let commit = git::last_commit(root, &paths);
    let created_s = commit.as_ref().map_or(0, |it| it.time_s);
    if let Some(commit) = commit {
        let dirty = if git::is_dirty(root, &paths) { "-dirty" } else { "" };
        labels.insert(REVISION.to_owned(), format!("{}{dirty}", commit.id));
        let created = i64::try_from(created_s).ok();
        let created = created.and_then(|it| jiff::Timestamp::from_second(it).ok());
        labels.extend(created.map(|it| (CREATED.to_owned(), it.to_string())));
    }
    labels.extend(git::origin(root).map(|it| (SOURCE.to_owned(), it)));
    labels.extend(image.labels.clone());
    (labels, created_s)
}

/// Patterns are those of `.gitignore`; git's own are of another kind.
fn pathspec(pattern: &str) -> String {
    match pattern.strip_prefix('!') {
        Some(pattern) => format!(":(exclude,glob){}", pattern.trim_start_matches('/')),
        None => format!(":(glob){}", pattern.trim_start_matches('/')),
    }
}

/// Fetches the base of an image when the store does not have it.
pub(crate) async fn fetch_base(
    store: &ContentStore,
    image: &Image,
    client: &registry::Client,
) -> Result<(), ImageError> {
    let Some(text) = &image.base else { return Ok(()) };
    let reference: Reference =
        text.parse().map_err(|source| ImageError::Name { repository: text.clone(), source })?;
    if store.resolve(&reference).map_err(ImageError::Store)?.is_some() {
        return Ok(());
    }
    let platform = platform(image)?;
    imagebuild::pull(store, client, &reference, &platform).await.map_err(ImageError::Pull)?;
    Ok(())
}

fn base(store: &ContentStore, text: &str) -> Result<Base, ImageError> {
    let missing = || ImageError::Base { base: text.to_owned() };
    let damaged = |source| ImageError::DamagedBase { base: text.to_owned(), source };
    let reference: Reference =
        text.parse().map_err(|source| ImageError::Name { repository: text.to_owned(), source })?;
    let descriptor = store.resolve(&reference).map_err(ImageError::Store)?.ok_or_else(missing)?;
    let bytes = store.read(&descriptor.digest).map_err(ImageError::Store)?;
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(damaged)?;
    let bytes = store.read(&manifest.config.digest).map_err(ImageError::Store)?;
    let configuration: ImageConfiguration = serde_json::from_slice(&bytes).map_err(damaged)?;
    Ok(Base { manifest, configuration })
}

fn platform(image: &Image) -> Result<Platform, ImageError> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let own = format!("linux/{architecture}");
    match image.platforms.first() {
        Some(platform) if *platform != own => {
            Err(ImageError::Platform { platform: platform.clone(), architecture })
        }
        _ => Ok(Platform {
            architecture: architecture.to_owned(),
            os: "linux".to_owned(),
            variant: None,
        }),
    }
}
