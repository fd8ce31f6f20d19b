//! Folders whole: every file below one read, or written in one step.

use std::{
    ffi::{CStr, OsStr},
    fs::{self, File},
    io::{self, Read as _},
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Access, AtFlags, Dir, DirEntry, FileType, Mode, OFlags, accessat, openat, statat},
    io::Errno,
};

use crate::files::{FileError, create_dir, sibling};

/// How much of a file is read at once. Most files of most trees are smaller.
const READ_BYTES: usize = 16 << 10;

/// A file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Relative to the tree's root, with `/`.
    pub path: String,
    pub content: Vec<u8>,
}

/// Makes a folder with these files in one step; where it is there already, that is an error.
pub fn write(root: &Path, files: &[TreeFile]) -> Result<(), FileError> {
    if let Some(parent) = root.parent() {
        create_dir(parent)?;
    }
    let temporary = sibling(root);
    let written = write_all(&temporary, files).and_then(|()| {
        fs::rename(&temporary, root).map_err(|it| FileError::new("make the directory", root, it))
    });
    if written.is_err() {
        // The error that is told is the first one.
        drop(fs::remove_dir_all(&temporary));
    }
    written
}

fn write_all(root: &Path, files: &[TreeFile]) -> Result<(), FileError> {
    create_dir(root)?;
    for file in files {
        let path = root.join(&file.path);
        if let Some(parent) = path.parent() {
            create_dir(parent)?;
        }
        fs::write(&path, &file.content).map_err(|it| FileError::new("write", &path, it))?;
    }
    Ok(())
}

/// Reads every regular file below `root`, links followed, sorted by path.
///
/// Folders that `skip` names by their relative path are not entered.
pub fn read(root: &Path, skip: &dyn Fn(&str) -> bool) -> Result<Vec<TreeFile>, FileError> {
    let mut buffer = vec![0; READ_BYTES];
    let files = walk(root, skip, |folder, name, _| folder.read(name, &mut buffer))?;
    Ok(files.into_iter().map(|(path, content)| TreeFile { path, content }).collect())
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Read(Vec<u8>),
    /// Where it is, and how long; it may be read.
    Unread {
        place: PathBuf,
        n_bytes: usize,
    },
}

/// As [`read`], but files that `is_late` names are left unread.
pub fn read_partly(
    root: &Path,
    skip: &dyn Fn(&str) -> bool,
    is_late: &dyn Fn(&str) -> bool,
) -> Result<Vec<(String, Content)>, FileError> {
    let mut buffer = vec![0; READ_BYTES];
    walk(root, skip, |folder, name, path| {
        if is_late(path) {
            folder.inspect(name)
        } else {
            folder.read(name, &mut buffer).map(Content::Read)
        }
    })
}

/// Every regular file with what is taken of it, sorted by path.
fn walk<T>(
    root: &Path,
    skip: &dyn Fn(&str) -> bool,
    mut take: impl FnMut(&Folder, &CStr, &str) -> Result<T, FileError>,
) -> Result<Vec<(String, T)>, FileError> {
    let mut files = Vec::new();
    // Each with its path within the tree: nothing, or one that ends with a slash.
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((path, prefix)) = folders.pop() {
        let folder = Folder::open(path)?;
        for entry in folder.entries()? {
            let entry = entry.map_err(|it| folder.error("list", it))?;
            let name = entry.file_name();
            let below = || [prefix.as_str(), &*name.to_string_lossy()].concat();
            match folder.kind(&entry)? {
                FileType::Directory if !matches!(name.to_bytes(), b"." | b"..") => {
                    let below = below();
                    if !skip(&below) {
                        folders.push((folder.path(name), below + "/"));
                    }
                }
                FileType::RegularFile => {
                    let below = below();
                    let taken = take(&folder, name, &below)?;
                    files.push((below, taken));
                }
                _ => {}
            }
        }
    }
    files.sort_by(|(one, _), (two, _)| one.cmp(two));
    Ok(files)
}

/// A folder that is open: what it holds is found by its name there, so that the system need not walk the
/// whole path for every file.
struct Folder {
    path: PathBuf,
    fd: OwnedFd,
}

impl Folder {
    fn open(path: PathBuf) -> Result<Self, FileError> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
        match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(fd) => Ok(Self { path, fd }),
            Err(errno) => Err(FileError::new("list", &path, errno.into())),
        }
    }

    fn entries(&self) -> Result<Dir, FileError> {
        Dir::read_from(&self.fd).map_err(|it| self.error("list", it))
    }

    fn path(&self, name: &CStr) -> PathBuf {
        self.path.join(OsStr::from_bytes(name.to_bytes()))
    }

    /// What an entry is, or what it leads to.
    fn kind(&self, entry: &DirEntry) -> Result<FileType, FileError> {
        match entry.file_type() {
            FileType::Symlink | FileType::Unknown => {
                let stat = statat(&self.fd, entry.file_name(), AtFlags::empty());
                let stat = stat.map_err(|it| {
                    FileError::new("inspect", &self.path(entry.file_name()), it.into())
                })?;
                Ok(FileType::from_raw_mode(stat.st_mode))
            }
            kind => Ok(kind),
        }
    }

    fn read(&self, name: &CStr, buffer: &mut [u8]) -> Result<Vec<u8>, FileError> {
        let opened = openat(&self.fd, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let content = opened.map_err(io::Error::from).and_then(|fd| whole(File::from(fd), buffer));
        content.map_err(|it| FileError::new("read", &self.path(name), it))
    }

    /// Looks at a file, and whether it may be read.
    fn inspect(&self, name: &CStr) -> Result<Content, FileError> {
        let stat = statat(&self.fd, name, AtFlags::empty());
        let stat = stat.and_then(|it| {
            accessat(&self.fd, name, Access::READ_OK, AtFlags::EACCESS).map(|()| it)
        });
        match stat {
            Ok(stat) => {
                let n_bytes = usize::try_from(stat.st_size).unwrap_or(usize::MAX);
                Ok(Content::Unread { place: self.path(name), n_bytes })
            }
            Err(errno) => Err(FileError::new("read", &self.path(name), errno.into())),
        }
    }

    fn error(&self, doing: &'static str, errno: Errno) -> FileError {
        FileError::new(doing, &self.path, errno.into())
    }
}

/// All of a file, which takes no more memory than it needs.
fn whole(mut file: File, buffer: &mut [u8]) -> io::Result<Vec<u8>> {
    let mut n_read = 0;
    while n_read < buffer.len() {
        match file.read(&mut buffer[n_read..]) {
            Ok(0) => return Ok(buffer[..n_read].to_vec()),
            Ok(n) => n_read += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let n_bytes = usize::try_from(file.metadata()?.len()).unwrap_or_default();
    let mut content = Vec::with_capacity(n_bytes.max(n_read));
    content.extend_from_slice(buffer);
    file.read_to_end(&mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{list, write_atomic};

    fn file(path: &str) -> TreeFile {
        TreeFile { path: path.to_owned(), content: b"x".to_vec() }
    }

    #[test]
    fn a_tree_is_written_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("new/tree");
        write(&root, &[file("b/c"), file("a")]).unwrap();
        assert_eq!(read(&root, &|_| false).unwrap(), [file("a"), file("b/c")]);
        let error = write(&root, &[file("z")]).unwrap_err();
        assert!(error.to_string().contains("new/tree"), "{error}");
        // A file cannot be a folder, too.
        assert!(write(&dir.path().join("new/bad"), &[file("a"), file("a/b")]).is_err());
        assert_eq!(list(&dir.path().join("new")).unwrap().len(), 1);
    }

    #[test]
    fn a_tree_comes_sorted_and_without_what_is_skipped() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["b/c", "a", "skip/x"] {
            write_atomic(&dir.path().join(path), b"").unwrap();
        }
        let files = read(dir.path(), &|it| it == "skip").unwrap();
        let paths: Vec<&str> = files.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(paths, ["a", "b/c"]);
    }

    #[test]
    fn files_of_every_size_are_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let sizes = [0, 1, READ_BYTES - 1, READ_BYTES, READ_BYTES + 1, 5 * READ_BYTES];
        for (n, size) in sizes.into_iter().enumerate() {
            write_atomic(&dir.path().join(n.to_string()), &vec![b'a' + n as u8; size]).unwrap();
        }
        let files = read(dir.path(), &|_| false).unwrap();
        let read: Vec<usize> = files.iter().map(|it| it.content.len()).collect();
        assert_eq!(read, sizes);
        assert!(
            files.iter().enumerate().all(|(n, it)| it.content.iter().all(|b| *b == b'a' + n as u8))
        );
    }

    #[test]
    fn what_is_late_is_only_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        write(&root, &[file("a"), file("b/c")]).unwrap();
        let found = read_partly(&root, &|_| false, &|it| it == "b/c").unwrap();
        let unread = Content::Unread { place: root.join("b/c"), n_bytes: 1 };
        let expected = [("a".to_owned(), Content::Read(b"x".to_vec())), ("b/c".to_owned(), unread)];
        assert_eq!(found, expected);
    }

    #[test]
    fn links_are_followed_and_one_that_leads_in_a_circle_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        write(&root, &[file("a/b")]).unwrap();
        std::os::unix::fs::symlink("a", root.join("folder")).unwrap();
        std::os::unix::fs::symlink("a/b", root.join("link")).unwrap();
        assert_eq!(read(&root, &|_| false).unwrap(), [file("a/b"), file("folder/b"), file("link")]);
        std::os::unix::fs::symlink("..", root.join("a/circle")).unwrap();
        let error = read(&root, &|_| false).unwrap_err();
        assert!(error.to_string().contains("circle"), "{error}");
        let missing = read(&dir.path().join("none"), &|_| false).unwrap_err();
        assert!(missing.is_not_found(), "{missing}");
    }
}
