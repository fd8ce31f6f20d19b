//! What the kubelet does on the disk: pod folders, volumes with their owners, last words.

#![expect(clippy::disallowed_methods, reason = "the disk adapter of this crate")]

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, ResolveFlags};

use crate::volume::Files;

/// Symbolic link to the present version of a volume's files; upstream's name.
const DATA: &str = "..data";
const DATA_NEXT: &str = "..data_tmp";
const TEXT_BYTES_MAX: u64 = 1 << 20;

/// What could not be done, and to which path.
#[derive(Debug, thiserror::Error)]
#[error("could not {doing} `{}`", path.display())]
pub struct DiskError {
    pub doing: &'static str,
    pub path: PathBuf,
    pub source: io::Error,
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
    let path = path.to_owned();
    move |source| DiskError { doing, path, source }
}

pub(crate) fn is_dir(path: &Path) -> bool {
    path.is_dir()
}

/// Makes a folder and those above it.
pub(crate) fn make_dir(path: &Path) -> Result<(), DiskError> {
    fs::create_dir_all(path).map_err(failed("make the folder", path))
}

/// Makes a folder that everyone may write to, or the group alone when there is one.
pub(crate) fn make_shared_dir(path: &Path, group: Option<u32>) -> Result<(), DiskError> {
    make_dir(path)?;
    set_mode(path, 0o777)?;
    match group {
        Some(group) => give_to_group(path, group, Access::Write),
        None => Ok(()),
    }
}

/// Writes a file as a whole; a container that has it mounted goes on seeing the same file.
pub(crate) fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), DiskError> {
    fs::write(path, content).map_err(failed("write", path))?;
    set_mode(path, mode)
}

/// Makes an empty file that everyone may write to: a container's last words go there.
pub(crate) fn make_writable_file(path: &Path) -> Result<(), DiskError> {
    write(path, b"", 0o666)
}

fn set_mode(path: &Path, mode: u32) -> Result<(), DiskError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed("open up", path))
}

/// Removes a tree; nothing happens when it is gone already.
pub(crate) fn remove_tree(path: &Path) -> Result<(), DiskError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

pub(crate) fn remove_file(path: &Path) {
    // A file that stays is no harm: its folder goes with the pod.
    drop(fs::remove_file(path));
}

/// Removes a log with what was rotated out of it.
pub(crate) fn remove_log(path: &Path) {
    for log in log_files(path) {
        remove_file(&log);
    }
}

/// The files of a log, oldest first, whether or not they are there.
pub(crate) fn log_files(path: &Path) -> Vec<PathBuf> {
    let rotated = (1..sandbox::LOG_FILES_MAX).rev().map(|it| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{it}"));
        PathBuf::from(name)
    });
    rotated.chain([path.to_owned()]).collect()
}

/// One file of a log, read from its start on.
pub(crate) struct LogFile(fs::File);

impl LogFile {
    /// `None` when there is no such file.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        match fs::File::open(path) {
            Ok(file) => Ok(Some(Self(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads on, at most so many bytes; empty at the present end.
    pub(crate) fn read(&mut self, bytes_max: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; bytes_max];
        let n_bytes = self.0.read(&mut bytes)?;
        bytes.truncate(n_bytes);
        Ok(bytes)
    }

    pub(crate) fn metadata(&self) -> io::Result<fs::Metadata> {
        self.0.metadata()
    }
}

/// Names the folders in a folder, sorted; none when it is missing.
pub(crate) fn folders(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let folders = entries.filter(|it| it.file_type().is_ok_and(|it| it.is_dir()));
    let mut names: Vec<String> =
        folders.map(|it| it.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Reads a small text; empty when it cannot be read.
pub(crate) fn text(path: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = fs::File::open(path) {
        // What was read before an error is as good as nothing more.
        drop(file.take(TEXT_BYTES_MAX).read_to_end(&mut bytes));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads at most the last `bytes_max` of a file that a container may have replaced by anything:
/// only a regular file counts.
pub(crate) fn last_bytes(path: &Path, bytes_max: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let flags = i32::from_ne_bytes(flags.to_ne_bytes());
    let Ok(mut file) = OpenOptions::new().read(true).custom_flags(flags).open(path) else {
        return bytes;
    };
    let Ok(metadata) = file.metadata() else { return bytes };
    if metadata.is_file() {
        let start = metadata.len().saturating_sub(bytes_max);
        if file.seek(SeekFrom::Start(start)).is_ok() {
            drop(file.take(bytes_max).read_to_end(&mut bytes));
        }
    }
    bytes
}

/// Reads a file of an image: the topmost layer that has it decides; empty when none has.
pub(crate) fn text_in_layers(layers: &[PathBuf], path: &Path) -> String {
    let read = |layer: &PathBuf| {
        let root = rustix::fs::openat(CWD, layer, OFlags::DIRECTORY, Mode::empty()).ok()?;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::openat2(&root, path, flags, Mode::empty(), resolve).ok()?;
        let file = fs::File::from(file);
        let mut bytes = Vec::new();
        file.metadata().ok().filter(fs::Metadata::is_file)?;
        file.take(TEXT_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    layers.iter().rev().find_map(read).unwrap_or_default()
}

/// Removes every folder in `dir` that is not in `wanted`, half unpacked ones too; returns how many.
pub(crate) async fn sweep(dir: PathBuf, wanted: BTreeSet<PathBuf>) -> usize {
    let work = move || {
        let unwanted = folders(&dir).into_iter().map(|it| dir.join(it));
        unwanted.filter(|it| !wanted.contains(it) && remove_tree(it).is_ok()).count()
    };
    tokio::task::spawn_blocking(work).await.unwrap_or(0)
}

/// Replaces the files of a volume at once, so that readers see all of the old or all of the new.
///
/// The files lie in a folder named by time; `..data` points to it, and each name of the volume points
/// through `..data`.
/// Source: Kubernetes 1.34, `pkg/volume/util/atomic_writer.go`.
pub(crate) fn write_volume(
    dir: &Path,
    files: &Files,
    group: Option<u32>,
    now: Timestamp,
) -> Result<(), DiskError> {
    make_dir(dir)?;
    set_mode(dir, 0o777)?;
    let version = format!("..{}", now.strftime("%Y_%m_%d_%H_%M_%S.%9f"));
    let old = fs::read_link(dir.join(DATA)).ok();
    let content = dir.join(&version);
    make_dir(&content)?;
    for (path, file) in files {
        let path = content.join(path);
        make_dir(path.parent().unwrap_or(&content))?;
        write(&path, &file.content, file.mode)?;
    }
    if let Some(group) = group {
        give_to_group(&content, group, Access::Read)?;
    }
    let next = dir.join(DATA_NEXT);
    remove_file(&next);
    symlink(&version, &next).map_err(failed("link", &next))?;
    let data = dir.join(DATA);
    fs::rename(&next, &data).map_err(failed("link", &data))?;
    show_names(dir, files)?;
    match old.filter(|it| *it != Path::new(&version)) {
        Some(old) => remove_tree(&dir.join(old)),
        None => Ok(()),
    }
}

/// Links the first component of each path, and unlinks names that are gone.
fn show_names(dir: &Path, files: &Files) -> Result<(), DiskError> {
    let first = |path: &String| path.split('/').find(|it| !it.is_empty()).map(str::to_owned);
    let names: BTreeSet<String> = files.keys().filter_map(first).collect();
    for name in &names {
        let link = dir.join(name);
        if fs::symlink_metadata(&link).is_err() {
            symlink(Path::new(DATA).join(name), &link).map_err(failed("link", &link))?;
        }
    }
    for entry in fs::read_dir(dir).map_err(failed("list", dir))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with("..") && !names.contains(&name) {
            remove_file(&entry.path());
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Gives a tree to a group, as `fsGroup` asks.
///
/// Source: Kubernetes 1.34, `pkg/volume/volume_linux.go`.
pub(crate) fn give_to_group(path: &Path, group: u32, access: Access) -> Result<(), DiskError> {
    let metadata = fs::symlink_metadata(path).map_err(failed("look at", path))?;
    let group_id = Some(Gid::from_raw(group));
    rustix::fs::chownat(CWD, path, None, group_id, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|it| failed("change the group of", path)(it.into()))?;
    if metadata.is_symlink() {
        return Ok(());
    }
    let bits = match (access, metadata.is_dir()) {
        (Access::Read, false) => 0o440,
        (Access::Write, false) => 0o660,
        (Access::Read, true) => 0o2550,
        (Access::Write, true) => 0o2770,
    };
    set_mode(path, (metadata.permissions().mode() | bits) & 0o7777)?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path).map_err(failed("list", path))?.flatten() {
            give_to_group(&entry.path(), group, access)?;
        }
    }
    Ok(())
}

/// Whether a tree's root belongs to the group already (`fsGroupChangePolicy: OnRootMismatch`).
pub(crate) fn belongs_to_group(path: &Path, group: u32) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).is_ok_and(|it| it.gid() == group && it.mode() & 0o2770 == 0o2770)
}

/// Checks or makes a path of the machine as `hostPath.type` asks.
pub(crate) fn check_host_path(path: &Path, kind: &str) -> Result<(), DiskError> {
    use std::os::unix::fs::FileTypeExt as _;
    let is = |wanted: fn(&fs::FileType) -> bool| {
        let metadata = fs::metadata(path).map_err(failed("find", path))?;
        if wanted(&metadata.file_type()) {
            Ok(())
        } else {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "it is of another type");
            Err(failed("use as hostPath", path)(error))
        }
    };
    match kind {
        "DirectoryOrCreate" => make_dir(path),
        "FileOrCreate" if fs::metadata(path).is_err() => write(path, b"", 0o644),
        "Directory" => is(fs::FileType::is_dir),
        "File" | "FileOrCreate" => is(fs::FileType::is_file),
        "Socket" => is(fs::FileType::is_socket),
        "CharDevice" => is(fs::FileType::is_char_device),
        "BlockDevice" => is(fs::FileType::is_block_device),
        _ if fs::metadata(path).is_err() => make_dir(path),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::File;

    fn files(names: &[(&str, &str)]) -> Files {
        let file = |text: &str| File { content: text.as_bytes().to_vec(), mode: 0o640 };
        names.iter().map(|(path, text)| ((*path).to_owned(), file(text))).collect()
    }

    fn write_at(dir: &Path, names: &[(&str, &str)], second: i64) {
        let now = Timestamp::from_second(second).unwrap();
        write_volume(dir, &files(names), None, now).unwrap();
    }

    #[test]
    fn a_volume_is_replaced_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        write_at(dir.path(), &[("a", "1"), ("sub/b", "2")], 1);
        assert_eq!(text(&dir.path().join("sub/b")), "2");
        assert_eq!(fs::read_link(dir.path().join("a")).unwrap(), Path::new("..data/a"));
        write_at(dir.path(), &[("a", "3"), ("c", "4")], 2);
        assert_eq!(text(&dir.path().join("a")), "3");
        assert_eq!(text(&dir.path().join("c")), "4");
        assert!(!dir.path().join("sub").exists());
        assert_eq!(folders(dir.path()), ["..1970_01_01_00_00_02.000000000"]);
        let mode = fs::metadata(dir.path().join("a")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }

    #[test]
    fn last_words_are_short_and_come_from_plain_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::write(&path, "0123456789").unwrap();
        assert_eq!(last_bytes(&path, 4), b"6789");
        let link = dir.path().join("link");
        symlink(&path, &link).unwrap();
        assert_eq!(last_bytes(&link, 4), b"");
        assert_eq!(last_bytes(dir.path(), 4), b"");
    }

    #[test]
    fn the_topmost_layer_decides() {
        let dir = tempfile::tempdir().unwrap();
        let layers: Vec<PathBuf> = ["low", "high"].map(|it| dir.path().join(it)).into();
        for layer in &layers {
            fs::create_dir_all(layer.join("etc")).unwrap();
        }
        fs::write(layers[0].join("etc/passwd"), "low").unwrap();
        fs::write(layers[0].join("etc/group"), "low").unwrap();
        fs::write(layers[1].join("etc/passwd"), "high").unwrap();
        symlink("/etc/hostname", layers[1].join("etc/shadow")).unwrap();
        assert_eq!(text_in_layers(&layers, Path::new("etc/passwd")), "high");
        assert_eq!(text_in_layers(&layers, Path::new("etc/group")), "low");
        assert_eq!(text_in_layers(&layers, Path::new("etc/shadow")), "");
    }

    #[test]
    fn host_paths_are_checked_by_type() {
        let dir = tempfile::tempdir().unwrap();
        let new = dir.path().join("new");
        assert!(check_host_path(&new, "Directory").is_err());
        check_host_path(&new, "DirectoryOrCreate").unwrap();
        check_host_path(&new, "Directory").unwrap();
        assert!(check_host_path(&new, "File").is_err());
        check_host_path(&dir.path().join("file"), "FileOrCreate").unwrap();
    }
}
