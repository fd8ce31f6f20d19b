//! Golden folders, for crates that may not touch the disk themselves.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folders in a folder, sorted by name.
///
/// # Panics
/// When the folder cannot be read.
pub fn folders(dir: &Path) -> Vec<PathBuf> {
    entries(dir).into_iter().filter(|path| path.is_dir()).collect()
}

/// The files in a folder and all below it, sorted: paths from there, with `/`, and contents.
///
/// # Panics
/// When a file cannot be read.
pub fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for path in entries(dir) {
        let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            let below = self::files(&path).into_iter();
            files.extend(below.map(|(inner, data)| (format!("{name}/{inner}"), data)));
        } else {
            files.push((name, read(&path)));
        }
    }
    files
}

/// A file, or nothing when there is none.
pub fn text(path: &Path) -> Option<String> {
    path.is_file().then(|| String::from_utf8_lossy(&read(path)).into_owned())
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
