//! Charts in folders.

use std::path::{Path, PathBuf};

use chart::{Chart, ChartFile, LoadError};
use host::files::{self, FileError};

#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    #[error("could not read a chart")]
    Read(#[source] FileError),
    #[error("could not load the chart `{}`", path.display())]
    Load { path: PathBuf, source: LoadError },
}

/// Reads the chart of a folder.
pub fn load_folder(path: &Path) -> Result<Chart, LocalError> {
    let tree = files::read_tree(path, &|it| it == ".git").map_err(LocalError::Read)?;
    let files = tree.into_iter().map(|it| ChartFile { path: it.path, data: it.content.into() });
    Chart::load(files.collect())
        .map_err(|source| LocalError::Load { path: path.to_owned(), source })
}
