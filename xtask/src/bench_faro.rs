//! Figures of faro: CPU time a request and memory, beside bare axum, and beside others when they are installed.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, ensure};

use crate::shell::{self, root};

const ROUNDS: usize = 5;
const SECONDS: &str = "3s";
const CONNECTIONS: &str = "64";
/// The kernel's unit of time in `/proc`: `getconf CLK_TCK`.
const TICK_US: f64 = 10_000.0;

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
    ensure!(has("wrk") && has("redis-server"), "bench faro: apt-get install wrk redis-server");
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
    eprintln!(
        "\n{:<34} {:>8} {:>8} {:>8} {:>10} {:>8}",
        "CPU µs a request", "min", "median", "max", "req/s", "RSS MB"
    );
    for contest in &mut contests {
        contest.figures.sort_by(|a, b| a.cpu_us.total_cmp(&b.cpu_us));
        let (first, last) = (&contest.figures[0], &contest.figures[ROUNDS - 1]);
        let median = &contest.figures[ROUNDS / 2];
        eprintln!(
            "{:<34} {:>8.1} {:>8.1} {:>8.1} {:>10.0} {:>8.1}",
            contest.name,
            first.cpu_us,
            median.cpu_us,
            last.cpu_us,
            median.per_second,
            median.rss_mb
        );
    }
    Ok(())
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

fn contests(dir: &std::path::Path, redis_port: u16) -> anyhow::Result<Vec<Contest>> {
    let bare = build(&["--example", "bare"])?;
    let faro = build(&["--bin", "faro"])?;
    let start_faro = |extra: &[&str], log_level: &str| {
        let mut command = pinned(&faro);
        let data = dir.join(format!("data{}", extra.len()));
        command.args(["--admin-listen", "127.0.0.1:0", "--log-level", log_level, "--data-dir"]);
        Server::start(command.arg(data).args(extra).args(["--listen"]))
    };
    let redis_url = format!("redis://127.0.0.1:{redis_port}");
    let redis = ["--redis-url", redis_url.as_str()];
    let contest = |name, server, path| Contest { name, server, path, figures: Vec::new() };
    let mut contests = vec![
        contest("axum alone, /health", Server::start_told(&mut pinned(&bare))?, "/health"),
        contest("faro, /health", start_faro(&[], "warn")?, "/health"),
        contest("faro, / on Redis", start_faro(&redis, "warn")?, "/"),
        contest("faro, / on Redis, every line logged", start_faro(&redis, "info")?, "/"),
        contest("faro, / on SQLite", start_faro(&[], "warn")?, "/"),
    ];
    if Command::new("python3")
        .args(["-c", "import flask, gunicorn, redis"])
        .output()?
        .status
        .success()
    {
        fs::write(dir.join("visits.py"), FLASK)?;
        let mut command = pinned(&PathBuf::from("python3"));
        command.args(["-m", "gunicorn", "--workers", "1", "visits:app"]).current_dir(dir);
        let server =
            Server::start(command.env("REDIS_PORT", redis_port.to_string()).arg("--bind"))?;
        contests.push(contest("Flask and gunicorn, / on Redis", server, "/"));
    } else {
        eprintln!("bench: no Flask: pip install flask gunicorn redis");
    }
    let podinfo = PathBuf::from(env::var_os("HOME").unwrap_or_default()).join("go/bin/podinfo");
    if podinfo.is_file() {
        let port = free_port()?;
        let mut command = pinned(&podinfo);
        command.args(["--level", "error", "--port", &port.to_string()]);
        contests.push(contest("podinfo, /healthz", Server::spawn(&mut command, port)?, "/healthz"));
    } else {
        eprintln!(
            "bench: no podinfo: go install github.com/stefanprodan/podinfo/cmd/podinfo@latest"
        );
    }
    Ok(contests)
}

fn has(program: &str) -> bool {
    Command::new("which").arg(program).output().is_ok_and(|it| it.status.success())
}

fn build(what: &[&str]) -> anyhow::Result<PathBuf> {
    let args = ["build", "--locked", "--release", "-p", "faro", "--message-format", "json"];
    let text = shell::read(Command::new("cargo").args(args).args(what).current_dir(root()))?;
    let messages = text.lines().filter_map(|it| serde_json::from_str::<serde_json::Value>(it).ok());
    let programs = messages.filter_map(|it| Some(PathBuf::from(it["executable"].as_str()?)));
    programs.max().context("cargo names no program")
}

/// The server has the first core, the client the second.
fn pinned(program: &std::path::Path) -> Command {
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
