//! Control groups, as files: the folders of pods and containers, limits, use, killing; v1 and v2.
//!
//! Each container has a folder `POD.CONTAINER` in every hierarchy, side by side, and each shim one
//! `POD.@shim`. Source: the kernel's `Documentation/admin-guide/cgroup-v1` and `cgroup-v2.rst`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::fd::{AsFd as _, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::statfs,
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

use crate::{
    error::{During as _, Failure},
    spec::{ContainerSpec, NodeConfig, Usage},
};

/// The container id of a pod's shim; no container has it.
pub(crate) const SHIM: &str = "@shim";

const ROOT: &str = "/sys/fs/cgroup";
/// `CGROUP2_SUPER_MAGIC` of `linux/magic.h`.
const V2_MAGIC: u64 = 0x6367_7270;
const CPU_PERIOD_MICROS: u64 = 100_000;
const CPU_QUOTA_MICROS_MIN: u64 = 1000;

/// The hierarchies of this machine and our folder in each.
#[derive(Debug, Clone)]
pub(crate) enum Cgroups {
    V1(Vec<(Controller, PathBuf)>),
    V2(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Controller {
    Memory,
    Cpu,
    CpuAccounting,
    Pids,
}

/// What a new process needs to start in a cgroup.
#[derive(Debug)]
pub(crate) enum Entry {
    /// `tasks` files, in which a process with one thread writes `0`; unlike `cgroup.procs` this
    /// waits for no grace period of the whole machine.
    V1(Vec<File>),
    /// The folder, for `CLONE_INTO_CGROUP`.
    V2(OwnedFd),
}

impl Controller {
    const ALL: [Self; 4] = [Self::Memory, Self::Cpu, Self::CpuAccounting, Self::Pids];

    fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::CpuAccounting => "cpuacct",
            Self::Pids => "pids",
        }
    }
}

impl Cgroups {
    /// Finds the hierarchies and makes the node's folder in each.
    pub(crate) fn of(node: &NodeConfig) -> io::Result<Self> {
        let cgroups = Self::find(&node.cgroup)?;
        for folder in cgroups.folders() {
            make_dir(folder)?;
        }
        if let Self::V2(folder) = &cgroups {
            for dir in [Path::new(ROOT), folder] {
                enable_controllers(dir);
            }
        }
        Ok(cgroups)
    }

    fn find(name: &str) -> io::Result<Self> {
        let root = Path::new(ROOT);
        if u64::try_from(statfs(root)?.f_type).ok() == Some(V2_MAGIC) {
            return Ok(Self::V2(root.join(name)));
        }
        let present = |it: &Controller| root.join(it.name()).join("tasks").exists();
        let hierarchies: Vec<_> = Controller::ALL
            .into_iter()
            .filter(present)
            .map(|it| (it, root.join(it.name()).join(name)))
            .collect();
        if hierarchies.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no cgroups in /sys/fs/cgroup"));
        }
        Ok(Self::V1(hierarchies))
    }

    /// Kills all processes of all pods of the node and removes its folders.
    pub(crate) fn remove_all(node: &NodeConfig) -> io::Result<()> {
        let cgroups = Self::find(&node.cgroup)?;
        for folder in cgroups.folders() {
            for child in children(folder)? {
                kill_and_remove(&child)?;
            }
            remove_dir(folder)?;
        }
        Ok(())
    }

    /// Kills what still runs of a pod and removes its folders.
    pub(crate) fn remove_pod(&self, pod: &str) -> io::Result<()> {
        let prefix = format!("{pod}.");
        for folder in self.folders() {
            for child in children(folder)? {
                let name = child.file_name().unwrap_or_default().to_string_lossy();
                if name.starts_with(&prefix) {
                    kill_and_remove(&child)?;
                }
            }
        }
        Ok(())
    }

    /// Kills what still runs of a container and removes its folders.
    pub(crate) fn remove(&self, pod: &str, container: &str) -> io::Result<()> {
        for folder in self.folders() {
            kill_and_remove(&folder.join(name(pod, container)))?;
        }
        Ok(())
    }

    /// Kills all processes of a container and waits for their ends.
    pub(crate) fn kill(&self, pod: &str, container: &str) -> io::Result<()> {
        match self.folders().next() {
            Some(folder) => kill_all(&folder.join(name(pod, container))),
            None => Ok(()),
        }
    }

    /// Makes a container's folders and opens them for its processes.
    pub(crate) fn create(&self, pod: &str, container: &str) -> io::Result<Entry> {
        for folder in self.folders() {
            make_dir(&folder.join(name(pod, container)))?;
        }
        self.enter(pod, container)
    }

    /// Opens a container's folders for a further process.
    pub(crate) fn enter(&self, pod: &str, container: &str) -> io::Result<Entry> {
        let name = name(pod, container);
        match self {
            Self::V1(hierarchies) => {
                let open = |(_, folder): &(_, PathBuf)| {
                    OpenOptions::new().write(true).open(folder.join(&name).join("tasks"))
                };
                Ok(Entry::V1(hierarchies.iter().map(open).collect::<Result<_, _>>()?))
            }
            Self::V2(folder) => Ok(Entry::V2(File::open(folder.join(name))?.into())),
        }
    }

    /// Sets the limits of `spec`.
    pub(crate) fn limit(&self, pod: &str, spec: &ContainerSpec) -> Result<(), Failure> {
        for setting in settings(&Limits::of(spec), matches!(self, Self::V2(_))) {
            let folder = match self {
                Self::V2(folder) => Some(folder),
                Self::V1(hierarchies) => {
                    hierarchies.iter().find(|it| it.0 == setting.controller).map(|it| &it.1)
                }
            };
            let step = || format!("set the limit `{}` to {}", setting.file, setting.value);
            let folder = folder.ok_or(Errno::NOENT).during(step)?;
            let path = folder.join(name(pod, &spec.id)).join(setting.file);
            match write(&path, &setting.value) {
                Err(error) if setting.is_optional && error.kind() == io::ErrorKind::NotFound => {}
                result => result.during(step)?,
            }
        }
        Ok(())
    }

    /// Counts the processes of a container that were killed for want of memory.
    pub(crate) fn oom_kills(&self, pod: &str, container: &str) -> u64 {
        let (controller, file) = match self {
            Self::V1(_) => (Controller::Memory, "memory.oom_control"),
            Self::V2(_) => (Controller::Memory, "memory.events"),
        };
        self.read(controller, pod, container, file)
            .ok()
            .and_then(|text| field(&text, "oom_kill"))
            .unwrap_or(0)
    }

    /// Reads what a container has used.
    pub(crate) fn usage(&self, pod: &str, container: &str) -> io::Result<Usage> {
        let read = |controller, file| self.read(controller, pod, container, file);
        let (cpu_nanoseconds, memory, inactive) = match self {
            Self::V1(_) => (
                number(&read(Controller::CpuAccounting, "cpuacct.usage")?),
                number(&read(Controller::Memory, "memory.usage_in_bytes")?),
                field(&read(Controller::Memory, "memory.stat")?, "total_inactive_file"),
            ),
            Self::V2(_) => (
                field(&read(Controller::Cpu, "cpu.stat")?, "usage_usec").unwrap_or(0) * 1000,
                number(&read(Controller::Memory, "memory.current")?),
                field(&read(Controller::Memory, "memory.stat")?, "inactive_file"),
            ),
        };
        Ok(Usage {
            cpu_nanoseconds,
            memory_bytes: memory,
            memory_working_set_bytes: memory.saturating_sub(inactive.unwrap_or(0)),
            pids: number(&read(Controller::Pids, "pids.current")?),
        })
    }

    fn read(
        &self,
        controller: Controller,
        pod: &str,
        container: &str,
        file: &str,
    ) -> io::Result<String> {
        let folder = match self {
            Self::V2(folder) => Some(folder),
            Self::V1(hierarchies) => {
                hierarchies.iter().find(|it| it.0 == controller).map(|it| &it.1)
            }
        };
        let folder = folder.ok_or(io::ErrorKind::Unsupported)?;
        fs::read_to_string(folder.join(name(pod, container)).join(file))
    }

    fn folders(&self) -> impl Iterator<Item = &Path> {
        let (v1, v2) = match self {
            Self::V1(hierarchies) => (hierarchies.as_slice(), None),
            Self::V2(folder) => (&[][..], Some(folder.as_path())),
        };
        v1.iter().map(|it| it.1.as_path()).chain(v2)
    }
}

/// One file to write.
#[derive(Debug)]
struct Setting {
    controller: Controller,
    file: &'static str,
    value: String,
    /// The kernel may have been built without it.
    is_optional: bool,
}

/// The part of a specification that is set here.
#[derive(Debug, Default)]
struct Limits {
    memory_bytes: Option<u64>,
    cpu_shares_milli: Option<u64>,
    cpu_limit_milli: Option<u64>,
    pids_max: Option<u64>,
}

impl Limits {
    fn of(spec: &ContainerSpec) -> Self {
        Self {
            memory_bytes: spec.memory_limit_bytes,
            cpu_shares_milli: spec.cpu_shares_milli,
            cpu_limit_milli: spec.cpu_limit_milli,
            pids_max: spec.pids_max,
        }
    }
}

/// Lists the files that make the limits.
fn settings(limits: &Limits, is_v2: bool) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut set = |controller, file, value, is_optional| {
        settings.push(Setting { controller, file, value, is_optional });
    };
    if let Some(bytes) = limits.memory_bytes {
        if is_v2 {
            set(Controller::Memory, "memory.max", bytes.to_string(), false);
            set(Controller::Memory, "memory.swap.max", "0".to_owned(), true);
            set(Controller::Memory, "memory.oom.group", "1".to_owned(), true);
        } else {
            set(Controller::Memory, "memory.limit_in_bytes", bytes.to_string(), false);
            set(Controller::Memory, "memory.memsw.limit_in_bytes", bytes.to_string(), true);
        }
    }
    if let Some(milli) = limits.cpu_shares_milli {
        let shares = (milli * 1024 / 1000).clamp(2, 262_144);
        if is_v2 {
            let weight = 1 + (shares - 2) * 9999 / 262_142;
            set(Controller::Cpu, "cpu.weight", weight.to_string(), false);
        } else {
            set(Controller::Cpu, "cpu.shares", shares.to_string(), false);
        }
    }
    if let Some(milli) = limits.cpu_limit_milli {
        let quota = (milli * CPU_PERIOD_MICROS / 1000).max(CPU_QUOTA_MICROS_MIN);
        if is_v2 {
            set(Controller::Cpu, "cpu.max", format!("{quota} {CPU_PERIOD_MICROS}"), false);
        } else {
            set(Controller::Cpu, "cpu.cfs_period_us", CPU_PERIOD_MICROS.to_string(), false);
            set(Controller::Cpu, "cpu.cfs_quota_us", quota.to_string(), false);
        }
    }
    if let Some(n_pids) = limits.pids_max {
        set(Controller::Pids, "pids.max", n_pids.to_string(), false);
    }
    settings
}

/// Lets the children of a v2 folder have the controllers; one that cannot be had shows when a limit
/// asks for it.
fn enable_controllers(dir: &Path) {
    for controller in ["+memory", "+cpu", "+pids"] {
        if let Err(error) = write(&dir.join("cgroup.subtree_control"), controller) {
            tracing::debug!(dir = %dir.display(), controller, %error, "controller not enabled");
        }
    }
}

/// Writes a file that the kernel made; `fs::write` would try to make one that is missing.
fn write(path: &Path, value: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(value.as_bytes())
}

fn name(pod: &str, container: &str) -> String {
    format!("{pod}.{container}")
}

fn number(text: &str) -> u64 {
    text.trim().parse().unwrap_or(0)
}

/// Finds `KEY NUMBER` among lines.
fn field(text: &str, key: &str) -> Option<u64> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs.find(|it| it.0 == key).map(|it| number(it.1))
}

fn kill_and_remove(folder: &Path) -> io::Result<()> {
    kill_all(folder)?;
    remove_dir(folder)
}

/// Kills until the folder has no process; each end is awaited, so that the next look sees progress.
fn kill_all(folder: &Path) -> io::Result<()> {
    loop {
        let text = match fs::read_to_string(folder.join("cgroup.procs")) {
            Ok(text) => text,
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        let processes: Vec<OwnedFd> = text
            .lines()
            .filter_map(|line| Pid::from_raw(line.parse().ok()?))
            .filter_map(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
            .collect();
        if processes.is_empty() {
            return Ok(());
        }
        for process in &processes {
            match pidfd_send_signal(process, Signal::KILL) {
                Ok(()) | Err(Errno::SRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        for process in &processes {
            rustix::io::retry_on_intr(|| {
                poll(&mut [PollFd::from_borrowed_fd(process.as_fd(), PollFlags::IN)], None)
            })?;
        }
    }
}

fn children(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_gone(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut children = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            children.push(entry.path());
        }
    }
    Ok(children)
}

fn make_dir(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn remove_dir(path: &Path) -> io::Result<()> {
    match fs::remove_dir(path) {
        Err(error) if !is_gone(&error) => Err(error),
        _ => Ok(()),
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENODEV)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(adapt: impl Fn(&mut Limits), v1: &str, v2: &str) {
        let mut limits = Limits::default();
        adapt(&mut limits);
        for (is_v2, expect) in [(false, v1), (true, v2)] {
            let settings = settings(&limits, is_v2);
            let text: Vec<_> =
                settings.iter().map(|it| format!("{}={}", it.file, it.value)).collect();
            assert_eq!(text.join(" "), expect);
        }
    }

    #[test]
    fn limits_become_files() {
        check(|_| {}, "", "");
        check(
            |it| it.memory_bytes = Some(4096),
            "memory.limit_in_bytes=4096 memory.memsw.limit_in_bytes=4096",
            "memory.max=4096 memory.swap.max=0 memory.oom.group=1",
        );
        check(|it| it.cpu_shares_milli = Some(1000), "cpu.shares=1024", "cpu.weight=39");
        check(|it| it.cpu_shares_milli = Some(0), "cpu.shares=2", "cpu.weight=1");
        check(
            |it| it.cpu_limit_milli = Some(250),
            "cpu.cfs_period_us=100000 cpu.cfs_quota_us=25000",
            "cpu.max=25000 100000",
        );
        check(|it| it.pids_max = Some(7), "pids.max=7", "pids.max=7");
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "oom 3\noom_kill 1\noom_group_kill 0\n";
        assert_eq!(field(text, "oom_kill"), Some(1));
        assert_eq!(field(text, "kill"), None);
    }
}
