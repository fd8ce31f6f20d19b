//! A machine of one's own for each test: a state folder, a home, and the programs that are tried on it.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// Set by `cargo xtask e2e`: the program under test, and the folder of kubectl, helm and the registry.
const PROGRAM: &str = "ZARPA_E2E_PROGRAM";
const TOOLS: &str = "ZARPA_E2E_TOOLS";

/// Whatever is started here sees only this machine's folders; all of it ends with the value.
pub(crate) struct Machine {
    dir: TempDir,
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) took: Duration,
}

impl Ran {
    /// Fails the test unless the program succeeded.
    #[track_caller]
    pub(crate) fn good(self) -> Self {
        assert!(self.status.success(), "{}\n{}\n{}", self.status, self.out, self.err);
        self
    }

    /// Fails the test unless the work failed, in zarpa's words: exit code 1, one line of cause.
    #[track_caller]
    pub(crate) fn failed(self) -> Self {
        assert_eq!(self.status.code(), Some(1), "{}\n{}", self.out, self.err);
        let errors = self.err.lines().filter(|it| it.starts_with("error: "));
        assert_eq!(errors.count(), 1, "one line says why:\n{}", self.err);
        self
    }

    /// The line that says why.
    pub(crate) fn cause(&self) -> &str {
        self.err.lines().find(|it| it.starts_with("error: ")).unwrap_or_default()
    }

    pub(crate) fn last_line(&self) -> &str {
        self.out.lines().last().unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|it| panic!("{it}:\n{}", self.out))
    }

    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        let is_said = self.out.contains(text) || self.err.contains(text);
        assert!(is_said, "`{text}` is not said:\n{}\n{}", self.out, self.err);
        self
    }
}

impl Machine {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Others than root come here, too.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        Self { dir }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The folder that `XDG_DATA_HOME` names.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A program that knows nothing of whoever runs the tests, but for where Rust lies.
    pub(crate) fn command(&self, program: impl AsRef<Path>, dir: &Path) -> Command {
        let home = PathBuf::from(env::var_os("HOME").unwrap_or_else(|| "/root".into()));
        let rust = |name: &str, folder: &str| {
            env::var_os(name).unwrap_or_else(|| home.join(folder).into_os_string())
        };
        let mut command = Command::new(program.as_ref());
        command
            .current_dir(dir)
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .env("XDG_DATA_HOME", self.data())
            .env("CARGO_HOME", rust("CARGO_HOME", ".cargo"))
            .env("RUSTUP_HOME", rust("RUSTUP_HOME", ".rustup"))
            .stdin(Stdio::null());
        command
    }

    /// Runs zarpa in a folder, to its end.
    pub(crate) fn zarpa(&self, dir: &Path, args: &[&str]) -> Ran {
        run(self.command(program(), dir).args(args))
    }

    /// Starts zarpa, and kills it with SIGKILL as soon as it has said `moment`; returns what it had said until then.
    pub(crate) fn zarpa_killed_at(&self, dir: &Path, args: &[&str], moment: &str) -> String {
        let mut command = self.command(program(), dir);
        let mut child =
            command.args(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let said = read_until(&mut child, moment);
        child.kill().unwrap();
        child.wait().unwrap();
        said
    }

    /// Runs kubectl on the embedded cluster and returns what it prints.
    #[track_caller]
    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        run(self.client("kubectl").args(args)).good().out
    }

    /// Runs helm on the embedded cluster and returns what it prints.
    #[track_caller]
    pub(crate) fn helm(&self, args: &[&str]) -> String {
        run(self.client("helm").args(args)).good().out
    }

    /// kubectl or helm, with the embedded cluster's kubeconfig.
    pub(crate) fn client(&self, name: &str) -> Command {
        let mut command = self.command(tool(name), self.path());
        command.env("KUBECONFIG", self.kubeconfig());
        command
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.data().join("zarpa/cluster/kubeconfig")
    }

    /// The process of the embedded cluster.
    pub(crate) fn cluster_pid(&self) -> u32 {
        let status = self.zarpa(self.path(), &["cluster", "status", "--output", "json"]).good();
        u32::try_from(status.json()["pid"].as_u64().unwrap()).unwrap()
    }

    /// Kills the process of the embedded cluster, and returns when it is gone.
    pub(crate) fn kill_cluster(&self) {
        let pid = self.cluster_pid();
        run(Command::new("kill").args(["-9", &pid.to_string()])).good();
        // It was started by a program that has ended, so nobody here can wait for it but by its files.
        run(Command::new("flock").arg(self.data().join("zarpa/cluster/pid")).arg("true")).good();
    }

    /// The pods of a namespace: name, uid, restarts, readiness; sorted.
    pub(crate) fn pods(&self, namespace: &str) -> Vec<String> {
        let columns = "custom-columns=N:.metadata.name,U:.metadata.uid,\
            R:.status.containerStatuses[*].restartCount,S:.status.containerStatuses[*].ready";
        let list = self.kubectl(&["get", "pods", "-n", namespace, "--no-headers", "-o", columns]);
        let mut pods: Vec<String> = list.lines().map(str::to_owned).collect();
        pods.sort();
        pods
    }

    /// The revisions of a release, as helm tells them: number, status.
    pub(crate) fn history(&self, namespace: &str, release: &str) -> Vec<(u64, String)> {
        let text = self.helm(&["history", release, "-n", namespace, "-o", "json"]);
        let history: Vec<Value> = serde_json::from_str(&text).unwrap();
        let line = |it: &Value| {
            (it["revision"].as_u64().unwrap(), it["status"].as_str().unwrap().to_owned())
        };
        history.iter().map(line).collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.data().join("zarpa/cluster/log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let shown = &lines[lines.len().saturating_sub(40)..];
            eprintln!("the end of the cluster's log:\n{}", shown.join("\n"));
        }
        let reset = self.zarpa(self.path(), &["cluster", "reset"]);
        if !reset.status.success() && !std::thread::panicking() {
            panic!("the cluster could not be removed: {}", reset.err);
        }
    }
}

/// The program under test.
pub(crate) fn program() -> PathBuf {
    given(PROGRAM)
}

/// A program that only tests use.
pub(crate) fn tool(name: &str) -> PathBuf {
    given(TOOLS).join(name)
}

fn given(name: &str) -> PathBuf {
    env::var_os(name).map(PathBuf::from).expect("run these tests by `cargo xtask e2e`")
}

/// The repository that these tests belong to.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Runs a program to its end.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Ran {
    let begin = Instant::now();
    let output = command.output().unwrap_or_else(|it| panic!("{command:?}: {it}"));
    Ran {
        status: output.status,
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        took: begin.elapsed(),
    }
}

/// Reads a child's standard error until a line contains `text`, or to its end.
pub(crate) fn read_until(child: &mut Child, text: &str) -> String {
    let mut reader = BufReader::new(child.stderr.as_mut().unwrap());
    let mut said = String::new();
    let mut start = 0;
    while !said[start..].contains(text) {
        start = said.len();
        if reader.read_line(&mut said).unwrap() == 0 {
            break;
        }
    }
    said
}
