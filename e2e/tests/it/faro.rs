//! This repository's own project: what `make up` promises.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{
    address::{Caller, ask, body, visits},
    machine::{Machine, repository, run},
    project::{commit, replace},
};

#[test]
fn make_up_starts_from_nothing_and_again_changes_nothing() {
    let machine = Machine::new();
    let make_up = || run(machine.command("make", repository()).arg("up")).good();
    let first = make_up();
    let address = first.last_line().to_owned();
    assert!(address.starts_with("http://127.0.0.1:") && address.ends_with('/'), "{address}");
    let before = visits(&address);
    for n in 1..=20 {
        let greeting = format!("Hello World! I have been seen {} times.\n", before + n);
        assert_eq!(body(&address, "/"), greeting);
    }
    assert_eq!(body(&address, "/health"), "faro is ready!");
    assert_eq!(ask(&address, "/env").unwrap().0, 404, "no ingress routes it");

    let tested = machine.helm(&["test", "faro", "-n", "dev"]);
    assert!(tested.contains("Phase:          Succeeded"), "{tested}");

    let pods = machine.pods("dev");
    assert_eq!(pods.len(), 3, "{pods:?}");
    let second = make_up();
    assert_eq!(second.last_line(), address);
    assert_eq!(machine.pods("dev"), pods);
    assert_eq!(machine.history("dev", "faro"), [(1, "deployed".to_owned())]);
}

#[test]
fn two_environments_share_one_cluster() {
    let machine = Machine::new();
    let dev = machine.zarpa(repository(), &["up"]).good();
    let prod = machine.zarpa(repository(), &["up", "--env", "prod"]).good();
    assert!(prod.last_line().starts_with("http://prod.localhost:"), "{}", prod.last_line());
    for _ in 0..5 {
        visits(dev.last_line());
    }
    assert!(visits(prod.last_line()) < visits(dev.last_line()), "each has its own counter");
    let namespaces = machine.helm(&["list", "--all-namespaces", "--short"]);
    assert_eq!(namespaces.lines().collect::<Vec<_>>(), ["faro", "faro"]);
    machine.zarpa(repository(), &["down", "--env", "prod"]).good();
    assert_eq!(ask(prod.last_line(), "/health").unwrap().0, 404, "its host went with it");
    assert_eq!(body(dev.last_line(), "/health"), "faro is ready!", "dev is untouched");
}

#[test]
fn a_changed_line_is_rolled_out_without_a_failed_request_and_a_failing_test_stays_here() {
    let _renewed = Renewed;
    let machine = Machine::new();
    let copy = copy_of_the_repository();
    let first = machine.zarpa(&copy, &["up"]).good();
    let address = first.last_line();
    let caller = Caller::start(address);
    replace(&copy.join("apps/faro/src/config.rs"), "Hello World!", "Hello Zarpa!");
    let second = machine.zarpa(&copy, &["up"]).good();
    let calls = caller.end();
    assert_eq!(calls.failures, Vec::<String>::new(), "of {} calls", calls.n_good);
    assert_eq!(calls.greetings, ["Hello World!", "Hello Zarpa!"]);
    assert_eq!(second.last_line(), address);
    assert_eq!(machine.history("dev", "faro").last().unwrap(), &(2, "deployed".to_owned()));

    let health = copy.join("apps/faro/src/endpoints/health.rs");
    replace(&health, "\"faro is ready!\"", "\"faro is broken!\"");
    let failed = machine.zarpa(&copy, &["up"]).failed();
    assert!(
        failed.cause().contains("test failed: `cargo test --locked -p faro`"),
        "{}",
        failed.err
    );
    failed.says("faro is broken!");
    assert_eq!(body(address, "/health"), "faro is ready!");
    assert_eq!(machine.history("dev", "faro").len(), 2);
}

/// The files that git has or would take, in a folder that is the same each time, so that cargo finds its work again;
/// what is compiled lies with everything else.
fn copy_of_the_repository() -> PathBuf {
    let name = repository().display().to_string().replace('/', "-");
    let copy = env::temp_dir().join(format!("zarpa-e2e{name}"));
    if copy.exists() {
        fs::remove_dir_all(&copy).unwrap();
    }
    let mut git = std::process::Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(repository());
    for path in run(&mut git).good().out.lines().map(Path::new) {
        let from = repository().join(path);
        // A file that was deleted and not committed is still listed.
        if from.is_file() {
            fs::create_dir_all(copy.join(path).parent().unwrap()).unwrap();
            fs::copy(from, copy.join(path)).unwrap();
        }
    }
    symlink(repository().join("target"), copy.join("target")).unwrap();
    commit(&copy);
    copy
}

/// Makes cargo look at faro's sources again: the copy shares its target folder, and cargo goes by times.
struct Renewed;

impl Drop for Renewed {
    fn drop(&mut self) {
        let now = SystemTime::now();
        let mut folders =
            vec![repository().join("apps/faro/src"), repository().join("apps/faro/tests")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(file) = fs::File::options().append(true).open(&path) {
                    file.set_modified(now).ok();
                }
            }
        }
    }
}
