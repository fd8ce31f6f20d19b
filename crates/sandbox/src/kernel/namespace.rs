//! Network namespaces: entering one for a moment, and pinning one to a file.

use std::{
    fs::{self, File},
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::statfs,
    io::Errno,
    mount::{UnmountFlags, mount_bind, unmount},
    thread::{
        LinkNameSpaceType, ThreadNameSpaceType, UnshareFlags, move_into_link_name_space,
        move_into_thread_name_spaces, unshare_unsafe,
    },
};

/// The calling thread's own namespace, whatever process it belongs to.
const OWN: &str = "/proc/thread-self/ns/net";
/// `NSFS_MAGIC` of `linux/magic.h`.
const NSFS_MAGIC: u64 = 0x6e73_6673;

/// Does `work` on this thread inside `namespace`; sockets made there stay there.
pub(crate) fn within<T>(namespace: BorrowedFd<'_>, work: impl FnOnce() -> T) -> io::Result<T> {
    let enter = || move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network));
    visit(enter, work)
}

/// As [`within`], for the network namespace of a process.
pub(crate) fn within_process<T>(
    process: BorrowedFd<'_>,
    work: impl FnOnce() -> T,
) -> io::Result<T> {
    visit(|| move_into_thread_name_spaces(process, ThreadNameSpaceType::NETWORK), work)
}

fn visit<T>(enter: impl FnOnce() -> Result<(), Errno>, work: impl FnOnce() -> T) -> io::Result<T> {
    let home = File::open(OWN)?;
    enter()?;
    let result = work();
    if move_into_link_name_space(home.as_fd(), Some(LinkNameSpaceType::Network)).is_err() {
        // A thread that cannot go home must not go on with other work in the wrong network.
        std::process::abort();
    }
    Ok(result)
}

/// Makes a new network namespace that lives as long as the mount on the file `path`.
pub(crate) fn pin_new(path: &Path) -> io::Result<OwnedFd> {
    File::create(path)?;
    let work = || -> io::Result<OwnedFd> {
        mount_bind(OWN, path)?;
        Ok(File::open(OWN)?.into())
    };
    visit(
        || {
            // SAFETY: a network namespace of its own breaks no assumption about shared file
            // descriptors or memory; this thread goes home before anything else uses it.
            unsafe { unshare_unsafe(UnshareFlags::NEWNET) }
        },
        work,
    )?
}

/// Opens the namespace pinned to `path`; `None` when there is none.
pub(crate) fn pinned(path: &Path) -> io::Result<Option<OwnedFd>> {
    match statfs(path) {
        Ok(stat) if u64::try_from(stat.f_type).ok() == Some(NSFS_MAGIC) => {
            Ok(Some(File::open(path)?.into()))
        }
        Ok(_) | Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Takes the mount and the file away; nothing happens when there are none.
pub(crate) fn unpin(path: &Path) -> io::Result<()> {
    while pinned(path)?.is_some() {
        unmount(path, UnmountFlags::DETACH)?;
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Enters `namespace` for good.
pub(crate) fn enter(namespace: BorrowedFd<'_>) -> io::Result<()> {
    Ok(move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network))?)
}

/// Makes the children of this process, of one thread, start in the PID namespace of `process`.
pub(crate) fn enter_pids_of(process: BorrowedFd<'_>) -> io::Result<()> {
    Ok(move_into_thread_name_spaces(process, ThreadNameSpaceType::PROCESS_ID)?)
}

/// As [`enter_pids_of`], for an open namespace.
pub(crate) fn enter_pids(namespace: BorrowedFd<'_>) -> io::Result<()> {
    Ok(move_into_link_name_space(namespace, Some(LinkNameSpaceType::ProcessID))?)
}

/// Enters the mount namespace of `process`, with its root and current folder.
pub(crate) fn enter_mounts_of(process: BorrowedFd<'_>) -> io::Result<()> {
    Ok(move_into_thread_name_spaces(process, ThreadNameSpaceType::MOUNT)?)
}
