//! Packaged charts: `.tgz` files.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;

use crate::{chart::ChartFile, pathname};

/// The bytes that a packaged chart may have, unpacked.
const ARCHIVE_BYTES_MAX: u64 = 100 << 20;
/// The bytes that a file of a chart may have.
pub(crate) const FILE_BYTES_MAX: u64 = 5 << 20;

/// Why an archive is not unpacked. `Display` is Helm's text.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("not a gzipped archive")]
    NotGzip,
    #[error("cannot be read: {0}")]
    Read(#[source] std::io::Error),
    #[error("chart illegally contains absolute paths")]
    AbsolutePath,
    #[error("chart illegally contains content outside the base directory: {0:?}")]
    OutsideBase(String),
    #[error("chart illegally references parent directory")]
    ParentPath,
    #[error("chart contains illegally named files")]
    IllegalName,
    #[error("chart illegally contains a link: {0:?}")]
    Link(String),
    #[error("chart yaml not in base directory")]
    NoBase,
    #[error("decompressed chart is larger than the maximum size {ARCHIVE_BYTES_MAX}")]
    ArchiveTooLarge,
    #[error("decompressed chart file {0:?} is larger than the maximum file size {FILE_BYTES_MAX}")]
    FileTooLarge(String),
    #[error("no files in chart archive")]
    Empty,
}

/// Unpacks an archive in memory: its files by their paths below the chart's folder, in the archive's order.
///
/// Paths lead nowhere else. Links are refused, where Helm takes them for empty files.
pub fn unpack(archive: &[u8]) -> Result<Vec<ChartFile>, ArchiveError> {
    if !archive.starts_with(&[0x1f, 0x8b]) {
        return Err(ArchiveError::NotGzip);
    }
    // A header for each file and what fills its last block: more than enough for a chart.
    let bytes_max = 2 * ARCHIVE_BYTES_MAX;
    let mut tar = tar::Archive::new(MultiGzDecoder::new(archive).take(bytes_max));
    let mut files = Vec::new();
    let mut bytes_left = ARCHIVE_BYTES_MAX;
    for entry in tar.entries().map_err(ArchiveError::Read)? {
        let mut entry = entry.map_err(ArchiveError::Read)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        if kind.is_dir() || name.ends_with('/') || is_extension(kind) {
            continue;
        }
        if kind.is_symlink() || kind.is_hard_link() {
            return Err(ArchiveError::Link(name));
        }
        let path = inner_path(&name)?;
        if bytes_left < entry.size() {
            return Err(ArchiveError::ArchiveTooLarge);
        }
        if FILE_BYTES_MAX < entry.size() {
            return Err(ArchiveError::FileTooLarge(name));
        }
        let mut data = Vec::new();
        entry.read_to_end(&mut data).map_err(ArchiveError::Read)?;
        bytes_left -= entry.size();
        files.push(ChartFile { path, data: data.into() });
    }
    if files.is_empty() {
        return Err(ArchiveError::Empty);
    }
    Ok(files)
}

fn is_extension(kind: tar::EntryType) -> bool {
    kind.is_pax_global_extensions() || kind.is_pax_local_extensions()
}

/// The path below the chart's folder.
fn inner_path(name: &str) -> Result<String, ArchiveError> {
    let delimiter = if name.contains('\\') { '\\' } else { '/' };
    let (folder, inner) = name.split_once(delimiter).unwrap_or((name, ""));
    let inner = inner.replace(delimiter, "/");
    if inner.starts_with('/') {
        return Err(ArchiveError::AbsolutePath);
    }
    let path = pathname::clean(&inner);
    if path == "." {
        return Err(ArchiveError::OutsideBase(name.to_owned()));
    }
    if path.starts_with("..") {
        return Err(ArchiveError::ParentPath);
    }
    if matches!(path.as_bytes(), [drive, b':', b'/', ..] if drive.is_ascii_alphabetic()) {
        return Err(ArchiveError::IllegalName);
    }
    if folder == "Chart.yaml" {
        return Err(ArchiveError::NoBase);
    }
    Ok(path)
}

#[cfg(test)]
mod tests;
