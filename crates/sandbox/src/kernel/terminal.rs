//! Pseudo-terminals of a container's own `devpts`.

use std::{
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

use rustix::fs::{Mode, OFlags, open};

/// Opens a new terminal of the `/dev/ptmx` that the caller sees: its controlling and its user end.
pub(crate) fn open_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let master = open("/dev/ptmx", flags, Mode::empty())?;
    let unlock: libc::c_int = 0;
    // SAFETY: `TIOCSPTLCK` reads one int, which lives until the call returns.
    let result = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlock) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    let mode = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: `TIOCGPTPEER` takes open flags by value and touches no memory of ours.
    let peer = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, mode) };
    if peer < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call made this descriptor, and nobody else knows it.
    let user = unsafe { OwnedFd::from_raw_fd(peer) };
    Ok((master, user))
}
