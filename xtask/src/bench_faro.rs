//! Figures of faro: CPU time a request and memory, beside bare axum, Flask with gunicorn, and podinfo, in one run.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, ensure};

use crate::shell::{self, root};

const ROUNDS: usize = 5;
const SECONDS: &str = "3s";
const CONNECTIONS: &str = "64";
/// The kernel's unit of time in `/proc`: `getconf CLK_TCK`.
const TICK_US: f64 = 10_000.0;
const PYTHON: [&str; 3] = ["Flask==3.1.3", "gunicorn==27.0.1", "redis==8.1.0"];
/// Release 6.9.2: later ones have no version that a Go module may have.
const PODINFO: &str =
    "github.com/stefanprodan/podinfo/cmd/podinfo@v1.8.1-0.20250910200901-e86405a8674e";

/// A visit counter as one would write it with Flask.
const FLASK: &str = "import os
import flask, redis
app = flask.Flask(__name__)
store = redis.Redis(port=int(os.environ['REDIS_PORT']))
@app.get('/health')
def health():
    return 'faro is ready!'
@app.get('/')
def hello():
    return f'Hello World! I have been seen {store.incr(\"flask\")} times.\\n'
";

/// Measures every server in turn, round by round, and prints one line for each.
pub(crate) fn run() -> anyhow::Result<()> {
    ensure!(
        shell::has("wrk") && shell::has("redis-server"),
        "bench faro: apt-get install wrk redis-server"
    );
    let dir = root().join("target/bench-faro");
    fs::create_dir_all(&dir)?;
    let redis_port = free_port()?;
    let redis = Server::redis(redis_port)?;
    let mut contests = contests(&dir, redis_port)?;
    for round in 1..=ROUNDS {
        eprintln!("bench: round {round} of {ROUNDS}");
        for contest in &mut contests {
            contest.figures.push(contest.server.load(contest.path)?);
        }
    }
    drop(redis);
    show(&mut contests);
    Ok(())
}

/// The first contest is what the others are compared with.
fn show(contests: &mut [Contest]) {
    eprintln!(
        "\n{:<40} {:>6} {:>6} {:>6} {:>6} {:>8} {:>7}",
        "CPU µs a request", "min", "median", "max", "ratio", "req/s", "RSS MB"
    );
    let mut base_us = None;
    for contest in contests {
        contest.figures.sort_by(|a, b| a.cpu_us.total_cmp(&b.cpu_us));
        let (first, last) = (&contest.figures[0], &contest.figures[ROUNDS - 1]);
        let median = &contest.figures[ROUNDS / 2];
        let base_us = *base_us.get_or_insert(median.cpu_us);
        eprintln!(
            "{:<40} {:>6.1} {:>6.1} {:>6.1} {:>6.2} {:>8.0} {:>7.1}",
            contest.name,
            first.cpu_us,
            median.cpu_us,
            last.cpu_us,
            median.cpu_us / base_us,
            median.per_second,
            median.rss_mb
        );
    }
}

struct Contest {
    name: &'static str,
    server: Server,
    path: &'static str,
    figures: Vec<Figure>,
}

struct Figure {
    cpu_us: f64,
    per_second: f64,
    rss_mb: f64,
}

fn contests(dir: &Path, redis_port: u16) -> anyhow::Result<Vec<Contest>> {
    let bare = build(&["build"], &["--example", "bare"], &[])?;
    // As it is deployed.
    let faro = build(&["rustc"], &["--bin", "faro"], &["--", "-C", "target-feature=+crt-static"])?;
    let redis_url = format!("redis://127.0.0.1:{redis_port}");
    let start_faro = |args: &[&str]| {
        let mut command = pinned(&faro);
        command.args(["--admin-listen", "127.0.0.1:0", "--data-dir"]).arg(dir.join("data"));
        Server::start(command.args(args).arg("--listen"))
    };
    let (warn, redis) = (["--log-level", "warn"], ["--redis-url", redis_url.as_str()]);
    let quiet = [warn, redis].concat();
    let contest = |name, server, path| Contest { name, server, path, figures: Vec::new() };
    Ok(vec![
        contest("axum alone, /health", Server::start_told(&mut pinned(&bare))?, "/health"),
        contest("faro, /health", start_faro(&[])?, "/health"),
        contest(
            "axum alone, / with an INCR each",
            Server::start_told(pinned(&bare).arg(&redis_url))?,
            "/",
        ),
        contest("faro, / on Redis, warnings logged", start_faro(&quiet)?, "/"),
        contest("faro, / on Redis, every request logged", start_faro(&redis)?, "/"),
        contest("faro, / on SQLite, warnings logged", start_faro(&warn)?, "/"),
        contest("podinfo, /healthz", podinfo(dir)?, "/healthz"),
        contest("Flask and gunicorn, / on Redis", flask(dir, redis_port)?, "/"),
    ])
}

/// With its log at the level of errors.
fn podinfo(dir: &Path) -> anyhow::Result<Server> {
    let program = dir.join("go/podinfo");
    if !program.is_file() {
        eprintln!("bench: fetching {PODINFO}");
        shell::run(Command::new("go").args(["install", PODINFO]).env("GOBIN", dir.join("go")))?;
    }
    let port = free_port()?;
    Server::spawn(pinned(&program).args(["--level", "error", "--port", &port.to_string()]), port)
}

fn flask(dir: &Path, redis_port: u16) -> anyhow::Result<Server> {
    let venv = dir.join("python");
    if !venv.join("bin/gunicorn").is_file() {
        eprintln!("bench: fetching {}", PYTHON.join(" "));
        shell::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
        shell::run(Command::new(venv.join("bin/pip")).args(["install", "--quiet"]).args(PYTHON))?;
    }
    fs::write(dir.join("visits.py"), FLASK)?;
    let mut command = pinned(&venv.join("bin/gunicorn"));
    command.args(["--workers", "1", "visits:app"]).current_dir(dir);
    Server::start(command.env("REDIS_PORT", redis_port.to_string()).arg("--bind"))
}

fn build(task: &[&str], what: &[&str], last: &[&str]) -> anyhow::Result<PathBuf> {
    let args = ["--locked", "--release", "-p", "faro", "--message-format", "json"];
    let mut command = Command::new("cargo");
    command.args(task).args(args).args(what).args(last).current_dir(root());
    let text = shell::read(&mut command)?;
    let messages = text.lines().filter_map(|it| serde_json::from_str::<serde_json::Value>(it).ok());
    let programs = messages.filter_map(|it| Some(PathBuf::from(it["executable"].as_str()?)));
    programs.max().context("cargo names no program")
}

/// The server has the first core, the client the second.
fn pinned(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program);
    command
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A program that listens; it ends with the value.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Starts a server whose last argument is its address.
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let port = free_port()?;
        Self::spawn(command.arg(format!("127.0.0.1:{port}")), port)
    }

    fn spawn(command: &mut Command, port: u16) -> anyhow::Result<Self> {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut server = Self { child, address: format!("127.0.0.1:{port}") };
        while TcpStream::connect(&server.address).is_err() {
            ensure!(server.child.try_wait()?.is_none(), "{command:?} has ended");
        }
        Ok(server)
    }

    /// Starts a server whose first line is its address.
    fn start_told(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().context("a pipe")?).read_line(&mut address)?;
        Ok(Self { child, address: address.trim().to_owned() })
    }

    fn redis(port: u16) -> anyhow::Result<Self> {
        let mut command = Command::new("redis-server");
        Self::spawn(command.args(["--save", "", "--port", &port.to_string()]), port)
    }

    /// One round of load.
    fn load(&self, path: &str) -> anyhow::Result<Figure> {
        let url = format!("http://{}{path}", self.address);
        let before = self.cpu_ticks()?;
        let mut wrk = Command::new("taskset");
        wrk.args(["-c", "1", "wrk", "-t1", "-c", CONNECTIONS, "-d", SECONDS, &url]);
        let text = shell::read(&mut wrk)?;
        let ticks = self.cpu_ticks()? - before;
        ensure!(!text.contains("Non-2xx"), "{url} did not always answer 200:\n{text}");
        let number =
            |after: &str, line: &str| line.trim().split(after).next()?.trim().parse::<f64>().ok();
        let n_requests =
            text.lines().find_map(|it| number(" requests in", it)).context("wrk's requests")?;
        let per_second =
            text.lines().find_map(|it| it.strip_prefix("Requests/sec:")).unwrap_or_default();
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let rss = status.lines().find_map(|it| it.strip_prefix("VmRSS:")).unwrap_or_default();
        let rss_kb: f64 = rss.trim().trim_end_matches(" kB").parse().context("VmRSS")?;
        Ok(Figure {
            cpu_us: ticks * TICK_US / n_requests,
            per_second: per_second.trim().parse().context("wrk's requests a second")?,
            rss_mb: rss_kb / 1024.0,
        })
    }

    /// User and system time of the process and its children so far: gunicorn works in children.
    fn cpu_ticks(&self) -> anyhow::Result<f64> {
        let pid = self.child.id();
        let children =
            fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let mut sum = 0.0;
        for pid in children.split_whitespace().chain([pid.to_string().as_str()]) {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
            let rest = stat.rsplit_once(") ").context("stat")?.1;
            sum += rest
                .split(' ')
                .skip(11)
                .take(2)
                .filter_map(|it| it.parse::<f64>().ok())
                .sum::<f64>();
        }
        Ok(sum)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
