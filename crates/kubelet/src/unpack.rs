//! A layer's archive to a folder that overlayfs takes as a lower layer.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, BufReader, Read},
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Component, Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use oci::{Digest, Hasher};
use rustix::{
    fs::{
        self, AtFlags, CWD, FileType, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid,
        XattrFlags,
    },
    io::Errno,
};
use tar::{Archive, Entry, EntryType};

/// OCI image specification, "Whiteouts".
const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
const OPAQUE_XATTR: &str = "trusted.overlay.opaque";
const PAX_XATTR: &str = "SCHILY.xattr.";
const BUFFER_BYTES: usize = 256 * 1024;

/// Why a layer could not be unpacked; nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    #[error("could not open the layer `{}`", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("could not read the layer's archive")]
    Archive(#[source] io::Error),
    #[error("the layer has the digest {actual}, expected {expected}")]
    Mismatch { expected: Digest, actual: Digest },
    #[error("`{}` leaves the layer", .0.display())]
    Leaves(PathBuf),
    #[error("could not unpack `{}`", path.display())]
    Entry { path: PathBuf, source: io::Error },
    #[error("could not put the layer at `{}`", path.display())]
    Place { path: PathBuf, source: io::Error },
    #[error("unpacking was interrupted")]
    Interrupted,
}

/// Unpacks the blob at `blob` to `target`, all or nothing.
///
/// gzip and zstd are told by their first bytes. The uncompressed archive must have the digest
/// `diff_id`. No name, symbolic link or hard link reaches outside: every path is resolved with the
/// layer's folder as its root. Whiteouts become what overlayfs expects: a character device 0/0, and
/// `trusted.overlay.opaque` on a folder that hides what is below it.
pub(crate) fn layer(blob: &Path, diff_id: &Digest, target: &Path) -> Result<(), UnpackError> {
    static N_TRIES: AtomicU64 = AtomicU64::new(0);
    let n_try = N_TRIES.fetch_add(1, Ordering::Relaxed);
    let name = format!(".tmp-{}-{n_try}-{}", diff_id.hex(), std::process::id());
    let dir = target.with_file_name(name);
    let result = unpack(blob, diff_id, &dir).and_then(|()| place(&dir, target));
    if result.is_err() {
        remove_tree(&dir);
    }
    result
}

#[expect(clippy::disallowed_methods, reason = "unpacking writes to the disk")]
fn unpack(blob: &Path, diff_id: &Digest, dir: &Path) -> Result<(), UnpackError> {
    let open = |source| UnpackError::Open { path: blob.to_owned(), source };
    let place = |source| UnpackError::Place { path: dir.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(place)?;
    let reader = decompress(File::open(blob).map_err(open)?).map_err(open)?;
    let mut reader = Hashing { reader, hasher: Hasher::default() };
    let root = Root::open(dir).map_err(|it| place(it.into()))?;
    root.unpack(&mut Archive::new(&mut reader))?;
    // What follows the end of the archive belongs to its digest.
    io::copy(&mut reader, &mut io::sink()).map_err(UnpackError::Archive)?;
    let actual = reader.hasher.finish();
    if actual == *diff_id {
        Ok(())
    } else {
        Err(UnpackError::Mismatch { expected: diff_id.clone(), actual })
    }
}

/// Another process may have been faster: its folder is as good.
#[expect(clippy::disallowed_methods, reason = "unpacking writes to the disk")]
fn place(dir: &Path, target: &Path) -> Result<(), UnpackError> {
    match std::fs::rename(dir, target) {
        Ok(()) => Ok(()),
        Err(_) if target.is_dir() => {
            remove_tree(dir);
            Ok(())
        }
        Err(source) => Err(UnpackError::Place { path: target.to_owned(), source }),
    }
}

/// A folder that cannot be removed is swept later.
#[expect(clippy::disallowed_methods, reason = "unpacking writes to the disk")]
fn remove_tree(dir: &Path) {
    drop(std::fs::remove_dir_all(dir));
}

fn decompress(file: File) -> io::Result<Box<dyn Read>> {
    let mut magic = [0; 4];
    let n_bytes = rustix::io::pread(&file, &mut magic, 0)?;
    let reader = BufReader::with_capacity(BUFFER_BYTES, file);
    Ok(match &magic[..n_bytes] {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::Decoder::with_buffer(reader)?),
        _ => Box::new(reader),
    })
}

struct Hashing<R> {
    reader: R,
    hasher: Hasher,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_bytes = self.reader.read(buffer)?;
        self.hasher.update(&buffer[..n_bytes]);
        Ok(n_bytes)
    }
}

/// The folder that a layer is unpacked to.
struct Root(OwnedFd);

impl Root {
    fn open(dir: &Path) -> rustix::io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        fs::openat(CWD, dir, flags, Mode::empty()).map(Self)
    }

    fn unpack(&self, archive: &mut Archive<impl Read>) -> Result<(), UnpackError> {
        let mut folders: BTreeMap<PathBuf, u64> = BTreeMap::new();
        for entry in archive.entries().map_err(UnpackError::Archive)? {
            let mut entry = entry.map_err(UnpackError::Archive)?;
            let path = inside(&entry.path().map_err(UnpackError::Archive)?)?;
            if entry.header().entry_type() == EntryType::Directory {
                folders.insert(path.clone(), entry.header().mtime().unwrap_or(0));
            }
            self.add(&mut entry, &path).map_err(|source| UnpackError::Entry { path, source })?;
        }
        // Last, because each file in a folder changes its time.
        for (path, mtime) in folders.iter().rev() {
            if let Ok(folder) = self.directory(path) {
                set_time(folder.as_fd(), OsStr::new(""), *mtime)
                    .map_err(|it| UnpackError::Entry { path: path.clone(), source: it.into() })?;
            }
        }
        Ok(())
    }

    fn add(&self, entry: &mut Entry<'_, impl Read>, path: &Path) -> io::Result<()> {
        let Some(name) = path.file_name() else {
            return self.finish_directory(entry, self.0.as_fd());
        };
        let parent = self.make_directories(path.parent().unwrap_or(Path::new("")))?;
        if name.as_bytes() == OPAQUE {
            return Ok(fs::fsetxattr(&parent, OPAQUE_XATTR, b"y", XattrFlags::empty())?);
        }
        if let Some(hidden) = name.as_bytes().strip_prefix(WHITEOUT) {
            let hidden = OsStr::from_bytes(hidden);
            remove(parent.as_fd(), hidden)?;
            let kind = FileType::CharacterDevice;
            return Ok(fs::mknodat(&parent, hidden, kind, Mode::empty(), 0)?);
        }
        let kind = entry.header().entry_type();
        let mode = Mode::from_raw_mode(entry.header().mode()? & 0o7777);
        if kind != EntryType::Directory {
            remove(parent.as_fd(), name)?;
        }
        match kind {
            EntryType::Directory => return self.add_directory(entry, parent.as_fd(), name),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
                let mut file = File::from(fs::openat(&parent, name, flags, Mode::RUSR)?);
                io::copy(entry, &mut file)?;
            }
            EntryType::Symlink => fs::symlinkat(link(entry)?.as_os_str(), &parent, name)?,
            EntryType::Link => {
                let source = inside(&link(entry)?).map_err(io::Error::other)?;
                let from = self.directory(source.parent().unwrap_or(Path::new("")))?;
                let source = source.file_name().ok_or(io::ErrorKind::InvalidData)?;
                return Ok(fs::linkat(&from, source, &parent, name, AtFlags::empty())?);
            }
            EntryType::Char | EntryType::Block | EntryType::Fifo => {
                make_node(entry, parent.as_fd(), name)?;
            }
            // Nothing that a file system could hold.
            _ => return Ok(()),
        }
        finish(entry, parent.as_fd(), name, mode)
    }

    /// Opens a folder of the layer; symbolic links lead where they would in a container.
    fn directory(&self, path: &Path) -> rustix::io::Result<OwnedFd> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        fs::openat2(&self.0, path, flags, Mode::empty(), resolve)
    }

    /// Opens a folder, making what is missing of it.
    fn make_directories(&self, path: &Path) -> rustix::io::Result<OwnedFd> {
        match self.directory(path) {
            Err(Errno::NOENT) => {}
            result => return result,
        }
        let parent = self.make_directories(path.parent().unwrap_or(Path::new("")))?;
        if let Some(name) = path.file_name() {
            match fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error),
            }
        }
        self.directory(path)
    }

    fn add_directory(
        &self,
        entry: &mut Entry<'_, impl Read>,
        parent: BorrowedFd<'_>,
        name: &OsStr,
    ) -> io::Result<()> {
        let is_directory = fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|it| FileType::from_raw_mode(it.st_mode) == FileType::Directory);
        if !is_directory {
            remove(parent, name)?;
            fs::mkdirat(parent, name, Mode::from_raw_mode(0o755))?;
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = fs::openat(parent, name, flags, Mode::empty())?;
        self.finish_directory(entry, directory.as_fd())
    }

    fn finish_directory(
        &self,
        entry: &mut Entry<'_, impl Read>,
        directory: BorrowedFd<'_>,
    ) -> io::Result<()> {
        let (uid, gid) = owner(entry)?;
        fs::fchown(directory, uid, gid)?;
        let mode = Mode::from_raw_mode(entry.header().mode()? & 0o7777);
        fs::fchmod(directory, mode)?;
        for (name, value) in extended_attributes(entry)? {
            fs::fsetxattr(directory, name.as_os_str(), &value, XattrFlags::empty())?;
        }
        Ok(())
    }
}

/// The path below the root; `..` is refused, a leading `/` dropped.
fn inside(path: &Path) -> Result<PathBuf, UnpackError> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(UnpackError::Leaves(path.to_owned()));
            }
        }
    }
    Ok(clean)
}

fn link(entry: &Entry<'_, impl Read>) -> io::Result<PathBuf> {
    Ok(entry.link_name()?.ok_or(io::ErrorKind::InvalidData)?.into_owned())
}

fn owner(entry: &Entry<'_, impl Read>) -> io::Result<(Option<Uid>, Option<Gid>)> {
    let id = |it: u64| u32::try_from(it).map_err(io::Error::other);
    let uid = Uid::from_raw(id(entry.header().uid()?)?);
    let gid = Gid::from_raw(id(entry.header().gid()?)?);
    Ok((Some(uid), Some(gid)))
}

fn make_node(entry: &Entry<'_, impl Read>, parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    let header = entry.header();
    let kind = match header.entry_type() {
        EntryType::Char => FileType::CharacterDevice,
        EntryType::Block => FileType::BlockDevice,
        _ => FileType::Fifo,
    };
    let major = header.device_major()?.unwrap_or(0);
    let minor = header.device_minor()?.unwrap_or(0);
    Ok(fs::mknodat(parent, name, kind, Mode::empty(), fs::makedev(major, minor))?)
}

/// Owner first: changing it takes set-user-id bits and capabilities away.
fn finish(
    entry: &mut Entry<'_, impl Read>,
    parent: BorrowedFd<'_>,
    name: &OsStr,
    mode: Mode,
) -> io::Result<()> {
    let (uid, gid) = owner(entry)?;
    fs::chownat(parent, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
    if entry.header().entry_type() != EntryType::Symlink {
        fs::chmodat(parent, name, mode, AtFlags::empty())?;
    }
    if entry.header().entry_type().is_file() {
        let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
        let file = fs::openat(parent, name, flags, Mode::empty())?;
        for (name, value) in extended_attributes(entry)? {
            fs::fsetxattr(&file, name.as_os_str(), &value, XattrFlags::empty())?;
        }
    }
    set_time(parent, name, entry.header().mtime().unwrap_or(0))?;
    Ok(())
}

fn set_time(parent: BorrowedFd<'_>, name: &OsStr, mtime: u64) -> rustix::io::Result<()> {
    let time = Timespec { tv_sec: i64::try_from(mtime).unwrap_or(0), tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    let flags = if name.is_empty() { AtFlags::EMPTY_PATH } else { AtFlags::SYMLINK_NOFOLLOW };
    fs::utimensat(parent, name, &times, flags)
}

/// File capabilities and the like, as tar keeps them in its extended headers.
fn extended_attributes(entry: &mut Entry<'_, impl Read>) -> io::Result<Vec<(OsString, Vec<u8>)>> {
    let mut attributes = Vec::new();
    let Some(extensions) = entry.pax_extensions()? else { return Ok(attributes) };
    for extension in extensions {
        let extension = extension?;
        let Some(name) = extension.key_bytes().strip_prefix(PAX_XATTR.as_bytes()) else { continue };
        // What overlayfs itself understands must not come from an image.
        if !name.starts_with(b"trusted.overlay.") {
            attributes.push((OsStr::from_bytes(name).to_owned(), extension.value_bytes().to_vec()));
        }
    }
    Ok(attributes)
}

/// Removes what an entry replaces, whatever it is.
fn remove(parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    match fs::unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(Errno::ISDIR) => remove_directory(parent, name),
        Err(error) => Err(error.into()),
    }
}

fn remove_directory(parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = fs::openat(parent, name, flags, Mode::empty())?;
    for child in fs::Dir::read_from(&directory)? {
        let child = child?;
        let child = child.file_name().to_bytes();
        if child != b"." && child != b".." {
            remove(directory.as_fd(), OsStr::from_bytes(child))?;
        }
    }
    Ok(fs::unlinkat(parent, name, AtFlags::REMOVEDIR)?)
}

#[cfg(test)]
#[path = "unpack/tests.rs"]
mod tests;
