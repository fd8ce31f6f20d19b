//! From a plan to blobs: layers, configuration, manifest.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use host::{
    ContentError, ContentStore,
    files::{self, FileError},
    tree,
};
use oci::{
    Descriptor, Digest, Hasher, History, ImageConfig, ImageConfiguration, Manifest, RootFs,
    layer::{self, Entry},
    media,
};

use crate::{Base, ImageFile, ImagePlan, system};

/// The fastest level: layers of a service change with every build and are read once.
const ZSTD_LEVEL: i32 = 1;

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("could not find `{}`, which the image takes from the build", path.display())]
    Missing { path: PathBuf },
    #[error("could not read what goes into the image")]
    Read(#[source] FileError),
    #[error("image path `{0}` is not absolute")]
    Relative(String),
    #[error("could not write a layer into `{}`", dir.display())]
    WriteLayer { dir: PathBuf, source: io::Error },
    #[error("could not store the image")]
    Store(#[source] ContentError),
    #[error("could not encode the image's {what}")]
    Encode { what: &'static str, source: serde_json::Error },
}

/// An image that lies in the content store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Points to the manifest.
    pub descriptor: Descriptor,
    pub manifest: Manifest,
    /// Sum of the layers as they are stored, in bytes.
    pub layer_bytes: u64,
}

struct Layer {
    descriptor: Descriptor,
    diff_id: Digest,
    created_by: &'static str,
}

/// Builds the image that `plan` describes and adds it to `store`; tagging it is the caller's.
///
/// Layers that a former build left are found by their digest and not written again.
pub fn build(store: &ContentStore, plan: &ImagePlan) -> Result<Built, BuildError> {
    let mut layers = Vec::new();
    if plan.base.is_none() {
        let entries = layer::arrange(system::entries(&plan.user));
        layers.push(add_layer(store, &entries, plan.created_s, "zarpa: system files")?);
    }
    let entries = layer::arrange(own_entries(&plan.files)?);
    layers.push(add_layer(store, &entries, plan.created_s, "zarpa: service files")?);

    let configuration = configuration(plan, &layers);
    let config = add_json(store, &configuration, media::CONFIG, "configuration")?;
    let below = plan.base.iter().flat_map(|it| &it.manifest.layers);
    let mut all: Vec<Descriptor> = below.map(as_oci).collect();
    all.extend(layers.into_iter().map(|it| it.descriptor));
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::MANIFEST.to_owned()),
        config,
        layers: all,
        annotations: plan.labels.clone(),
    };
    let descriptor = add_json(store, &manifest, media::MANIFEST, "manifest")?;
    let layer_bytes = manifest.layers.iter().map(|it| it.size).sum();
    Ok(Built { descriptor, manifest, layer_bytes })
}

/// A layer of the base under OCI's name: the bytes are the same, and one manifest has one kind of names.
fn as_oci(layer: &Descriptor) -> Descriptor {
    let mut layer = layer.clone();
    if layer.media_type == media::DOCKER_LAYER_GZIP {
        media::LAYER_GZIP.clone_into(&mut layer.media_type);
    }
    layer
}

fn configuration(plan: &ImagePlan, layers: &[Layer]) -> ImageConfiguration {
    let created = Some(rfc3339(plan.created_s));
    let (mut config, mut diff_ids, mut history) = match &plan.base {
        None => (ImageConfig::default(), Vec::new(), Vec::new()),
        Some(Base { configuration: it, .. }) => {
            (it.config.clone(), it.rootfs.diff_ids.clone(), it.history.clone())
        }
    };
    diff_ids.extend(layers.iter().map(|it| it.diff_id.clone()));
    history.extend(layers.iter().map(|it| History {
        created: created.clone(),
        created_by: Some(it.created_by.to_owned()),
        empty_layer: None,
    }));
    config.user.clone_from(&plan.user);
    if !plan.entrypoint.is_empty() {
        config.entrypoint.clone_from(&plan.entrypoint);
        config.cmd.clone_from(&plan.cmd);
    }
    config.env = merge_env(&config.env, &plan.env);
    if !plan.working_dir.is_empty() {
        config.working_dir.clone_from(&plan.working_dir);
    }
    let ports = plan.exposed_ports.iter().map(|it| (it.clone(), serde_json::json!({})));
    config.exposed_ports.extend(ports);
    config.labels.extend(plan.labels.clone());
    ImageConfiguration {
        created,
        architecture: plan.platform.architecture.clone(),
        os: plan.platform.os.clone(),
        config,
        rootfs: RootFs { kind: "layers".to_owned(), diff_ids },
        history,
    }
}

fn merge_env(base: &[String], own: &BTreeMap<String, String>) -> Vec<String> {
    let is_kept = |it: &&String| it.split_once('=').is_none_or(|(name, _)| !own.contains_key(name));
    let mut env: Vec<String> = base.iter().filter(is_kept).cloned().collect();
    env.extend(own.iter().map(|(name, value)| format!("{name}={value}")));
    env
}

fn own_entries(sources: &[ImageFile]) -> Result<Vec<Entry>, BuildError> {
    let mut entries = Vec::new();
    for source in sources {
        let Some(to) = source.to.strip_prefix('/') else {
            return Err(BuildError::Relative(source.to.clone()));
        };
        let to = to.trim_end_matches('/');
        let metadata = fs::metadata(&source.from)
            .map_err(|_| BuildError::Missing { path: source.from.clone() })?;
        if metadata.is_dir() {
            let tree = tree::read(&source.from, &|_| false).map_err(BuildError::Read)?;
            for file in tree {
                let mode = mode_of(&source.from.join(&file.path), source.mode)?;
                entries.push(Entry::file(&format!("{to}/{}", file.path), mode, file.content));
            }
        } else {
            let mode = mode_of(&source.from, source.mode)?;
            let content = files::read(&source.from).map_err(BuildError::Read)?;
            entries.push(Entry::file(to, mode, content));
        }
    }
    Ok(entries)
}

/// Only whether a file can be executed survives: the rest depends on somebody's umask.
fn mode_of(path: &Path, given: Option<u32>) -> Result<u32, BuildError> {
    if let Some(mode) = given {
        return Ok(mode);
    }
    let metadata =
        fs::metadata(path).map_err(|it| BuildError::Read(FileError::new("inspect", path, it)))?;
    Ok(if metadata.permissions().mode() & 0o100 == 0 { 0o644 } else { 0o755 })
}

/// Compresses and digests while the archive is made: its bytes exist only in passing.
fn add_layer(
    store: &ContentStore,
    entries: &[Entry],
    mtime_s: u64,
    created_by: &'static str,
) -> Result<Layer, BuildError> {
    let blob = store.writer().map_err(BuildError::Store)?;
    let failed = |source| BuildError::WriteLayer { dir: store.dir().to_owned(), source };
    let encoder = zstd::Encoder::new(blob, ZSTD_LEVEL).map_err(failed)?;
    let mut tee = Tee { hasher: Hasher::default(), out: encoder };
    layer::write_tar(entries, mtime_s, &mut tee).map_err(failed)?;
    let diff_id = tee.hasher.finish();
    let blob = tee.out.finish().map_err(failed)?;
    let (digest, size) = blob.commit(None).map_err(BuildError::Store)?;
    let descriptor = Descriptor {
        media_type: media::LAYER_ZSTD.to_owned(),
        digest,
        size,
        platform: None,
        annotations: BTreeMap::new(),
    };
    Ok(Layer { descriptor, diff_id, created_by })
}

struct Tee<W> {
    hasher: Hasher,
    out: W,
}

impl<W: io::Write> io::Write for Tee<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n_bytes = self.out.write(bytes)?;
        self.hasher.update(&bytes[..n_bytes]);
        Ok(n_bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn add_json(
    store: &ContentStore,
    document: &impl serde::Serialize,
    media_type: &str,
    what: &'static str,
) -> Result<Descriptor, BuildError> {
    let content =
        serde_json::to_vec(document).map_err(|source| BuildError::Encode { what, source })?;
    let digest = store.write(&content).map_err(BuildError::Store)?;
    Ok(Descriptor {
        media_type: media_type.to_owned(),
        digest,
        size: content.len() as u64,
        platform: None,
        annotations: BTreeMap::new(),
    })
}

/// Seconds since the epoch as RFC 3339 in UTC.
fn rfc3339(seconds: u64) -> String {
    let timestamp =
        i64::try_from(seconds).ok().and_then(|it| jiff::Timestamp::from_second(it).ok());
    timestamp.unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci::Platform;

    fn plan(dir: &Path) -> ImagePlan {
        let from = dir.join("faro");
        fs::write(&from, "program").unwrap();
        fs::set_permissions(&from, fs::Permissions::from_mode(0o700)).unwrap();
        ImagePlan {
            base: None,
            files: vec![ImageFile { from, to: "/usr/bin/faro".to_owned(), mode: None }],
            user: "1000:1000".to_owned(),
            entrypoint: vec!["/usr/bin/faro".to_owned()],
            cmd: Vec::new(),
            env: BTreeMap::new(),
            working_dir: String::new(),
            exposed_ports: vec!["8080/tcp".to_owned()],
            labels: BTreeMap::new(),
            created_s: 0,
            platform: Platform {
                architecture: "amd64".to_owned(),
                os: "linux".to_owned(),
                variant: None,
            },
        }
    }

    fn build_in_new_store(plan: &ImagePlan) -> Built {
        let dir = tempfile::tempdir().unwrap();
        build(&ContentStore::open(dir.path()).unwrap(), plan).unwrap()
    }

    #[test]
    fn the_same_plan_gives_the_same_image_in_any_store() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(dir.path());
        let first = build_in_new_store(&plan);
        assert_eq!(build_in_new_store(&plan), first);
        fs::write(dir.path().join("faro"), "other program").unwrap();
        let second = build_in_new_store(&plan);
        assert_ne!(second.descriptor, first.descriptor);
        assert_eq!(second.manifest.layers[0], first.manifest.layers[0]);
    }

    #[test]
    fn a_missing_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let mut plan = plan(dir.path());
        plan.files[0].from = "/nowhere/faro".into();
        let store = ContentStore::open(&dir.path().join("images")).unwrap();
        let error = build(&store, &plan).unwrap_err();
        assert!(error.to_string().contains("`/nowhere/faro`"), "{error}");
    }

    #[test]
    fn a_base_keeps_its_layers_and_variables() {
        let dir = tempfile::tempdir().unwrap();
        let mut plan = plan(dir.path());
        let store = ContentStore::open(&dir.path().join("images")).unwrap();
        plan.env.insert("A".to_owned(), "base".to_owned());
        plan.env.insert("B".to_owned(), "base".to_owned());
        let built = build(&store, &plan).unwrap();
        let bytes = store.read(&built.manifest.config.digest).unwrap();
        let configuration: ImageConfiguration = serde_json::from_slice(&bytes).unwrap();
        plan.base = Some(Base { manifest: built.manifest.clone(), configuration });
        plan.env = BTreeMap::from([("A".to_owned(), "own".to_owned())]);
        let upper = build(&store, &plan).unwrap();
        assert_eq!(upper.manifest.layers[..2], built.manifest.layers[..]);
        let bytes = store.read(&upper.manifest.config.digest).unwrap();
        let configuration: ImageConfiguration = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(configuration.config.env, ["B=base", "A=own"]);
        assert_eq!(configuration.rootfs.diff_ids.len(), 3);
    }
}
