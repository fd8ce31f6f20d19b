//! Bad input and bad places: each time an error that names the thing and how to mend it.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
    process::Command,
};

use crate::{
    address::body,
    machine::{Machine, program, run},
    project::Project,
};

const NOBODY: u32 = 65534;

#[test]
fn an_unknown_key_is_told_with_its_place_and_the_nearest() {
    let (machine, project) = (Machine::new(), Project::new());
    project.replace("zarpa.toml", "entrypoint", "entrypiont");
    let failed = machine.zarpa(project.path(), &["up"]).failed();
    failed.says("zarpa.toml:9:1: unknown key `services.web.image.entrypiont`");
    failed.says("did you mean `entrypoint`?");
}

#[test]
fn a_missing_chart_is_named() {
    let (machine, project) = (Machine::new(), Project::new());
    project.replace("zarpa.toml", "path = \"chart\"", "path = \"charts/web\"");
    let failed = machine.zarpa(project.path(), &["up"]).failed();
    assert!(failed.cause().contains("there is no chart at `"), "{}", failed.cause());
    failed.says("charts/web");
}

#[test]
fn what_is_wrong_with_a_chart_is_told_with_its_place() {
    let (machine, project) = (Machine::new(), Project::new());
    for (flag, value, told) in [
        ("--set", "replicas=-1", "replicas: minimum: got -1, want 0"),
        ("--set", "replicas[x]=1", "--set replicas[x]=1"),
        ("--values", "over.yaml", "over.yaml:2"),
    ] {
        project.write("over.yaml", "replicas: 1\n  args: x\n");
        let failed = machine.zarpa(project.path(), &["up", flag, value]).failed();
        assert!(failed.err.contains(told), "{value}: {}", failed.err);
    }
    project.replace("chart/templates/web.yaml", ".Values.readinessPath", ".Values.probe.path");
    let failed = machine.zarpa(project.path(), &["up"]).failed();
    failed.says("could not render the chart `small`: chart/templates/web.yaml:20:54: ");
    failed.says("value probe.path is not set anywhere");
}

#[test]
fn names_that_are_not_there_are_usage_errors_with_the_known_ones() {
    let (machine, project) = (Machine::new(), Project::new());
    for (args, hint) in [
        (["up", "wbe"].as_slice(), "did you mean `web`?"),
        (&["up", "--env", "prod"], "known: dev"),
        (&["up", "--contxt", "x"], "--context"),
    ] {
        let failed = machine.zarpa(project.path(), args);
        assert_eq!(failed.status.code(), Some(2), "{}", failed.err);
        failed.says(hint);
    }
    let nowhere = machine.zarpa(machine.path(), &["up"]).failed();
    nowhere.says("there is no `zarpa.toml`").says("-C DIR");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let (machine, project) = (Machine::new(), Project::new());
    let up = machine.zarpa(project.path(), &["up"]).good();
    machine.zarpa(project.path(), &["cluster", "stop"]).good();
    let address = up.last_line().trim_start_matches("http://").trim_end_matches('/');
    let taken = TcpListener::bind(address).unwrap();
    let failed = machine.zarpa(project.path(), &["up"]).failed();
    failed.says(&format!("port {}", taken.local_addr().unwrap().port()));
    failed.says("in use by another program").says("hint: ");
    drop(taken);
    let up = machine.zarpa(project.path(), &["up"]).good();
    assert_eq!(body(up.last_line(), "/"), "Hello\n");
}

/// A file system of its own for the state, as small as wanted.
struct SmallDisk<'a> {
    machine: &'a Machine,
}

impl<'a> SmallDisk<'a> {
    fn mount(machine: &'a Machine, size: &str) -> Self {
        let options = format!("size={size},mode=0755");
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "none"])
            .arg(machine.data()))
        .good();
        Self { machine }
    }

    fn resize(&self, size: &str) {
        let options = format!("remount,size={size}");
        run(Command::new("mount").args(["-o", &options]).arg(self.machine.data())).good();
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        self.machine.zarpa(self.machine.path(), &["cluster", "reset"]);
        run(Command::new("umount").arg("--lazy").arg(self.machine.data()));
    }
}

#[test]
fn a_full_disk_is_told_and_with_room_again_the_work_goes_on() {
    let (machine, project) = (Machine::new(), Project::new());
    let disk = SmallDisk::mount(&machine, "1m");
    let failed = machine.zarpa(project.path(), &["up"]).failed();
    failed.says(&machine.data().display().to_string());
    failed.says("No space left on device").says("free some room");
    disk.resize("200m");
    let up = machine.zarpa(project.path(), &["up"]).good();
    assert_eq!(body(up.last_line(), "/"), "Hello\n");
}

#[test]
fn whoever_is_not_root_is_told_so() {
    let (machine, project) = (Machine::new(), Project::new());
    // What lies in root's home is nobody else's to run.
    let copy = machine.path().join("zarpa");
    fs::copy(program(), &copy).unwrap();
    for path in [&machine.data(), project.path()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        give_to_nobody(path);
    }
    let mut command = machine.command("setpriv", project.path());
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy).arg("up");
    let failed = run(&mut command).failed();
    failed.says("root").says("hint: ");
}

fn give_to_nobody(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give_to_nobody(&entry.unwrap().path());
        }
    }
}
