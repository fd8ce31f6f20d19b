//! A small HTTP client, so that the suite can ask any faro that listens somewhere.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

/// Longer than any request may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Asks one faro; checks each answer against its own OpenAPI document once that was read.
pub(crate) struct Client {
    address: SocketAddr,
    api: Value,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|it| it.0.eq_ignore_ascii_case(name)).map(|it| it.1.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("every answer with a body to look into is JSON")
    }

    /// Fails unless this is a problem document with this status; returns it.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(problem["detail"].as_str().is_some_and(|it| !it.is_empty()), "{problem}");
        problem
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let mut client = Self { address, api: Value::Null };
        client.api = client.get("/openapi.json").json();
        client
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.ask(method, path, &[("content-type", "application/json")], &body.to_string())
    }

    #[track_caller]
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: faro\r\nconnection: close\r\n");
        for (name, value) in headers {
            head.extend([*name, ": ", *value, "\r\n"]);
        }
        let text = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        let answer = parse(&self.raw(text.as_bytes()));
        self.check(method, path, &answer);
        answer
    }

    /// Sends these bytes, and returns all that comes until the connection ends.
    #[track_caller]
    pub(crate) fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect_timeout(&self.address, TIMEOUT).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        // Whoever sends too much may be hung up on.
        stream.write_all(bytes).ok();
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) => assert!(!answer.is_empty() || is_hang_up(&error), "{error}"),
        }
        answer
    }

    /// Every status and media type of a known path stands in the document.
    #[track_caller]
    fn check(&self, method: &str, path: &str, answer: &Answer) {
        let path = path.split('?').next().unwrap_or_default();
        let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
        let pattern = match path.strip_prefix("/api/users/") {
            Some(id) if !id.contains('/') => "/api/users/{id}",
            _ => path,
        };
        let operation = &self.api["paths"][pattern][method.to_ascii_lowercase()];
        if operation.is_null() {
            return;
        }
        let mut described = &operation["responses"][answer.status.to_string()];
        assert!(!described.is_null(), "{method} {path}: {} is not documented", answer.status);
        if let Some(reference) = described["$ref"].as_str() {
            described = self.api.pointer(&reference[1..]).unwrap();
        }
        if let (Some(content), false) = (described["content"].as_object(), answer.body.is_empty()) {
            let media_type = answer.header("content-type").unwrap_or_default();
            let media_type = media_type.split(';').next().unwrap_or_default();
            assert!(
                content.contains_key(media_type),
                "{method} {path}: {media_type} is not documented"
            );
        }
        assert!(answer.header("x-request-id").is_some(), "{method} {path}: no request id");
    }
}

fn is_hang_up(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe)
}

#[track_caller]
fn parse(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
    let mut lines = head.lines();
    let status = lines.next().and_then(|it| it.split(' ').nth(1)).and_then(|it| it.parse().ok());
    let headers = lines.filter_map(|it| it.split_once(": "));
    let headers = headers.map(|it| (it.0.to_owned(), it.1.to_owned())).collect();
    Answer { status: status.expect("an answer has a status"), headers, body: body.to_owned() }
}
