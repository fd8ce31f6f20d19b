//! Mounts as descriptors: made, cloned, changed while nobody sees them, and only then attached.

use std::{
    ffi::{CStr, CString},
    io,
    os::fd::{AsFd, AsRawFd as _, OwnedFd},
    path::Path,
};

use rustix::{
    fs::CWD,
    io::Errno,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, OpenTreeFlags,
        fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount,
        move_mount, open_tree,
    },
};

pub(crate) const NO_DEVICES: u32 = 0x4;
pub(crate) const READ_ONLY: u32 = 0x1;
pub(crate) const NO_SETUID: u32 = 0x2;
pub(crate) const NO_PROGRAMS: u32 = 0x8;

/// Mounts a new file system of a kind, seen by nobody yet; an option without a value is a flag.
pub(crate) fn new(kind: &str, options: &[(&str, &str)], attributes: u32) -> io::Result<OwnedFd> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in options {
        if value.is_empty() {
            fsconfig_set_flag(context.as_fd(), *key)?;
        } else {
            fsconfig_set_string(context.as_fd(), *key, *value)?;
        }
    }
    fsconfig_create(context.as_fd())?;
    let attributes = MountAttrFlags::from_bits_retain(attributes);
    Ok(fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

/// Clones what is mounted at a path, with the mounts below it.
pub(crate) fn clone(path: &Path) -> io::Result<OwnedFd> {
    Ok(open_tree(CWD, path, clone_flags())?)
}

/// Clones what is mounted at an open file or folder, with the mounts below it.
pub(crate) fn clone_of(place: impl AsFd) -> io::Result<OwnedFd> {
    Ok(open_tree(place, "", clone_flags() | OpenTreeFlags::AT_EMPTY_PATH)?)
}

fn clone_flags() -> OpenTreeFlags {
    OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE
}

/// Attaches a mount; symbolic links in `target` are followed.
pub(crate) fn attach(mount: impl AsFd, target: &Path) -> io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_SYMLINKS;
    Ok(move_mount(mount, "", CWD, target, flags)?)
}

/// Sets attributes of a mount, and takes it out of its peer group, so that nothing that is mounted
/// later, here or there, shows on the other side.
pub(crate) fn change(mount: impl AsFd, attributes: u32, is_recursive: bool) -> io::Result<()> {
    set_attributes(mount.as_fd().as_raw_fd(), c"", attributes, is_recursive)
}

/// Makes the mount of the caller's root folder read-only; the mounts below stay as they are.
pub(crate) fn make_root_read_only() -> io::Result<()> {
    set_attributes(libc::AT_FDCWD, c"/", READ_ONLY, false)
}

/// Lays a read-only clone of a folder over itself; nothing happens when there is none.
pub(crate) fn cover_read_only(path: &Path) -> io::Result<()> {
    let tree = match clone(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    change(&tree, READ_ONLY, true)?;
    attach(&tree, path)
}

fn set_attributes(
    place: libc::c_int,
    path: &CStr,
    attributes: u32,
    is_recursive: bool,
) -> io::Result<()> {
    // `struct mount_attr`: set, clear, propagation, user namespace.
    let request: [u64; 4] = [attributes.into(), 0, libc::MS_PRIVATE, 0];
    let recursive = if is_recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path ends with a zero, and the kernel reads as many bytes of `request` as the
    // last argument says; both live until the call returns.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            place,
            path.as_ptr(),
            libc::AT_EMPTY_PATH | recursive,
            request.as_ptr(),
            size_of_val(&request),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Mounts an overlay of `layers`, the bottom first, under a writable folder, at `target`.
pub(crate) fn overlay(layers: &[&Path], own: &Overlay<'_>, attributes: u32) -> io::Result<()> {
    match overlay_by_layer(layers, own, attributes) {
        // Before Linux 6.7 there is only the list in one string, of a page in all.
        Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {
            overlay_by_list(layers, own, attributes)
        }
        other => attach(other?, own.target),
    }
}

/// The folders of one overlay that are its own.
pub(crate) struct Overlay<'a> {
    pub(crate) upper: &'a Path,
    pub(crate) work: &'a Path,
    pub(crate) target: &'a Path,
}

fn overlay_by_layer(layers: &[&Path], own: &Overlay<'_>, attributes: u32) -> io::Result<OwnedFd> {
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for layer in layers.iter().rev() {
        fsconfig_set_string(context.as_fd(), "lowerdir+", *layer)?;
    }
    fsconfig_set_string(context.as_fd(), "upperdir", own.upper)?;
    fsconfig_set_string(context.as_fd(), "workdir", own.work)?;
    // What a container writes is gone with it: nothing has to reach the disk.
    fsconfig_set_flag(context.as_fd(), "volatile")?;
    fsconfig_create(context.as_fd())?;
    let attributes = MountAttrFlags::from_bits_retain(attributes);
    Ok(fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

fn overlay_by_list(layers: &[&Path], own: &Overlay<'_>, attributes: u32) -> io::Result<()> {
    let layers: Vec<_> = layers.iter().rev().map(|it| it.to_string_lossy()).collect();
    let (upper, work) = (own.upper.display(), own.work.display());
    let options = format!("lowerdir={},upperdir={upper},workdir={work}", layers.join(":"));
    let options = CString::new(options).map_err(io::Error::other)?;
    let mut flags = MountFlags::empty();
    flags.set(MountFlags::NODEV, attributes & NO_DEVICES != 0);
    Ok(mount("overlay", own.target, "overlay", flags, options.as_c_str())?)
}
