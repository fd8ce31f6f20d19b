//! A project on disk: its file, its folder, where its records lie.

use std::path::{Path, PathBuf};

use host::files::{self, FileError};
use pipeline::{FILE_NAME, Problems, Project};

/// Folder of caches, beside the records' default one; git should ignore it.
const CACHE_DIR: &str = ".zarpa/cache";

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("there is no `{FILE_NAME}` in `{}` or above it", dir.display())]
    Missing { dir: PathBuf },
    #[error("could not read the project's file")]
    Read(#[source] FileError),
    #[error("the project's file is not right:\n{0}")]
    Parse(Problems),
}

/// A project and where it stands.
#[derive(Debug, Clone)]
pub struct Workspace {
    pub root: PathBuf,
    pub project: Project,
}

impl Workspace {
    /// Finds the project's file in `dir` or in the nearest folder above it, and reads it.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let root = dir.ancestors().find(|it| it.join(FILE_NAME).is_file());
        let root = root.ok_or_else(|| OpenError::Missing { dir: dir.to_owned() })?;
        Self::open_file(&root.join(FILE_NAME))
    }

    /// Reads the project whose file is `path`.
    pub fn open_file(path: &Path) -> Result<Self, OpenError> {
        let text = files::read_text(path).map_err(OpenError::Read)?;
        let project = pipeline::parse(FILE_NAME, &text).map_err(OpenError::Parse)?;
        Ok(Self { root: path.parent().unwrap_or(Path::new("/")).to_owned(), project })
    }

    pub fn runs(&self) -> PathBuf {
        self.root.join(&self.project.runs)
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.root.join(CACHE_DIR)
    }
}
