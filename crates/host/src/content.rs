//! The content store: an OCI image layout on disk that other tools can read.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use oci::{Descriptor, Digest, Hasher, Index, Reference};
use rustix::fs::FlockOperation;

use crate::files::{self, FileError};

/// OCI image layout 1.1, "Pre-defined annotation keys".
const REF_NAME: &str = "org.opencontainers.image.ref.name";
const LAYOUT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    #[error("could not use the image store")]
    File(#[source] FileError),
    #[error("content has the digest {actual}, expected {expected}")]
    Mismatch { expected: Digest, actual: Digest },
    #[error("could not read the image store's index `{}`", path.display())]
    Index { path: PathBuf, source: serde_json::Error },
}

/// A directory of blobs by digest, and an index of the references that point to them.
///
/// Clones share the directory. Several processes may use one store: blobs are added atomically, and
/// the index is changed under a lock.
/// Source: OCI image specification 1.1, "Image Layout".
#[derive(Debug, Clone)]
pub struct ContentStore {
    dir: PathBuf,
}

/// A reference and what it points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// As it was given to [`ContentStore::tag`], in full.
    pub reference: String,
    pub descriptor: Descriptor,
}

impl ContentStore {
    /// Opens the store, making it when it is missing.
    pub fn open(dir: &Path) -> Result<Self, ContentError> {
        let store = Self { dir: dir.to_owned() };
        files::create_dir(&store.blobs()).map_err(ContentError::File)?;
        let layout = dir.join("oci-layout");
        if !layout.is_file() {
            files::write_atomic(&layout, LAYOUT.as_bytes()).map_err(ContentError::File)?;
        }
        if !store.index_path().is_file() {
            let _lock = store.lock()?;
            if !store.index_path().is_file() {
                store.write_index(&Index::default())?;
            }
        }
        Ok(store)
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where a blob lies, whether or not it is there.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }

    pub fn has(&self, digest: &Digest) -> bool {
        self.blob_path(digest).is_file()
    }

    /// Reads a blob whole.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, ContentError> {
        files::read(&self.blob_path(digest)).map_err(ContentError::File)
    }

    /// Adds a blob; one that is there already is left as it is.
    pub fn write(&self, content: &[u8]) -> Result<Digest, ContentError> {
        let digest = Digest::of(content);
        if !self.has(&digest) {
            let path = self.blob_path(&digest);
            files::write_atomic(&path, content).map_err(ContentError::File)?;
        }
        Ok(digest)
    }

    /// Starts a blob that comes in pieces.
    pub fn writer(&self) -> Result<BlobWriter, ContentError> {
        let path = files::sibling(&self.blobs().join("incoming"));
        let file = File::create(&path)
            .map_err(|it| ContentError::File(FileError::new("create", &path, it)))?;
        Ok(BlobWriter { store: self.clone(), file, path, hasher: Hasher::default(), n_bytes: 0 })
    }

    /// Lets `reference` point to `descriptor`, whatever it pointed to before.
    pub fn tag(&self, reference: &Reference, descriptor: &Descriptor) -> Result<(), ContentError> {
        let name = tag_name(reference);
        self.change_index(|index| {
            index.manifests.retain(|it| it.annotations.get(REF_NAME) != Some(&name));
            let mut descriptor = descriptor.clone();
            descriptor.annotations.insert(REF_NAME.to_owned(), name.clone());
            index.manifests.push(descriptor);
            index.manifests.sort_by(|a, b| a.annotations.cmp(&b.annotations));
        })
    }

    /// Forgets a reference; its blobs stay until [`Self::sweep`].
    pub fn untag(&self, reference: &Reference) -> Result<(), ContentError> {
        let name = tag_name(reference);
        self.change_index(|index| {
            index.manifests.retain(|it| it.annotations.get(REF_NAME) != Some(&name));
        })
    }

    /// Finds what a reference points to: by its digest when it has one, else by its tag.
    ///
    /// A digest is found as long as its blob is here, though a tag has moved on: an older revision
    /// of a release names it still.
    pub fn resolve(&self, reference: &Reference) -> Result<Option<Descriptor>, ContentError> {
        if let Some(digest) = &reference.digest {
            return Ok(self.describe(digest));
        }
        let name = tag_name(reference);
        let found = self.references()?.into_iter().find(|it| it.reference == name);
        Ok(found.map(|it| it.descriptor).filter(|it| self.has(&it.digest)))
    }

    /// Describes a manifest or an index that is here; `None` when it is not.
    fn describe(&self, digest: &Digest) -> Option<Descriptor> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Typed {
            media_type: Option<String>,
        }
        let content = files::read(&self.blob_path(digest)).ok()?;
        let typed: Typed = serde_json::from_slice(&content).ok()?;
        Some(Descriptor {
            media_type: typed.media_type.unwrap_or_else(|| oci::media::MANIFEST.to_owned()),
            digest: digest.clone(),
            size: content.len() as u64,
            platform: None,
            annotations: std::collections::BTreeMap::new(),
        })
    }

    /// Every reference with what it points to, sorted.
    pub fn references(&self) -> Result<Vec<Tagged>, ContentError> {
        let tagged = self.index()?.manifests.into_iter().filter_map(|mut descriptor| {
            let reference = descriptor.annotations.remove(REF_NAME)?;
            Some(Tagged { reference, descriptor })
        });
        Ok(tagged.collect())
    }

    /// Deletes every blob for which `keep` is false; returns how many went.
    pub fn sweep(&self, keep: &dyn Fn(&str) -> bool) -> Result<usize, ContentError> {
        let blobs = self.blobs();
        let failed = |it| ContentError::File(FileError::new("list", &blobs, it));
        let mut n_deleted = 0;
        for entry in fs::read_dir(&blobs).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_blob = name.len() == 64 && !name.starts_with('.');
            if is_blob && !keep(&name) && fs::remove_file(entry.path()).is_ok() {
                n_deleted += 1;
            }
        }
        Ok(n_deleted)
    }

    fn blobs(&self) -> PathBuf {
        self.dir.join("blobs/sha256")
    }

    fn index_path(&self) -> PathBuf {
        self.dir.join("index.json")
    }

    fn index(&self) -> Result<Index, ContentError> {
        let path = self.index_path();
        let content = files::read(&path).map_err(ContentError::File)?;
        serde_json::from_slice(&content).map_err(|source| ContentError::Index { path, source })
    }

    fn write_index(&self, index: &Index) -> Result<(), ContentError> {
        let path = self.index_path();
        let content = serde_json::to_vec(index)
            .map_err(|source| ContentError::Index { path: path.clone(), source })?;
        files::write_atomic(&path, &content).map_err(ContentError::File)
    }

    fn change_index(&self, change: impl FnOnce(&mut Index)) -> Result<(), ContentError> {
        let _lock = self.lock()?;
        let before = self.index()?;
        let mut after = before.clone();
        change(&mut after);
        if after == before { Ok(()) } else { self.write_index(&after) }
    }

    /// Held until the file is dropped.
    fn lock(&self) -> Result<File, ContentError> {
        let path = self.dir.join(".lock");
        let failed = |it: io::Error| ContentError::File(FileError::new("lock", &path, it));
        let file = File::create(&path).map_err(failed)?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive).map_err(|it| failed(it.into()))?;
        Ok(file)
    }
}

/// A reference without tag and digest means `latest`; the digest is no part of the name.
fn tag_name(reference: &Reference) -> String {
    match (&reference.tag, &reference.digest) {
        (Some(tag), _) => format!("{}:{tag}", reference.name()),
        (None, Some(digest)) => format!("{}@{digest}", reference.name()),
        (None, None) => format!("{}:latest", reference.name()),
    }
}

/// A blob on its way in: a temporary file that becomes a blob, or nothing at all.
#[derive(Debug)]
pub struct BlobWriter {
    store: ContentStore,
    file: File,
    path: PathBuf,
    hasher: Hasher,
    n_bytes: u64,
}

impl BlobWriter {
    /// Makes the blob visible; returns its digest and size.
    ///
    /// With `expected`, other content is an error and leaves nothing behind.
    pub fn commit(mut self, expected: Option<&Digest>) -> Result<(Digest, u64), ContentError> {
        let actual = std::mem::take(&mut self.hasher).finish();
        if let Some(expected) = expected.filter(|it| **it != actual) {
            return Err(ContentError::Mismatch { expected: expected.clone(), actual });
        }
        let path = self.store.blob_path(&actual);
        let done = self.file.sync_data().and_then(|()| fs::rename(&self.path, &path));
        done.map_err(|it| ContentError::File(FileError::new("write", &path, it)))?;
        Ok((actual, self.n_bytes))
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n_bytes = self.file.write(bytes)?;
        self.hasher.update(&bytes[..n_bytes]);
        self.n_bytes += n_bytes as u64;
        Ok(n_bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        // After `commit` the temporary file is gone, and this fails as it should.
        drop(fs::remove_file(&self.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, ContentStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = ContentStore::open(dir.path()).unwrap();
        (dir, store)
    }

    fn descriptor(store: &ContentStore, content: &[u8]) -> Descriptor {
        let digest = store.write(content).unwrap();
        Descriptor {
            media_type: oci::media::MANIFEST.to_owned(),
            digest,
            size: content.len() as u64,
            platform: None,
            annotations: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn a_reference_finds_what_it_was_given_last() {
        let (_dir, store) = store();
        let reference: Reference = "faro:1".parse().unwrap();
        let old = descriptor(&store, br#"{"schemaVersion":2,"layers":[1]}"#);
        let new = descriptor(&store, br#"{"schemaVersion":2}"#);
        store.tag(&reference, &old).unwrap();
        store.tag(&reference, &new).unwrap();
        assert_eq!(store.resolve(&reference).unwrap(), Some(new.clone()));
        let exact = reference.with_digest(new.digest.clone());
        assert_eq!(store.resolve(&exact).unwrap(), Some(new));
        let older = reference.with_digest(old.digest.clone());
        assert_eq!(store.resolve(&older).unwrap(), Some(old));
        assert_eq!(store.resolve(&reference.with_digest(Digest::of(b"?"))).unwrap(), None);
        assert_eq!(store.references().unwrap().len(), 1);
    }

    #[test]
    fn content_that_is_not_what_was_promised_leaves_nothing() {
        let (_dir, store) = store();
        let mut writer = store.writer().unwrap();
        writer.write_all(b"forged").unwrap();
        let error = writer.commit(Some(&Digest::of(b"real"))).unwrap_err();
        assert!(matches!(error, ContentError::Mismatch { .. }));
        assert_eq!(fs::read_dir(store.blobs()).unwrap().count(), 0);
    }

    #[test]
    fn blobs_in_pieces_and_whole_are_the_same() {
        let (_dir, store) = store();
        let mut writer = store.writer().unwrap();
        writer.write_all(b"he").unwrap();
        writer.write_all(b"llo").unwrap();
        let (digest, n_bytes) = writer.commit(None).unwrap();
        assert_eq!((digest.clone(), n_bytes), (Digest::of(b"hello"), 5));
        assert_eq!(store.read(&digest).unwrap(), b"hello");
    }

    #[test]
    fn a_damaged_index_is_named() {
        let (dir, store) = store();
        fs::write(dir.path().join("index.json"), "{").unwrap();
        let error = store.references().unwrap_err();
        assert!(error.to_string().contains("index.json"), "{error}");
    }
}
