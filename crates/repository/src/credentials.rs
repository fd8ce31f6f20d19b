//! Whose logins count for charts: docker's, then helm's own.

use std::path::{Path, PathBuf};

use host::files::{self, FileError};
use registry::{Credentials, CredentialsError};

#[derive(Debug, thiserror::Error)]
pub enum CredentialsFileError {
    #[error("could not read credentials")]
    Read(#[source] FileError),
    #[error("could not use the credentials in `{}`", path.display())]
    Parse { path: PathBuf, source: CredentialsError },
}

/// Reads configurations of docker's form; an earlier one is asked first, a missing one says nothing.
pub fn credentials<'p>(
    paths: impl IntoIterator<Item = &'p Path>,
) -> Result<Credentials, CredentialsFileError> {
    let mut credentials = Credentials::default();
    for path in paths {
        let text = match files::read(path) {
            Err(error) if error.is_not_found() => continue,
            read => read.map_err(CredentialsFileError::Read)?,
        };
        let parsed = Credentials::parse(&text);
        credentials.extend(
            parsed
                .map_err(|source| CredentialsFileError::Parse { path: path.to_owned(), source })?,
        );
    }
    Ok(credentials)
}
