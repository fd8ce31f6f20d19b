//! Images from archives: what `docker save` writes, and OCI layouts in a tar.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use host::{ContentError, ContentStore, files::FileError};
use oci::{
    Descriptor, Digest, ImageConfiguration, Index, Manifest, ParseReferenceError, Reference, media,
};
use serde::Deserialize;

/// `index.json`, `manifest.json` and configurations; layers have no bound.
const DOCUMENT_BYTES_MAX: u64 = 16 << 20;
/// What tools call an image within an OCI layout.
const NAMES: [&str; 2] = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("could not read the archive")]
    Read(#[source] FileError),
    #[error("`{}` is no docker or OCI archive: it has neither manifest.json nor index.json", path.display())]
    Unknown { path: PathBuf },
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("an image of `{}` has no valid name", path.display())]
    Name { path: PathBuf, source: ParseReferenceError },
    #[error("could not store an image")]
    Store(#[source] ContentError),
}

/// One entry of docker's `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// What an archive held: blobs by their path within it, and its documents.
struct Contents {
    blobs: BTreeMap<String, (Digest, u64)>,
    links: BTreeMap<String, String>,
    documents: BTreeMap<String, Vec<u8>>,
}

/// Adds every named image of an archive to the store; returns their references.
pub fn load_archive(store: &ContentStore, path: &Path) -> Result<Vec<String>, ArchiveError> {
    let file =
        File::open(path).map_err(|it| ArchiveError::Read(FileError::new("open", path, it)))?;
    let contents = read(store, path, file)?;
    let archive = Archive { store, path, contents };
    if archive.contents.documents.contains_key("index.json") {
        return archive.load_layout();
    }
    if archive.contents.documents.contains_key("manifest.json") {
        return archive.load_docker();
    }
    Err(ArchiveError::Unknown { path: path.to_owned() })
}

/// Every file becomes a blob of the store: what no image names is swept later.
fn read(store: &ContentStore, path: &Path, file: File) -> Result<Contents, ArchiveError> {
    let failed = |it: io::Error| ArchiveError::Read(FileError::new("read", path, it));
    let mut contents =
        Contents { blobs: BTreeMap::new(), links: BTreeMap::new(), documents: BTreeMap::new() };
    let mut archive = tar::Archive::new(file);
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let name = entry.path().map_err(failed)?.to_string_lossy().into_owned();
        let name = name.trim_start_matches("./").to_owned();
        if let Some(target) = entry.link_name().map_err(failed)? {
            let target = target.to_string_lossy().into_owned();
            let base = target.trim_start_matches("../").to_owned();
            contents.links.insert(name, base);
            continue;
        }
        if !entry.header().entry_type().is_file() {
            continue;
        }
        if matches!(name.as_str(), "index.json" | "manifest.json") {
            let mut document = Vec::new();
            entry.by_ref().take(DOCUMENT_BYTES_MAX).read_to_end(&mut document).map_err(failed)?;
            contents.documents.insert(name, document);
            continue;
        }
        let mut blob = store.writer().map_err(ArchiveError::Store)?;
        io::copy(&mut entry, &mut blob).map_err(failed)?;
        let stored = blob.commit(None).map_err(ArchiveError::Store)?;
        contents.blobs.insert(name, stored);
    }
    Ok(contents)
}

struct Archive<'a> {
    store: &'a ContentStore,
    path: &'a Path,
    contents: Contents,
}

impl Archive<'_> {
    fn load_layout(&self) -> Result<Vec<String>, ArchiveError> {
        let index: Index = self.json(&self.contents.documents["index.json"])?;
        let mut loaded = Vec::new();
        for descriptor in &index.manifests {
            let name = NAMES.iter().find_map(|it| descriptor.annotations.get(*it));
            let Some(name) = name else { continue };
            let mut descriptor = descriptor.clone();
            descriptor.annotations.clear();
            loaded.push(self.tag(name, &descriptor)?);
        }
        Ok(loaded)
    }

    fn load_docker(&self) -> Result<Vec<String>, ArchiveError> {
        let images: Vec<DockerImage> = self.json(&self.contents.documents["manifest.json"])?;
        let mut loaded = Vec::new();
        for image in &images {
            let config = self.blob(&image.config)?;
            let document = self.store.read(&config.0).map_err(ArchiveError::Store)?;
            let configuration: ImageConfiguration = self.json(&document)?;
            if configuration.rootfs.diff_ids.len() != image.layers.len() {
                return Err(self.damaged("layers and diff ids differ in number".to_owned()));
            }
            let mut layers = Vec::new();
            for layer in &image.layers {
                let blob = self.blob(layer)?;
                let is_gzip = self.begins_with(&blob.0, &[0x1f, 0x8b])?;
                let media_type = if is_gzip { media::LAYER_GZIP } else { media::LAYER };
                layers.push(descriptor(media_type, blob));
            }
            let manifest = Manifest {
                schema_version: 2,
                media_type: Some(media::MANIFEST.to_owned()),
                config: descriptor(media::CONFIG, config),
                layers,
                annotations: BTreeMap::new(),
            };
            let bytes = serde_json::to_vec(&manifest).map_err(|it| self.damaged(it.to_string()))?;
            let digest = self.store.write(&bytes).map_err(ArchiveError::Store)?;
            let descriptor = descriptor(media::MANIFEST, (digest, bytes.len() as u64));
            for name in image.repo_tags.iter().flatten() {
                loaded.push(self.tag(name, &descriptor)?);
            }
        }
        Ok(loaded)
    }

    fn tag(&self, name: &str, descriptor: &Descriptor) -> Result<String, ArchiveError> {
        let reference: Reference = name
            .parse()
            .map_err(|source| ArchiveError::Name { path: self.path.to_owned(), source })?;
        self.store.tag(&reference, descriptor).map_err(ArchiveError::Store)?;
        Ok(reference.familiar())
    }

    /// A blob by its path; docker makes layers that are alike links to one of them.
    fn blob(&self, name: &str) -> Result<(Digest, u64), ArchiveError> {
        let target = self.contents.links.get(name).map_or(name, String::as_str);
        let found = self.contents.blobs.get(name).or_else(|| self.contents.blobs.get(target));
        found.cloned().ok_or_else(|| self.damaged(format!("`{name}` is missing")))
    }

    fn begins_with(&self, digest: &Digest, magic: &[u8]) -> Result<bool, ArchiveError> {
        let path = self.store.blob_path(digest);
        let failed = |it| ArchiveError::Read(FileError::new("read", &path, it));
        let mut start = Vec::new();
        let file = File::open(&path).map_err(failed)?;
        file.take(magic.len() as u64).read_to_end(&mut start).map_err(failed)?;
        Ok(start == magic)
    }

    fn json<T: serde::de::DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, ArchiveError> {
        serde_json::from_slice(bytes).map_err(|it| self.damaged(it.to_string()))
    }

    fn damaged(&self, reason: String) -> ArchiveError {
        ArchiveError::Damaged { path: self.path.to_owned(), reason }
    }
}

fn descriptor(media_type: &str, (digest, size): (Digest, u64)) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest,
        size,
        platform: None,
        annotations: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, Vec<u8>)]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut builder = tar::Builder::new(file.reopen().unwrap());
        for (name, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, name, content.as_slice()).unwrap();
        }
        builder.finish().unwrap();
        file
    }

    fn store() -> (tempfile::TempDir, ContentStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = ContentStore::open(dir.path()).unwrap();
        (dir, store)
    }

    #[test]
    fn an_image_of_docker_save_is_found_under_its_name() {
        let layer = b"layer".to_vec();
        let config = serde_json::json!({"architecture": "amd64", "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(&layer)]}});
        let manifest = serde_json::json!([{"Config": "c.json", "RepoTags": ["web:1"],
            "Layers": ["l/layer.tar"]}]);
        let archive = archive(&[
            ("l/layer.tar", layer),
            ("c.json", config.to_string().into_bytes()),
            ("manifest.json", manifest.to_string().into_bytes()),
        ]);
        let (_dir, store) = store();
        assert_eq!(load_archive(&store, archive.path()).unwrap(), ["web:1"]);
        assert!(store.resolve(&"web:1".parse().unwrap()).unwrap().is_some());
    }

    #[test]
    fn other_archives_are_named() {
        let (_dir, store) = store();
        let error = load_archive(&store, archive(&[("a", vec![])]).path()).unwrap_err();
        assert!(matches!(error, ArchiveError::Unknown { .. }));
        let broken = archive(&[("manifest.json", b"{".to_vec())]);
        let error = load_archive(&store, broken.path()).unwrap_err();
        assert!(matches!(error, ArchiveError::Damaged { .. }));
    }
}
