//! The program itself: its sockets, its TLS, its traces, its end.

use std::{
    io::{BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};

/// A running faro; it is killed with the value.
struct Faro {
    child: Child,
    log: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Faro {
    fn start(dir: &Path, args: &[&str]) -> Self {
        let mut child = faro(args)
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir"])
            .arg(dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stdout.take().unwrap());
        let mut faro = Self { child, log, address: ([0, 0, 0, 0], 0).into() };
        let line = line_with(&mut faro.log, "\"serving\"");
        let address = line.split("\"listen\":\"").nth(1).and_then(|it| it.split('"').next());
        faro.address = address.unwrap().parse().unwrap();
        faro
    }
}

impl Drop for Faro {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn faro(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_faro"));
    command.args(args).env_clear();
    command
}

fn line_with(log: &mut impl std::io::BufRead, text: &str) -> String {
    let mut line = String::new();
    while !line.contains(text) {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "`{text}` was not said");
    }
    line
}

#[test]
fn every_mistake_is_told_and_nothing_starts() {
    let output =
        faro(&["--listen", "x", "--log-level", "=="]).env("FARO_REQUESTS_MAX", "0").output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    for text in ["--listen: `x`", "--log-level: `==`", "FARO_REQUESTS_MAX: `0`"] {
        assert!(said.contains(text), "{said}");
    }
    let help = faro(&["--help"]).output().unwrap();
    assert!(help.status.success());
    assert!(String::from_utf8(help.stdout).unwrap().contains("[env: FARO_DATABASE_URL"));
}

#[test]
fn the_end_comes_in_order_and_sends_the_last_traces() {
    let dir = tempfile::tempdir().unwrap();
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let mut faro =
        Faro::start(dir.path(), &["--otlp-endpoint", &endpoint, "--shutdown-delay", "0.1"]);
    let mut stream = TcpStream::connect(faro.address).unwrap();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    write!(stream, "GET / HTTP/1.1\r\nhost: faro\r\ntraceparent: {parent}\r\n\r\n").unwrap();
    let mut line = line_with(&mut faro.log, "\"status\":200");
    assert!(line.contains("4bf92f3577b34da6a3ce929d0e0e4736"), "{line}");
    // The connection is idle and stays open: it must not hold up the end.
    let pid = faro.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());

    let (mut span, _) = collector.accept().unwrap();
    let mut request = [0; 4096];
    let mut text = String::new();
    while !text.contains("spanId") || !text.ends_with('}') {
        let n_bytes = span.read(&mut request).unwrap();
        assert_ne!(n_bytes, 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&request[..n_bytes]));
    }
    assert!(text.starts_with("POST /v1/traces HTTP/1.1"), "{text}");
    for part in
        ["4bf92f3577b34da6a3ce929d0e0e4736", "\"parentSpanId\":\"00f067aa0ba902b7\"", "\"GET /\""]
    {
        assert!(text.contains(part), "{text}");
    }
    write!(span, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    for text in ["no longer ready", "no longer accepting", "\"ended\""] {
        line = line_with(&mut faro.log, text);
    }
    assert!(line.contains("ended"));
    assert_eq!(faro.child.wait().unwrap().code(), Some(0));
}

#[test]
fn connections_without_a_whole_head_are_closed_and_slow_answers_are_not() {
    let dir = tempfile::tempdir().unwrap();
    // Accepts connections by its backlog, and never says a word.
    let redis = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", redis.local_addr().unwrap());
    let args = ["--header-timeout", "0.2", "--store-timeout", "1", "--redis-url", &url];
    let faro = Faro::start(dir.path(), &args);
    let answered = |said: &str| {
        let mut stream = TcpStream::connect(faro.address).unwrap();
        stream.write_all(said.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert_eq!(answered(""), "");
    assert_eq!(answered("GET /health HTTP/1.1\r\nhost: x"), "");
    let kept = answered("GET /health HTTP/1.1\r\nhost: x\r\n\r\nGET /health");
    assert!(kept.starts_with("HTTP/1.1 200 OK") && kept.ends_with("faro is ready!"), "{kept}");
    let late = answered("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(late.starts_with("HTTP/1.1 503 "), "{late}");
}

#[test]
fn tls_is_served_and_a_changed_certificate_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let [cert, key] = ["tls.crt", "tls.key"].map(|it| dir.path().join(it));
    let write = || {
        let CertifiedKey { cert: made, signing_key } =
            generate_simple_self_signed(vec!["faro".to_owned()]).unwrap();
        std::fs::write(&cert, made.pem()).unwrap();
        std::fs::write(&key, signing_key.serialize_pem()).unwrap();
        made.der().clone()
    };
    let first = write();
    let files = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let faro = Faro::start(dir.path(), &files);
    assert!(health(faro.address, &first).unwrap().ends_with("faro is ready!"));
    let second = write();
    assert!(health(faro.address, &second).is_err() || health(faro.address, &first).is_err());
    // Looked at again within a second or so of connections.
    while health(faro.address, &second).is_err() {}
    assert!(health(faro.address, &first).is_err());
    // What cannot be used changes nothing.
    std::fs::write(&cert, "no certificate").unwrap();
    assert!(health(faro.address, &second).is_ok());
}

/// Asks for `/health` by TLS, trusting this certificate alone.
fn health(address: SocketAddr, trusted: &CertificateDer<'static>) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("faro").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address)?);
    write!(stream, "GET /health HTTP/1.1\r\nhost: faro\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
