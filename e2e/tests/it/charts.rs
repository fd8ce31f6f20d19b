//! Charts that cross the network, with the real helm on the other side.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use crate::{
    machine::{Machine, Ran, program, run, tool},
    registry::{Access, Registry},
};

const NAME: &str = "somebody";
const PASSWORD: &str = "open sesame";

pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Makes a small chart's folder.
pub(crate) fn chart(dir: &Path, name: &str, version: &str, dependencies: &str) -> PathBuf {
    let folder = dir.join(name);
    let text = format!(
        "apiVersion: v2\nname: {name}\nversion: {version}\ndescription: <small> & quick\n\
         maintainers: [{{name: A, email: a@example.com}}]\nannotations: {{team: a>b}}\n{dependencies}"
    );
    write(&folder.join("Chart.yaml"), &text);
    write(&folder.join("templates/map.yaml"), "apiVersion: v1\nkind: ConfigMap\n");
    folder
}

pub(crate) fn helm(machine: &Machine, args: &[&str]) -> Ran {
    run(machine.command(tool("helm"), machine.path()).args(args))
}

pub(crate) fn zarpa(machine: &Machine, args: &[&str]) -> Ran {
    machine.zarpa(machine.path(), args)
}

/// Packs a chart with helm, and returns the archive's name.
pub(crate) fn package(machine: &Machine, name: &str, version: &str) -> String {
    helm(machine, &["package", name]).good();
    format!("{name}-{version}.tgz")
}

fn log_in(machine: &Machine, registry: &str, password: &str) -> Ran {
    let path = machine.path().join("password");
    fs::write(&path, password).unwrap();
    let mut command = machine.command(program(), machine.path());
    command.args(["login", registry, "--username", NAME, "--password-stdin"]);
    run(command.stdin(File::open(path).unwrap()))
}

/// The line that begins with `Digest:`.
fn digest(ran: &Ran) -> String {
    let line = ran.err.lines().chain(ran.out.lines()).find(|it| it.starts_with("Digest: "));
    line.unwrap_or_else(|| panic!("no digest:\n{}\n{}", ran.out, ran.err)).to_owned()
}

#[test]
fn a_login_is_stored_once_the_registry_has_accepted_it() {
    let machine = Machine::new();
    let registry = Registry::start(machine.path(), Access::Password);
    let config = machine.path().join(".docker/config.json");
    let refused = log_in(&machine, &registry.address, "open barley").failed();
    refused.says(&registry.address).says("nothing was stored");
    assert!(!config.exists());
    log_in(&machine, &registry.address, PASSWORD).good().says("Login Succeeded");
    let kept = fs::read_to_string(&config).unwrap();
    assert!(kept.contains(&registry.address), "{kept}");
    // Others cannot read it.
    let mode = run(Command::new("stat").args(["-c", "%a"]).arg(&config)).good();
    assert_eq!(mode.out.trim(), "600");
}

#[test]
fn charts_go_to_a_registry_and_back_with_helm_on_either_side() {
    let machine = Machine::new();
    let registry = Registry::start(machine.path(), Access::Password);
    let remote = format!("oci://{}/charts", registry.address);
    chart(machine.path(), "web", "1.0.0+build.1", "");
    let archive = package(&machine, "web", "1.0.0+build.1");
    let content = fs::read(machine.path().join(&archive)).unwrap();

    let refused = zarpa(&machine, &["chart", "push", &archive, &remote]).failed();
    refused.says("zarpa login");
    log_in(&machine, &registry.address, PASSWORD).good();
    let pushed = zarpa(&machine, &["chart", "push", &archive, &remote]).good();
    pushed.says(&format!("Pushed: {}/charts/web:1.0.0_build.1", registry.address));

    // Helm makes the very same manifest of the same archive.
    let helm_access = ["--plain-http", "--username", NAME, "--password", PASSWORD];
    let by_helm = helm(&machine, &[&["push", &archive, &remote][..], &helm_access].concat()).good();
    assert_eq!(digest(&by_helm), digest(&pushed));
    let name = format!("{remote}/web");
    let into = ["--version", "1.0.0+build.1", "-d", "helm"];
    fs::create_dir(machine.path().join("helm")).unwrap();
    helm(&machine, &[&["pull", &name][..], &into, &helm_access].concat()).good();
    assert_eq!(fs::read(machine.path().join("helm").join(&archive)).unwrap(), content);

    for version in ["1.2.0", "1.10.0", "2.0.0-rc.1"] {
        chart(machine.path(), "web", version, "");
        let archive = package(&machine, "web", version);
        helm(&machine, &[&["push", &archive, &remote][..], &helm_access].concat()).good();
    }
    let pull = |args: &[&str]| {
        zarpa(&machine, &[&["chart", "pull", &name, "-d", "zarpa"][..], args].concat())
    };
    let is_there = |path: &str| machine.path().join("zarpa").join(path).exists();
    pull(&["--version", "1.0.0+build.1"]).good();
    assert_eq!(fs::read(machine.path().join("zarpa").join(&archive)).unwrap(), content);
    pull(&["--version", "~1.2"]).good();
    assert!(is_there("web-1.2.0.tgz"));
    pull(&[]).good();
    assert!(is_there("web-1.10.0.tgz"));
    pull(&["--devel", "--untar"]).good();
    let unpacked = fs::read_to_string(machine.path().join("zarpa/web/Chart.yaml")).unwrap();
    assert!(unpacked.contains("version: 2.0.0-rc.1"), "{unpacked}");
    assert!(!is_there("web-2.0.0-rc.1.tgz"));

    pull(&["--untar"]).failed().says("already exists");
    pull(&["--version", "^3"]).failed().says("has no version ^3").says("1.10.0");
    pull(&["--verify", "--keyring", "none.gpg"]).failed().says("none.gpg");
    let image = format!("oci://{}/charts/nowhere", registry.address);
    zarpa(&machine, &["chart", "pull", &image, "--version", "1.0.0"]).failed().says("nowhere");
    zarpa(&machine, &["chart", "push", "web", &remote]).failed().says("zarpa chart package");
}

/// Serves the files of a folder by HTTP until the test ends.
pub(crate) fn serve(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream, &folder);
        }
    });
    address
}

fn answer(mut stream: TcpStream, folder: &Path) {
    let mut bytes = [0; 4096];
    let Ok(n_bytes) = stream.read(&mut bytes) else { return };
    let request = String::from_utf8_lossy(&bytes[..n_bytes]).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    let (status, body) = match fs::read(folder.join(path)) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", b"no such file".to_vec()),
    };
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).ok();
}

/// A repository with two versions of `web`, indexed by helm.
pub(crate) fn repository(machine: &Machine) -> String {
    let folder = machine.path().join("site");
    fs::create_dir(&folder).unwrap();
    for version in ["1.2.0", "1.10.0"] {
        chart(machine.path(), "web", version, "");
        let archive = package(machine, "web", version);
        fs::rename(machine.path().join(&archive), folder.join(&archive)).unwrap();
    }
    helm(machine, &["repo", "index", "site"]).good();
    serve(folder)
}

#[test]
fn charts_come_from_a_repository_with_an_index() {
    let machine = Machine::new();
    let url = repository(&machine);
    let pull = |args: &[&str]| zarpa(&machine, &[&["chart", "pull"][..], args].concat());
    pull(&["web", "--repo", &url]).good();
    assert!(machine.path().join("web-1.10.0.tgz").exists());
    let direct = format!("{url}/web-1.2.0.tgz");
    pull(&[&direct, "-d", "direct"]).good();
    assert!(machine.path().join("direct/web-1.2.0.tgz").exists());
    helm(&machine, &["repo", "add", "ours", &url]).good();
    pull(&["ours/web", "--version", "<1.5", "--untar", "--untardir", "by-name"]).good();
    assert!(machine.path().join("by-name/web/Chart.yaml").exists());

    let missing = pull(&["other", "--repo", &url]).failed();
    assert_eq!(missing.cause(), format!("error: chart \"other\" not found in {url} repository"));
    pull(&["theirs/web"]).failed().says("repo theirs not found");
    pull(&["web", "--repo", &format!("{url}/nowhere")]).failed().says("404");
    // What came is not what the index says.
    let forged = fs::read(machine.path().join("site/web-1.2.0.tgz")).unwrap();
    fs::write(machine.path().join("site/web-1.10.0.tgz"), forged).unwrap();
    pull(&["web", "--repo", &url, "-d", "forged"]).failed().says("its digest is");
    assert!(!machine.path().join("forged").exists());
}

/// A lock without the time at which it was made.
fn lock(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join("Chart.lock")).unwrap();
    text.lines().filter(|it| !it.starts_with("generated:")).collect::<Vec<_>>().join("\n")
}

pub(crate) fn charts(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("charts")).unwrap();
    let mut names: Vec<String> =
        entries.map(|it| it.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn dependencies_are_chosen_locked_and_built_as_helm_does() {
    let machine = Machine::new();
    let registry = Registry::start(machine.path(), Access::Everyone);
    let url = repository(&machine);
    helm(&machine, &["repo", "add", "ours", &url]).good();
    let remote = format!("oci://{}/charts", registry.address);
    for version in ["0.1.0", "0.2.0"] {
        chart(machine.path(), "store", version, "");
        let archive = package(&machine, "store", version);
        zarpa(&machine, &["chart", "push", &archive, &remote]).good();
    }
    chart(machine.path(), "local", "3.1.4", "");
    let dependencies = format!(
        "dependencies:\n- {{name: web, version: '>=1.2 <2', repository: '@ours', alias: front}}\n\
         - {{name: store, version: ^0.1.0, repository: '{remote}', condition: store.enabled}}\n\
         - {{name: local, version: '*', repository: 'file://../local', tags: [a]}}\n"
    );
    let [by_helm, by_zarpa] = ["helm", "zarpa"].map(|it| {
        fs::create_dir(machine.path().join(it)).unwrap();
        chart(&machine.path().join(it), "local", "3.1.4", "");
        chart(&machine.path().join(it), "app", "0.1.0", &dependencies)
    });
    helm(&machine, &["dependency", "update", "helm/app", "--plain-http"]).good();
    let updated = zarpa(&machine, &["chart", "dependency", "update", "zarpa/app"]).good();
    updated.says("Saving 3 charts").says("Deleting outdated charts");
    assert_eq!(lock(&by_zarpa), lock(&by_helm));
    assert_eq!(charts(&by_zarpa), ["local-3.1.4.tgz", "store-0.1.0.tgz", "web-1.10.0.tgz"]);
    assert_eq!(charts(&by_zarpa), charts(&by_helm));
    let list = |command: Ran| command.good().out;
    assert_eq!(
        list(zarpa(&machine, &["chart", "dependency", "list", "zarpa/app"])),
        list(helm(&machine, &["dependency", "list", "helm/app"]))
    );

    // Each builds what the other has locked; an archive that is not wanted any more goes.
    for (folder, other) in [(&by_zarpa, &by_helm), (&by_helm, &by_zarpa)] {
        fs::copy(other.join("Chart.lock"), folder.join("Chart.lock")).unwrap();
        let old = folder.join("charts/web-1.10.0.tgz");
        fs::rename(old, folder.join("charts/web-1.2.0.tgz")).unwrap();
    }
    zarpa(&machine, &["chart", "dependency", "build", "zarpa/app"]).good();
    helm(&machine, &["dependency", "build", "helm/app", "--plain-http"]).good();
    assert_eq!(charts(&by_zarpa), ["local-3.1.4.tgz", "store-0.1.0.tgz", "web-1.10.0.tgz"]);
    assert_eq!(charts(&by_zarpa), charts(&by_helm));
    // And what was built is a whole chart.
    zarpa(&machine, &["chart", "template", "zarpa/app"]).good();

    let newer = dependencies.replace("^0.1.0", "^0.2.0");
    chart(&machine.path().join("zarpa"), "app", "0.1.0", &newer);
    let stale = zarpa(&machine, &["chart", "dependency", "build", "zarpa/app"]).failed();
    stale.says("the lock file (Chart.lock) is out of sync").says("dependency update");
    let none = dependencies.replace("^0.1.0", "^7");
    chart(&machine.path().join("zarpa"), "app", "0.1.0", &none);
    let before = charts(&by_zarpa);
    let missing = zarpa(&machine, &["chart", "dependency", "update", "zarpa/app"]).failed();
    missing.says("can't get a valid version for 1 subchart(s)").says("\"^7\"");
    assert_eq!(charts(&by_zarpa), before);
}

#[test]
fn what_helm_signed_is_verified_before_it_is_written() {
    let machine = Machine::new();
    let registry = Registry::start(machine.path(), Access::Everyone);
    let remote = format!("oci://{}/charts", registry.address);
    fs::create_dir_all(machine.path().join(".gnupg")).unwrap();
    let gpg = |args: &[&str]| {
        let quiet = ["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""];
        run(machine.command("gpg", machine.path()).args(quiet).args(args)).good()
    };
    gpg(&["--quick-generate-key", "signer <signer@example.com>", "rsa2048", "sign", "never"]);
    gpg(&["--output", "keys.gpg", "--export"]);
    gpg(&["--output", "secret.gpg", "--export-secret-keys"]);
    chart(machine.path(), "web", "1.0.0", "");
    let sign = ["package", "web", "--sign", "--key", "signer", "--keyring", "secret.gpg"];
    helm(&machine, &sign).good();

    let keyring = ["--keyring", "keys.gpg"];
    let by_helm = helm(&machine, &[&["verify", "web-1.0.0.tgz"][..], &keyring].concat()).good();
    let verify =
        || zarpa(&machine, &[&["chart", "verify", "web-1.0.0.tgz"][..], &keyring].concat());
    assert_eq!(verify().good().out, by_helm.out);
    zarpa(&machine, &["chart", "verify", "web-1.0.0.tgz", "--keyring", ".gnupg/pubring.kbx"])
        .failed()
        .says("keybox")
        .says("gpg --export");

    zarpa(&machine, &["chart", "push", "web-1.0.0.tgz", &remote]).good();
    let name = format!("{remote}/web");
    let pull = [&["chart", "pull", &name, "-d", "checked", "--verify"][..], &keyring].concat();
    assert_eq!(zarpa(&machine, &pull).good().out, by_helm.out);
    assert!(machine.path().join("checked/web-1.0.0.tgz.prov").exists());
    fs::create_dir(machine.path().join("by-helm")).unwrap();
    let pull = ["pull", &name, "-d", "by-helm", "--plain-http", "--verify"];
    helm(&machine, &[&pull[..], &keyring].concat()).good();

    let mut archive = fs::read(machine.path().join("web-1.0.0.tgz")).unwrap();
    archive[4] ^= 1;
    fs::write(machine.path().join("web-1.0.0.tgz"), archive).unwrap();
    verify().failed().says("sha256 sum does not match for web-1.0.0.tgz");
    run(machine.command("gpgconf", machine.path()).args(["--kill", "gpg-agent"])).good();
}
