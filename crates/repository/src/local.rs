//! Charts in folders.

use std::path::{Path, PathBuf};

use chart::{Chart, ChartFile, LoadError};
use host::{files::FileError, tree};

#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    #[error("could not read a chart")]
    Read(#[source] FileError),
    #[error("could not load the chart `{}`", path.display())]
    Load { path: PathBuf, source: LoadError },
}

/// The files of a chart's folder, `.helmignore` not yet applied.
pub fn read_folder(path: &Path) -> Result<Vec<ChartFile>, FileError> {
    let tree = tree::read(path, &|it| it == ".git")?;
    Ok(tree.into_iter().map(|it| ChartFile { path: it.path, data: it.content.into() }).collect())
}

/// Reads the chart of a folder.
pub fn load_folder(path: &Path) -> Result<Chart, LocalError> {
    let files = read_folder(path).map_err(LocalError::Read)?;
    Chart::load(files).map_err(|source| LocalError::Load { path: path.to_owned(), source })
}
