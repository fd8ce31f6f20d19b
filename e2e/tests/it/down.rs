//! `zarpa down`: the release goes, and with `--cluster` everything that ever was of it.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    machine::{Machine, program, run},
    project::Project,
};

#[test]
fn down_removes_the_release_and_keeps_the_cluster() {
    let (machine, project) = (Machine::new(), Project::new());
    machine.zarpa(project.path(), &["up"]).good();
    machine.zarpa(project.path(), &["down"]).good().says("web");
    // As with helm, the pods end after the answer.
    machine.kubectl(&["wait", "--for=delete", "pod", "--selector=app=web", "-n", "dev"]);
    let left = machine.kubectl(&["get", "deploy,rs,pods,svc,ingress", "-n", "dev", "-o", "name"]);
    assert_eq!(left, "");
    assert_eq!(machine.helm(&["list", "--all-namespaces", "--short"]).trim(), "");
    machine.zarpa(project.path(), &["down"]).good().says("nothing was deployed");
}

#[test]
fn down_with_the_cluster_leaves_nothing() {
    let before = Host::look();
    let (machine, project) = (Machine::new(), Project::new());
    machine.zarpa(project.path(), &["up"]).good();
    let during = Host::look();
    let processes: BTreeSet<&PathBuf> = during.processes.difference(&before.processes).collect();
    assert!(4 < processes.len(), "the cluster, two pods' shims and programs: {processes:?}");
    let namespaces = foreign_namespaces(&processes);
    // Held open here, so that the kernel gives their numbers to nobody else.
    let held: Vec<File> = processes.iter().flat_map(|it| open_namespaces(it)).collect();
    assert!(namespaces.len() <= held.len());
    assert!(4 < namespaces.len(), "{namespaces:?}");
    assert_eq!(during.devices, before.devices, "nothing of the network shows on the host");
    assert_eq!(during.rules, before.rules, "nor any rule");
    assert!(before.cgroups.is_subset(&during.cgroups) && before.cgroups != during.cgroups);

    machine.zarpa(project.path(), &["down", "--cluster"]).good();
    let after = Host::look();
    assert_eq!(after.processes, before.processes);
    assert_eq!(after.cgroups, before.cgroups);
    assert_eq!(after.devices, before.devices);
    assert_eq!(after.rules, before.rules);
    let left: BTreeSet<PathBuf> = &namespaces & &every_namespace();
    assert_eq!(left, BTreeSet::new());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let place = machine.data().display().to_string();
    assert!(!mounts.contains(&place), "{mounts}");
    assert!(!machine.data().join("zarpa/cluster").exists());
}

/// What everybody on this machine can see.
struct Host {
    devices: BTreeSet<PathBuf>,
    rules: String,
    /// Those that say by their name whose they are, in every hierarchy.
    cgroups: BTreeSet<PathBuf>,
    /// Those that run the program under test or are in such a cgroup.
    processes: BTreeSet<PathBuf>,
}

impl Host {
    fn look() -> Self {
        let hierarchies = entries(Path::new("/sys/fs/cgroup"));
        let cgroups = hierarchies.iter().flat_map(|it| entries(it)).chain(hierarchies.clone());
        let is_ours =
            |it: &PathBuf| it.file_name().is_some_and(|it| it.as_bytes().starts_with(b"zarpa-"));
        Self {
            devices: entries(Path::new("/sys/class/net")).into_iter().collect(),
            rules: run(Command::new("nft").args(["list", "ruleset"])).good().out,
            cgroups: cgroups.filter(is_ours).collect(),
            processes: processes().into_iter().filter(|it| is_ours_running(it)).collect(),
        }
    }
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|it| it.path()).collect()
}

fn is_ours_running(process: &Path) -> bool {
    let cgroups = fs::read_to_string(process.join("cgroup")).unwrap_or_default();
    let exe = fs::read_link(process.join("exe")).ok();
    cgroups.contains("/zarpa-") || exe.is_some_and(|it| it == program())
}

/// The namespaces that processes are in and this one is not.
fn foreign_namespaces(processes: &BTreeSet<&PathBuf>) -> BTreeSet<PathBuf> {
    let mine: BTreeSet<PathBuf> = namespaces(Path::new("/proc/self")).collect();
    processes.iter().flat_map(|it| namespaces(it)).filter(|it| !mine.contains(it)).collect()
}

/// Every namespace that a mount holds, or a process that its parent need not only still bury.
fn every_namespace() -> BTreeSet<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    // The fourth field of a mounted namespace is its name: `net:[4026532561]`.
    let mounted = mounts.lines().filter(|it| it.contains(" - nsfs "));
    let mounted = mounted.filter_map(|it| it.split(' ').nth(3).map(PathBuf::from));
    let is_alive = |it: &&PathBuf| fs::read_link(it.join("ns/mnt")).is_ok();
    processes().iter().filter(is_alive).flat_map(|it| namespaces(it)).chain(mounted).collect()
}

fn processes() -> Vec<PathBuf> {
    let is_process = |it: &PathBuf| {
        it.file_name().is_some_and(|it| it.as_bytes().iter().all(u8::is_ascii_digit))
    };
    fs::read_dir("/proc").unwrap().map(|it| it.unwrap().path()).filter(is_process).collect()
}

fn open_namespaces(process: &Path) -> Vec<File> {
    entries(&process.join("ns")).iter().filter_map(|it| File::open(it).ok()).collect()
}

fn namespaces(process: &Path) -> impl Iterator<Item = PathBuf> {
    entries(&process.join("ns")).into_iter().filter_map(|it| fs::read_link(it).ok())
}
