//! Debian's registry, with a password: zarpa pushes to it with what docker's `config.json` says.

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use crate::{
    machine::{Machine, Ran, run, tool},
    project::Project,
};

/// `somebody` with the password `open sesame`, as htpasswd writes it.
const USERS: &str = "somebody:$2b$04$zarpazarpazarpazarpazehhU0BVVgE.hJvO6.WTztl2pq1yqfGPa\n";
/// The same, as docker's `config.json` keeps it.
const LOGIN: &str = "c29tZWJvZHk6b3BlbiBzZXNhbWU=";
const WRONG_LOGIN: &str = "c29tZWJvZHk6b3BlbiBiYXJsZXk=";

/// Who may use a registry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Everyone,
    /// `somebody`, whose password is `open sesame`.
    Password,
}

/// A registry on a free port of this host, without TLS.
pub(crate) struct Registry {
    child: Child,
    pub(crate) address: String,
}

impl Registry {
    pub(crate) fn start(dir: &Path, access: Access) -> Self {
        let [users, config, storage] = ["users", "config.yml", "storage"].map(|it| dir.join(it));
        fs::write(&users, USERS).unwrap();
        let mut text = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"127.0.0.1:0\"}}\n",
            storage.display()
        );
        if access == Access::Password {
            let auth = format!("auth: {{htpasswd: {{realm: e2e, path: {}}}}}\n", users.display());
            text.push_str(&auth);
        }
        fs::write(&config, text).unwrap();
        let mut command = Command::new(tool("docker-registry"));
        command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening on ") {
            line.clear();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "the registry does not serve");
        }
        thread::spawn(move || io::copy(&mut log, &mut io::sink()));
        let address = line.split("listening on ").nth(1).unwrap();
        let end = address.find(|it: char| it != '.' && it != ':' && !it.is_ascii_digit());
        let address = address[..end.unwrap_or(address.len())].to_owned();
        Self { child, address }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The embedded cluster as one that is named, so that zarpa pushes as it does to any other.
fn up(machine: &Machine, project: &Project) -> Ran {
    let kubeconfig = machine.kubeconfig().display().to_string();
    machine.zarpa(project.path(), &["up", "--env", "pushed", "--kubeconfig", &kubeconfig])
}

fn log_in(machine: &Machine, registry: &Registry, login: &str) {
    let config = format!(r#"{{"auths": {{"{}": {{"auth": "{login}"}}}}}}"#, registry.address);
    fs::create_dir_all(machine.path().join(".docker")).unwrap();
    fs::write(machine.path().join(".docker/config.json"), config).unwrap();
}

#[test]
fn an_image_is_pushed_with_the_password_of_docker_and_only_once() {
    let (machine, project) = (Machine::new(), Project::new());
    let registry = Registry::start(machine.path(), Access::Password);
    let address = &registry.address;
    project.append(
        "zarpa.toml",
        &format!(
            "[environments.pushed]\ncontext = \"zarpa\"\nnamespace = \"dev\"\n\
             registry = {{ hub = \"{address}/team\", plain_http = true }}\n"
        ),
    );
    machine.zarpa(machine.path(), &["cluster", "start"]).good();

    log_in(&machine, &registry, WRONG_LOGIN);
    let refused = up(&machine, &project).failed();
    assert!(refused.cause().contains("could not push the image"), "{}", refused.cause());
    refused.says(address).says("config.json");

    log_in(&machine, &registry, LOGIN);
    let pushed = up(&machine, &project).good();
    pushed.says("MB sent");
    let image = ["get", "deploy", "web", "-n", "dev", "-o"];
    let path = "jsonpath={.spec.template.spec.containers[0].image}";
    let image = machine.kubectl(&[image.as_slice(), &[path]].concat());
    assert!(
        image.starts_with(&format!("{address}/team/web:")) && image.contains("@sha256:"),
        "{image}"
    );
    // skopeo takes a tag or a digest, not both.
    let (name, digest) = image.split_once('@').unwrap();
    let seen = run(Command::new("skopeo").args([
        "inspect",
        "--tls-verify=false",
        "--creds=somebody:open sesame",
        &format!("docker://{name}"),
    ]));
    assert_eq!(seen.good().json()["Digest"], digest);
    let again = up(&machine, &project).good();
    assert!(again.err.contains("  push    = unchanged"), "{}", again.err);
    let alone = machine.zarpa(project.path(), &["push", "--env", "pushed"]).good();
    assert!(alone.err.contains("  push    = unchanged"), "{}", alone.err);
    assert!(!alone.err.contains("  plan "), "{}", alone.err);
    machine.zarpa(project.path(), &["push"]).failed().says("names no registry");
}

#[test]
fn the_image_store_is_a_layout_that_skopeo_reads() {
    let (machine, project) = (Machine::new(), Project::new());
    let built = machine.zarpa(project.path(), &["build"]).good();
    let store = machine.data().join("zarpa/images");
    let image = format!("oci:{}:docker.io/library/{}", store.display(), built.last_line());
    let seen = run(Command::new("skopeo").args(["inspect", "--config", &image])).good().json();
    assert_eq!(seen["config"]["User"], "1000:1000");
    assert_eq!(seen["config"]["Entrypoint"][0], "/bin/busybox");
    let again = machine.zarpa(project.path(), &["build"]).good();
    assert_eq!(again.last_line(), built.last_line());
}

#[test]
fn images_are_pulled_and_pushed_by_themselves_and_a_base_comes_from_its_registry() {
    let (machine, project) = (Machine::new(), Project::new());
    let registry = Registry::start(machine.path(), Access::Password);
    log_in(&machine, &registry, LOGIN);
    let built = machine.zarpa(project.path(), &["build"]).good();
    let base = format!("{}/team/base:1", registry.address);
    let image = built.last_line();
    machine.zarpa(project.path(), &["image", "push", image, &base]).good().says("MB sent");
    machine.zarpa(project.path(), &["image", "push", image, &base]).good().says("unchanged");

    let other = Machine::new();
    let missing = other.zarpa(other.path(), &["image", "inspect", &base]).failed();
    missing.says("is not in the store").says("zarpa image pull");
    let refused = other.zarpa(other.path(), &["image", "pull", &base]).failed();
    refused.says("zarpa login");
    log_in(&other, &registry, LOGIN);
    other.zarpa(other.path(), &["image", "pull", &base]).good().says("MB fetched");
    other.zarpa(other.path(), &["image", "pull", &base]).good().says("nothing to fetch");
    let inspect = ["image", "inspect", &base, "--output", "json"];
    let seen = other.zarpa(other.path(), &inspect).good().json();
    assert_eq!(seen["configuration"]["config"]["User"], "1000:1000");
    assert_eq!(seen["layers"].as_array().unwrap().len(), 2);

    let (third, derived) = (Machine::new(), Project::new());
    log_in(&third, &registry, LOGIN);
    let files =
        "files = { \"/bin/busybox\" = \"out/busybox\", \"/www/index.html\" = \"out/index.html\" }";
    let own = format!("base = \"{base}\"\nfiles = {{ \"/www/more.html\" = \"out/index.html\" }}");
    derived.replace("zarpa.toml", files, &own);
    let built = third.zarpa(derived.path(), &["build"]).good();
    let inspect = ["image", "inspect", built.last_line(), "--output", "json"];
    let seen = third.zarpa(derived.path(), &inspect).good().json();
    assert_eq!(seen["layers"].as_array().unwrap().len(), 3);
}

#[test]
fn an_archive_is_loaded_and_runs() {
    let (machine, project) = (Machine::new(), Project::new());
    let built = machine.zarpa(project.path(), &["build"]).good();
    let store = machine.data().join("zarpa/images");
    let image = format!("oci:{}:docker.io/library/{}", store.display(), built.last_line());
    let archive = machine.path().join("web.tar").display().to_string();
    let target = format!("oci-archive:{archive}:elsewhere.example/team/web:1");
    run(Command::new("skopeo").args(["copy", "--quiet", &image, &target])).good();

    let other = Machine::new();
    other.zarpa(other.path(), &["cluster", "start"]).good();
    other.zarpa(other.path(), &["cluster", "load", &archive]).good();
    let image = "--image=elsewhere.example/team/web:1";
    other.kubectl(&["run", "web", image, "--", "httpd", "-f", "-p", "8080", "-h", "/www"]);
    other.kubectl(&["wait", "--for=condition=Ready", "pod/web", "--timeout=30s"]);
}
