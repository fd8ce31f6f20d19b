//! faro on real Redis and PostgreSQL: the conformance suite, and what happens when they go away.
//!
//! The servers are Debian's; each test has its own, on free ports, with their data in a temporary folder.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader, Read},
    net::{SocketAddr, TcpListener},
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;

use self::client::Client;
use crate::machine::{repository, run};

#[path = "../../../apps/faro/tests/it/client.rs"]
pub(crate) mod client;
#[path = "../../../apps/faro/tests/it/suite.rs"]
mod suite;

const PACKAGES: &str = "these tests need Debian's `postgresql` and `redis-server`: apt-get install postgresql redis-server";
/// Debian's folders of PostgreSQL, one for each version.
const POSTGRES: &str = "/usr/lib/postgresql";
/// Answers that a store is away come sooner than this, whatever is wrong with it.
const SOON: Duration = Duration::from_secs(6);
/// All requests are answered again this long after a store has come back.
const BACK: Duration = Duration::from_secs(60);

#[test]
fn the_suite_holds_on_redis_and_postgresql_and_replicas_agree() {
    let stores = Stores::start();
    // At once, on an empty database: one of them makes the tables.
    let starting = [stores.spawn_faro(&[]), stores.spawn_faro_by_service()];
    let [one, other] = starting.map(Faro::started);
    for faro in [&one, &other] {
        let version = faro.client().get("/version").json();
        assert_eq!((&version["counter"], &version["users"]), (&json!("redis"), &json!("postgres")));
    }
    suite::all(&one.client());
    suite::all(&other.client());

    let (one, other) = (one.client(), other.client());
    let numbers: Vec<i64> = thread::scope(|scope| {
        let tasks: Vec<_> = [&one, &other, &one, &other]
            .into_iter()
            .map(|client| scope.spawn(|| (0..100).map(|_| visit(client)).collect::<Vec<_>>()))
            .collect();
        tasks.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    let unique: BTreeSet<i64> = numbers.iter().copied().collect();
    assert_eq!(unique.len(), 400, "every visitor of every replica has its own number");
    assert_eq!(unique.last().unwrap() - unique.first().unwrap(), 399, "and none is skipped");
}

#[test]
fn redis_that_is_away_is_told_and_comes_back_with_its_count() {
    let mut stores = Stores::start();
    let faro = stores.spawn_faro(&[]).started();
    let client = faro.client();
    let before = visit(&client);

    stores.redis.signal("STOP");
    let begin = Instant::now();
    client.get("/").problem(503);
    let ready = client.get("/readyz").problem(503);
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    assert_eq!(ready["checks"]["counter"]["status"], "down", "{ready}");
    assert_eq!(ready["checks"]["users"]["status"], "up", "{ready}");
    assert_eq!(client.get("/health").status, 200);
    assert_eq!(client.get("/livez").status, 200);
    assert_eq!(client.get("/api/users").status, 200);
    stores.redis.signal("CONT");
    // What was sent while it stood still may have been counted, or not.
    let after = visit(&client);
    assert!(before < after && after <= before + 2, "{before} {after}");

    stores.redis.end("TERM");
    let begin = Instant::now();
    client.get("/").problem(503);
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    stores.start_redis();
    assert_eq!(visit(&client), after + 1);
    // The connection of before is dead, and nobody has noticed yet.
    stores.redis.end("TERM");
    stores.start_redis();
    assert_eq!(visit(&client), after + 2);
    assert_eq!(client.get("/readyz").status, 200);
}

#[test]
fn faro_waits_for_stores_that_start_after_it() {
    let mut stores = Stores::start();
    stores.redis.end("TERM");
    stores.postgres.end("INT");
    let mut starting = stores.spawn_faro(&[]);
    let client = starting.client();
    client.get("/startupz").problem(503);
    client.get("/readyz").problem(503);
    client.get("/api/users").problem(503);
    client.get("/").problem(503);
    assert_eq!(client.get("/health").status, 200);
    stores.start_redis();
    stores.start_postgres();
    starting.wait_for("users: the tables are ready");
    assert_eq!(client.get("/readyz").status, 200);
    assert_eq!(client.get("/api/users").status, 200);
    assert_eq!(visit(&client), 1);
}

#[test]
fn ten_thousand_strange_requests_are_all_answered_on_redis_and_postgresql() {
    let stores = Stores::start();
    let arguments =
        format!("--database-url {} --redis-url {}", stores.postgres_url(), stores.redis_url());
    let mut command = Command::new("cargo");
    command.args(["test", "--locked", "-p", "faro", "--test", "it", "ten_thousand_strange"]);
    command.env("FARO_FUZZ_STORES", arguments).current_dir(repository());
    run(&mut command).good().says("test result: ok. 1 passed");
}

#[test]
fn a_restart_of_postgresql_under_load_loses_no_user_and_fails_no_read() {
    let mut stores = Stores::start();
    let faro = stores.spawn_faro(&["--store-timeout", "9"]).started();
    let (client, is_over) = (faro.client(), AtomicBool::new(false));
    let (n_created, n_read) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        let _over = Over(&is_over);
        for writer in 0..4 {
            let (client, is_over, n_created) = (&client, &is_over, &n_created);
            scope.spawn(move || write_until(client, is_over, n_created, writer));
        }
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(client.get("/api/users?limit=1").status, 200);
                n_read.fetch_add(1, Ordering::Relaxed);
            }
        });
        for _ in 0..2 {
            let counts = || [&n_created, &n_read].map(|it| it.load(Ordering::Relaxed));
            let before = counts();
            stores.postgres.end("INT");
            stores.start_postgres();
            let started = Instant::now();
            while counts().iter().zip(before).any(|(now, before)| *now < before + 20) {
                assert_eq!(client.get("/api/users").status, 200);
                assert!(started.elapsed() < BACK, "{before:?}, {:?}", counts());
            }
        }
    });
    let (mut n_found, mut cursor) = (0, String::new());
    loop {
        let page = client.get(&format!("/api/users?limit=100{cursor}")).json();
        n_found += page["items"].as_array().unwrap().len();
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(n_found, n_created.into_inner());
}

/// Ends the load with the test, however it ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Creates users until it is over; one whose answer was lost is sent again with its key.
fn write_until(client: &Client, is_over: &AtomicBool, n_created: &AtomicUsize, writer: usize) {
    let mut number = 0;
    while !is_over.load(Ordering::Relaxed) {
        let dni = format!("{writer}-{number}");
        let headers = [("content-type", "application/json"), ("idempotency-key", dni.as_str())];
        let body = json!({"dni": dni, "name": "Writer"}).to_string();
        let answer = client.ask("POST", "/api/users", &headers, &body);
        match answer.status {
            201 => {
                number += 1;
                n_created.fetch_add(1, Ordering::Relaxed);
            }
            status => assert_eq!(status, 503, "{answer:?}"),
        }
    }
}

#[track_caller]
pub(crate) fn visit(client: &Client) -> i64 {
    let answer = client.get("/");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("x-faro-visits").unwrap().parse().unwrap()
}

/// A Redis and a PostgreSQL of one's own; they end with the value.
struct Stores {
    dir: TempDir,
    redis: Server,
    redis_port: u16,
    postgres: Server,
    postgres_port: u16,
}

impl Stores {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (redis_port, postgres_port) = (free_port(), free_port());
        init_postgres(dir.path());
        let redis = redis(dir.path(), redis_port);
        let postgres = postgres(dir.path(), postgres_port);
        Self { dir, redis, redis_port, postgres, postgres_port }
    }

    fn start_redis(&mut self) {
        self.redis = redis(self.dir.path(), self.redis_port);
    }

    fn start_postgres(&mut self) {
        self.postgres = postgres(self.dir.path(), self.postgres_port);
    }

    fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.redis_port)
    }

    fn postgres_url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.postgres_port)
    }

    fn spawn_faro(&self, args: &[&str]) -> Faro {
        let mut command = self.faro(args);
        command.env("FARO_REDIS_URL", self.redis_url());
        Faro::spawn(command)
    }

    /// By the variables that Kubernetes gives for a Service.
    fn spawn_faro_by_service(&self) -> Faro {
        let mut command = self.faro(&["--redis-service", "redisapp"]);
        command
            .env("REDISAPP_SERVICE_HOST", "127.0.0.1")
            .env("REDISAPP_SERVICE_PORT", self.redis_port.to_string());
        Faro::spawn(command)
    }

    fn faro(&self, args: &[&str]) -> Command {
        let mut command = Command::new(faro_program());
        command
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(["--shutdown-delay", "0"])
            .args(args)
            .env_clear()
            .env("FARO_DATABASE_URL", self.postgres_url())
            // No SQLite is needed, so none can be made.
            .env("FARO_DATA_DIR", "/proc/nowhere");
        command
    }
}

/// faro as it is deployed, built once by the same command as in `zarpa.toml`.
pub(crate) fn faro_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let args = ["rustc", "--locked", "--release", "-p", "faro", "--bin", "faro"];
        let mut command = Command::new("cargo");
        command.args(args).args(["--message-format", "json"]);
        command.args(["--", "-C", "target-feature=+crt-static"]).current_dir(repository());
        let built = run(&mut command).good().out;
        let messages = built.lines().filter_map(|it| serde_json::from_str(it).ok());
        let program = messages
            .filter_map(|it: serde_json::Value| Some(PathBuf::from(it["executable"].as_str()?)));
        program.max().expect("cargo names the program that it built")
    })
}

struct Faro {
    server: Server,
    address: SocketAddr,
}

impl Faro {
    fn spawn(command: Command) -> Self {
        let mut server = Server::spawn(command, "KILL");
        let line = server.wait_for("\"message\":\"serving\"");
        let address = line.split("\"listen\":\"").nth(1).and_then(|it| it.split('"').next());
        let address = address.and_then(|it| it.parse().ok());
        Self { server, address: address.unwrap_or_else(|| panic!("no address: {line}")) }
    }

    fn started(mut self) -> Self {
        self.wait_for("users: the tables are ready");
        self
    }

    fn wait_for(&mut self, text: &str) {
        self.server.wait_for(text);
    }

    fn client(&self) -> Client {
        Client::new(self.address)
    }
}

/// A program whose log tells how far it is; it ends with the value.
struct Server {
    child: Child,
    /// What ends it at once.
    end_by: &'static str,
    log: mpsc::Receiver<String>,
}

impl Server {
    fn spawn(mut command: Command, end_by: &'static str) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|it| panic!("{command:?}: {it}: {PACKAGES}"));
        let (tx, log) = mpsc::channel();
        forward(child.stdout.take().unwrap(), tx.clone());
        forward(child.stderr.take().unwrap(), tx);
        Self { child, end_by, log }
    }

    /// The next line of the log that contains a text.
    #[track_caller]
    fn wait_for(&mut self, text: &str) -> String {
        let mut seen = Vec::new();
        while let Ok(line) = self.log.recv_timeout(Duration::from_secs(30)) {
            if line.contains(text) {
                return line;
            }
            seen.push(line);
        }
        panic!("`{text}` was not said:\n{}", seen.join("\n"));
    }

    fn signal(&self, name: &str) {
        run(Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()])).good();
    }

    /// Ends the program and waits for it.
    fn end(&mut self, signal: &str) {
        self.signal(signal);
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.signal("CONT");
            self.end(self.end_by);
        }
    }
}

fn forward(stream: impl Read + Send + 'static, tx: mpsc::Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            tx.send(line).ok();
        }
    });
}

/// A port that nobody listened on a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn redis(dir: &Path, port: u16) -> Server {
    let mut command = Command::new("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "yes", "--dir"])
        .arg(dir);
    let mut server = Server::spawn(command, "KILL");
    server.wait_for("Ready to accept connections");
    server
}

/// PostgreSQL refuses to run as root, so it runs as the user that Debian makes for it.
fn as_postgres(program: &str) -> Command {
    let versions =
        fs::read_dir(POSTGRES).unwrap_or_else(|it| panic!("{POSTGRES}: {it}: {PACKAGES}"));
    let programs = versions.map(|it| it.unwrap().path().join("bin").join(program));
    let newest = programs.filter(|it| it.is_file()).max();
    let newest = newest.unwrap_or_else(|| panic!("no {program} below {POSTGRES}: {PACKAGES}"));
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(newest);
    command
}

fn init_postgres(dir: &Path) {
    let data = dir.join("postgres");
    fs::create_dir(&data).unwrap();
    let id = |flag: &str| {
        let id = run(Command::new("id").args([flag, "postgres"])).good().out;
        id.trim().parse::<u32>().unwrap()
    };
    chown(dir, Some(id("-u")), Some(id("-g"))).unwrap();
    chown(&data, Some(id("-u")), Some(id("-g"))).unwrap();
    let mut command = as_postgres("initdb");
    command.args([
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
        "-U",
        "postgres",
    ]);
    run(command.arg("-D").arg(&data).current_dir(dir)).good();
}

fn postgres(dir: &Path, port: u16) -> Server {
    let mut command = as_postgres("postgres");
    command.arg("-D").arg(dir.join("postgres")).args(["-p", &port.to_string()]).current_dir(dir);
    for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"] {
        command.args(["-c", setting]);
    }
    // Its children must go, too: that is what SIGQUIT is for.
    let mut server = Server::spawn(command, "QUIT");
    server.wait_for("ready to accept connections");
    server
}
