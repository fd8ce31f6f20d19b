//! Whole files: read with their path in the error, written so that a reader never sees half of one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::fs::FlockOperation;

/// What could not be done to a path.
#[derive(Debug, thiserror::Error)]
#[error("could not {doing} `{}`", path.display())]
pub struct FileError {
    pub doing: &'static str,
    pub path: PathBuf,
    pub source: io::Error,
}

impl FileError {
    pub fn new(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self { doing, path: path.to_owned(), source }
    }

    /// Whether the path is simply not there.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// Reads a file whole.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(|source| FileError::new("read", path, source))
}

/// Reads a text file whole; other bytes than UTF-8 are an error.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(|source| FileError::new("read", path, source))
}

/// Makes a directory and its parents; one that is there already is fine.
pub fn create_dir(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(|source| FileError::new("create the directory", path, source))
}

/// Replaces a file in one step: written beside it, synced, renamed over it.
pub fn write_atomic(path: &Path, content: &[u8]) -> Result<(), FileError> {
    write(path, content, 0o666)
}

/// As [`write_atomic`], for secrets: only the owner may read the file, from its first moment on.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), FileError> {
    write(path, content, 0o600)
}

/// `mode` is narrowed by the process's umask.
fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), FileError> {
    if let Some(parent) = path.parent() {
        create_dir(parent)?;
    }
    let temporary = sibling(path);
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(mode).open(&temporary);
    let written = opened.and_then(|mut file| {
        file.write_all(content)?;
        file.sync_data()
    });
    written.and_then(|()| fs::rename(&temporary, path)).map_err(|source| {
        // The error that is told is the first one; a leftover temporary file harms nobody.
        drop(fs::remove_file(&temporary));
        FileError::new("write", path, source)
    })
}

/// Whether a path leads to a folder.
pub fn is_dir(path: &Path) -> bool {
    path.is_dir()
}

/// Removes a file.
pub fn remove(path: &Path) -> Result<(), FileError> {
    fs::remove_file(path).map_err(|source| FileError::new("remove", path, source))
}

/// A lock that others honour who take it by the same file; it ends with the value.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Takes the lock that a file stands for, and waits while somebody else has it; the file stays.
pub fn lock(path: &Path) -> Result<Lock, FileError> {
    if let Some(parent) = path.parent() {
        create_dir(parent)?;
    }
    let failed = |it| FileError::new("lock", path, it);
    let options = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    let file = options.map_err(failed)?;
    rustix::fs::flock(&file, FlockOperation::LockExclusive).map_err(|it| failed(it.into()))?;
    Ok(Lock { _file: file })
}

/// Something in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    /// Links are followed.
    pub is_dir: bool,
}

/// Lists a folder, sorted by name.
pub fn list(path: &Path) -> Result<Vec<Entry>, FileError> {
    let failed = |it| FileError::new("list", path, it);
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        found.push(Entry { name, is_dir: entry.path().is_dir() });
    }
    found.sort_by(|one, two| one.name.cmp(&two.name));
    Ok(found)
}

/// A name beside `path` that no other thread or process uses.
pub(crate) fn sibling(path: &Path) -> PathBuf {
    static N_FILES: AtomicU64 = AtomicU64::new(0);
    let n = N_FILES.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.{n}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_file_is_whole_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b.txt");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(read_text(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(dir.path().join("a")).unwrap().count(), 1);
    }

    #[test]
    fn an_error_names_the_path() {
        let error = read(Path::new("/nowhere/at/all")).unwrap_err();
        assert_eq!(error.to_string(), "could not read `/nowhere/at/all`");
        assert!(error.is_not_found());
    }
}
