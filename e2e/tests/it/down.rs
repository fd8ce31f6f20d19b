//! `zarpa down`: the release goes, and with `--cluster` everything that ever was of it.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    machine::{Machine, run},
    project::Project,
};

#[test]
fn down_removes_the_release_and_keeps_the_cluster() {
    let (machine, project) = (Machine::new(), Project::new());
    machine.zarpa(project.path(), &["up"]).good();
    machine.zarpa(project.path(), &["down"]).good().says("web");
    assert_eq!(
        machine.kubectl(&["get", "deploy,rs,pods,svc,ingress", "-n", "dev", "-o", "name"]),
        ""
    );
    assert_eq!(machine.helm(&["list", "--all-namespaces", "--all", "--short"]).trim(), "");
    machine.zarpa(project.path(), &["down"]).good().says("nothing was deployed");
}

#[test]
fn down_with_the_cluster_leaves_nothing() {
    let before = Host::look();
    let (machine, project) = (Machine::new(), Project::new());
    machine.zarpa(project.path(), &["up"]).good();
    let namespaces = namespaces_of(&machine.data());
    let own = namespaces_of(Path::new("/nowhere"));
    assert!(own.is_empty() && 4 < namespaces.len(), "{namespaces:?}");
    assert_eq!(before.devices, Host::look().devices, "nothing of the network shows on the host");
    assert_eq!(before.rules, Host::look().rules, "nor any rule");

    machine.zarpa(project.path(), &["down", "--cluster"]).good();
    let after = Host::look();
    assert_eq!(after.devices, before.devices);
    assert_eq!(after.rules, before.rules);
    assert_eq!(
        after.cgroups.difference(&before.cgroups).collect::<Vec<_>>(),
        Vec::<&PathBuf>::new()
    );
    assert_eq!(processes_of(&machine.data()), Vec::<String>::new());
    let held = every_namespace();
    assert!(namespaces.is_disjoint(&held), "{:?}", namespaces.intersection(&held));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let place = machine.data().display().to_string();
    assert!(!mounts.contains(&place), "{mounts}");
    assert!(!machine.data().join("zarpa/cluster").exists());
}

/// What everybody on this machine can see.
struct Host {
    devices: BTreeSet<PathBuf>,
    /// Those that say by their name whose they are.
    cgroups: BTreeSet<PathBuf>,
    rules: String,
}

impl Host {
    fn look() -> Self {
        let folder =
            |path: &str| fs::read_dir(path).into_iter().flatten().flatten().map(|it| it.path());
        let hierarchies = folder("/sys/fs/cgroup").chain([PathBuf::from("/sys/fs/cgroup")]);
        let cgroups = hierarchies.flat_map(|it| folder(it.to_str().unwrap()).collect::<Vec<_>>());
        let is_ours =
            |it: &PathBuf| it.file_name().is_some_and(|it| it.as_bytes().starts_with(b"zarpa-"));
        Self {
            devices: folder("/sys/class/net").collect(),
            cgroups: cgroups.filter(is_ours).collect(),
            rules: run(Command::new("nft").args(["list", "ruleset"])).good().out,
        }
    }
}

/// The processes that were started for a state folder: it is in their environment or their arguments.
fn pids_of(place: &Path) -> Vec<PathBuf> {
    let place = place.as_os_str().as_bytes();
    let names = |process: &PathBuf, file: &str| {
        let content = fs::read(process.join(file)).unwrap_or_default();
        content.windows(place.len()).any(|it| it == place)
    };
    let mut pids = processes();
    pids.retain(|it| names(it, "environ") || names(it, "cmdline") || names(it, "cgroup"));
    pids
}

fn processes_of(place: &Path) -> Vec<String> {
    let command = |it: &PathBuf| fs::read_to_string(it.join("cmdline")).unwrap_or_default();
    pids_of(place).iter().map(|it| format!("{} {}", it.display(), command(it))).collect()
}

/// The namespaces that those processes are in and this one is not.
fn namespaces_of(place: &Path) -> BTreeSet<PathBuf> {
    let mine: BTreeSet<PathBuf> = namespaces(Path::new("/proc/self")).collect();
    pids_of(place).iter().flat_map(|it| namespaces(it)).filter(|it| !mine.contains(it)).collect()
}

/// Every namespace that a process or a mount holds.
fn every_namespace() -> BTreeSet<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    // The fourth field of a mounted namespace is its name: `net:[4026532561]`.
    let mounted = mounts.lines().filter(|it| it.contains(" - nsfs "));
    let mounted = mounted.filter_map(|it| it.split(' ').nth(3).map(PathBuf::from));
    processes().iter().flat_map(|it| namespaces(it)).chain(mounted).collect()
}

fn processes() -> Vec<PathBuf> {
    let is_process = |it: &PathBuf| {
        it.file_name().is_some_and(|it| it.as_bytes().iter().all(u8::is_ascii_digit))
    };
    fs::read_dir("/proc").unwrap().map(|it| it.unwrap().path()).filter(is_process).collect()
}

fn namespaces(process: &Path) -> impl Iterator<Item = PathBuf> {
    let links = fs::read_dir(process.join("ns")).into_iter().flatten().flatten();
    links.filter_map(|it| fs::read_link(it.path()).ok())
}
