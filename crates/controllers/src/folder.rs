//! The folders of local volumes: the only thing that controllers do on the disk.

use std::{io, os::unix::fs::DirBuilderExt as _, os::unix::fs::PermissionsExt as _, path::PathBuf};

/// Makes a folder that every user may write to, as a volume's pods run as any.
#[expect(clippy::disallowed_methods, reason = "local volumes are folders of this machine")]
pub(crate) async fn make(path: PathBuf) -> io::Result<()> {
    blocking(move || {
        std::fs::DirBuilder::new().recursive(true).mode(0o777).create(&path)?;
        // The mode that was asked for is cut by the umask.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777))
    })
    .await
}

/// Removes a folder with all that is in it; one that is not there is removed already.
#[expect(clippy::disallowed_methods, reason = "local volumes are folders of this machine")]
pub(crate) async fn remove(path: PathBuf) -> io::Result<()> {
    blocking(move || match std::fs::remove_dir_all(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    })
    .await
}

async fn blocking(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
