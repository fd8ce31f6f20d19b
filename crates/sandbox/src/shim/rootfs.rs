//! A container's file system, made by its first process in its own mount namespace.
//!
//! Everything of the host is opened first; then the container's root becomes the root, and only
//! after that are targets looked up, so that no link in an image can lead outside.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    },
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, mknodat, open, openat2},
    io::Errno,
    mount::{UnmountFlags, unmount},
    process::{chdir, pivot_root},
};

use crate::{
    error::{During as _, Failure},
    kernel::mount::{self, NO_DEVICES, NO_PROGRAMS, NO_SETUID, Overlay, READ_ONLY},
    spec::{ContainerSpec, MEMORY, Mount, MountSource, container_dir},
};

/// The memory volume that is `/dev/shm` of all containers; no other has this name.
pub(crate) const SHARED_MEMORY: &str = "@shm";

const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
const LINKS: [(&str, &str); 5] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/dev/ptmx", "pts/ptmx"),
];
/// What containerd hides by default.
const MASKED: [&str; 11] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];
const UNWRITABLE: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// A mount that is opened but not yet attached.
struct Source<'a> {
    tree: OwnedFd,
    target: &'a Path,
}

/// Makes the file system of `spec` the root of the calling process, which is alone in its mount
/// namespace and already in the namespaces that `/proc`, `/sys` and `/dev/mqueue` shall show.
pub(crate) fn enter(pod_dir: &Path, spec: &ContainerSpec) -> Result<(), Failure> {
    let sources = open_sources(pod_dir, spec)?;
    let devices = open_devices(spec)?;
    let shared = pod_dir.join(MEMORY).join(SHARED_MEMORY);
    let shared = mount::clone(&shared).during(|| "open the pod's shared memory".to_owned())?;
    change_root(&container_dir(pod_dir, &spec.id), spec)?;
    mount_kernel_files(spec)?;
    make_devices(&devices, &shared, spec)?;
    for source in &sources {
        attach(source)?;
    }
    if !spec.privileged {
        hide()?;
    }
    if spec.read_only_root {
        mount::make_root_read_only().during(|| "make the root read-only".to_owned())?;
    }
    Ok(())
}

fn open_sources<'a>(pod_dir: &Path, spec: &'a ContainerSpec) -> Result<Vec<Source<'a>>, Failure> {
    let open = |it: &'a Mount| {
        let tree = open_source(pod_dir, it)
            .during(|| format!("open {} for `{}`", describe(&it.source), it.target.display()))?;
        let devices = if spec.privileged { 0 } else { NO_DEVICES };
        let attributes = devices | if it.read_only { READ_ONLY } else { 0 };
        mount::change(&tree, attributes, true)
            .during(|| format!("set the attributes of the mount `{}`", it.target.display()))?;
        Ok(Source { tree, target: &it.target })
    };
    spec.mounts.iter().map(open).collect()
}

fn describe(source: &MountSource) -> String {
    match source {
        MountSource::HostPath(path) => format!("`{}`", path.display()),
        MountSource::Memory(name) => format!("the memory volume `{name}`"),
        MountSource::Tmpfs => "a tmpfs".to_owned(),
    }
}

fn open_source(pod_dir: &Path, mount: &Mount) -> io::Result<OwnedFd> {
    let path = match &mount.source {
        MountSource::HostPath(path) => path.clone(),
        MountSource::Memory(name) => pod_dir.join(MEMORY).join(name),
        MountSource::Tmpfs => return mount::new("tmpfs", &[("mode", "1777")], NO_SETUID),
    };
    match &mount.sub_path {
        None => mount::clone(&path),
        Some(below) => mount::clone_of(open_below(&path, below)?),
    }
}

/// Opens `below` inside `root`, wherever its links point, and makes the folders that are missing.
fn open_below(root: &Path, below: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let root = open(root, flags, Mode::empty())?;
    let open_at = |path: &Path| {
        openat2(
            &root,
            path,
            flags,
            Mode::empty(),
            ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
        )
    };
    let mut path = PathBuf::from(".");
    let mut place = open_at(&path)?;
    for component in below.components() {
        let Component::Normal(name) = component else { continue };
        path.push(name);
        place = match open_at(&path) {
            Err(Errno::NOENT) => {
                mkdirat(&place, name, Mode::from_raw_mode(0o755))?;
                open_at(&path)?
            }
            other => other?,
        };
    }
    Ok(place)
}

/// Opens the few devices that every container has. Binding the host's nodes on a tmpfs that allows
/// no devices means that a node which a container makes by itself leads nowhere.
fn open_devices(spec: &ContainerSpec) -> Result<Vec<(PathBuf, Device)>, Failure> {
    if spec.privileged {
        return list_devices().during(|| "list the devices in `/dev`".to_owned());
    }
    let open = |name: &&str| {
        let path = Path::new("/dev").join(name);
        let tree = mount::clone(&path).during(|| format!("open `{}`", path.display()))?;
        Ok((path, Device::Bound(tree)))
    };
    DEVICES.iter().map(open).collect()
}

enum Device {
    Bound(OwnedFd),
    Node { kind: FileType, number: u64, mode: u32, uid: u32, gid: u32 },
}

fn list_devices() -> io::Result<Vec<(PathBuf, Device)>> {
    let mut devices = Vec::new();
    for entry in fs::read_dir("/dev")? {
        let entry = entry?;
        let found = entry.metadata()?;
        let kind = match found.file_type() {
            it if it.is_char_device() => FileType::CharacterDevice,
            it if it.is_block_device() => FileType::BlockDevice,
            _ => continue,
        };
        let (number, mode) = (found.rdev(), found.mode() & 0o777);
        let node = Device::Node { kind, number, mode, uid: found.uid(), gid: found.gid() };
        if entry.file_name() != "ptmx" && entry.file_name() != "console" {
            devices.push((entry.path(), node));
        }
    }
    Ok(devices)
}

fn change_root(dir: &Path, spec: &ContainerSpec) -> Result<(), Failure> {
    let [upper, work, root, empty] = ["upper", "work", "root", "empty"].map(|it| dir.join(it));
    for folder in [&upper, &work, &root] {
        fs::create_dir_all(folder).during(|| format!("make `{}`", folder.display()))?;
    }
    let mut layers: Vec<&Path> = spec.layers.iter().map(PathBuf::as_path).collect();
    if layers.is_empty() {
        fs::create_dir_all(&empty).during(|| format!("make `{}`", empty.display()))?;
        layers.push(&empty);
    }
    if let Some(top) = layers.last() {
        // The root folder itself is the upper one: it gets the rights that the image gives it.
        let rights = fs::metadata(top).during(|| format!("read the layer `{}`", top.display()))?;
        let mode = fs::Permissions::from_mode(rights.mode() & 0o7777);
        fs::set_permissions(&upper, mode)
            .during(|| format!("set the rights of `{}`", upper.display()))?;
    }
    let attributes = if spec.privileged { 0 } else { NO_DEVICES };
    let own = Overlay { upper: &upper, work: &work, target: &root };
    mount::overlay(&layers, &own, attributes).during(|| "mount the image's layers".to_owned())?;
    chdir(&root).during(|| format!("enter `{}`", root.display()))?;
    pivot_root(".", ".").during(|| "change the root (pivot_root)".to_owned())?;
    unmount(".", UnmountFlags::DETACH).during(|| "leave the host's root".to_owned())?;
    chdir("/").during(|| "enter `/`".to_owned())
}

fn mount_kernel_files(spec: &ContainerSpec) -> Result<(), Failure> {
    let guarded = NO_SETUID | NO_DEVICES | NO_PROGRAMS;
    let sys = if spec.privileged { guarded } else { guarded | READ_ONLY };
    put("proc", &[], guarded, "/proc")?;
    put("sysfs", &[], sys, "/sys")
}

/// Mounts a new file system at a folder, which is made when missing.
fn put(kind: &str, options: &[(&str, &str)], attributes: u32, target: &str) -> Result<(), Failure> {
    let step = || format!("mount `{target}`");
    fs::create_dir_all(target).during(step)?;
    let tree = mount::new(kind, options, attributes).during(step)?;
    mount::attach(&tree, Path::new(target)).during(step)
}

fn make_devices(
    devices: &[(PathBuf, Device)],
    shared: &OwnedFd,
    spec: &ContainerSpec,
) -> Result<(), Failure> {
    let no_devices = if spec.privileged { 0 } else { NO_DEVICES };
    put("tmpfs", &[("mode", "755"), ("size", "65536k")], NO_SETUID | no_devices, "/dev")?;
    for (path, device) in devices {
        make_device(path, device).during(|| format!("make the device `{}`", path.display()))?;
    }
    for (link, target) in LINKS {
        std::os::unix::fs::symlink(target, link).during(|| format!("make the link `{link}`"))?;
    }
    let terminals = [("ptmxmode", "0666"), ("mode", "0620"), ("gid", "5"), ("newinstance", "")];
    put("devpts", &terminals, NO_SETUID | NO_PROGRAMS, "/dev/pts")?;
    put("mqueue", &[], NO_SETUID | NO_DEVICES | NO_PROGRAMS, "/dev/mqueue")?;
    let step = || "mount `/dev/shm`".to_owned();
    fs::create_dir("/dev/shm").during(step)?;
    mount::attach(shared, Path::new("/dev/shm")).during(step)
}

fn make_device(path: &Path, device: &Device) -> io::Result<()> {
    match device {
        Device::Bound(tree) => {
            File::create(path)?;
            mount::attach(tree, path)
        }
        Device::Node { kind, number, mode, uid, gid } => {
            mknodat(CWD, path, *kind, Mode::empty(), *number)?;
            std::os::unix::fs::chown(path, Some(*uid), Some(*gid))?;
            fs::set_permissions(path, fs::Permissions::from_mode(*mode))
        }
    }
}

fn attach(source: &Source<'_>) -> Result<(), Failure> {
    let target = source.target;
    let step = || format!("mount `{}`", target.display());
    if target.starts_with("/proc") {
        return Err(Errno::PERM).during(step);
    }
    let kind = fstat(source.tree.as_fd()).during(step)?;
    if FileType::from_raw_mode(kind.st_mode) == FileType::Directory {
        fs::create_dir_all(target).during(step)?;
    } else if !target.exists() {
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).during(step)?;
        }
        File::create(target).during(step)?;
    }
    mount::attach(&source.tree, target).during(step)
}

/// Hides what shows the host, and makes what changes the host read-only.
fn hide() -> Result<(), Failure> {
    for path in MASKED {
        mask(Path::new(path)).during(|| format!("hide `{path}`"))?;
    }
    for path in UNWRITABLE {
        let step = || format!("make `{path}` read-only");
        mount::cover_read_only(Path::new(path)).during(step)?;
    }
    Ok(())
}

fn mask(path: &Path) -> io::Result<()> {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let cover = if found.is_dir() {
        mount::new("tmpfs", &[("size", "0k"), ("mode", "555")], READ_ONLY)?
    } else {
        mount::clone(Path::new("/dev/null"))?
    };
    mount::attach(&cover, path)
}
