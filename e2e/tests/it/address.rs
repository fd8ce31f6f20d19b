//! An address, asked as any client does: over a connection for each request.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(10);

/// Asks `path` of an address such as `http://127.0.0.1:8080/`; the host's name may end in `.localhost`.
pub(crate) fn ask(address: &str, path: &str) -> io::Result<(u16, String)> {
    let authority = address.trim_start_matches("http://").trim_end_matches('/');
    let port = authority.rsplit(':').next().and_then(|it| it.parse().ok()).unwrap_or(80);
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
    let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if is_chunked { unchunked(body) } else { body.to_owned() };
    Ok((status.ok_or(io::ErrorKind::InvalidData)?, body))
}

fn unchunked(body: &str) -> String {
    let mut text = String::new();
    let mut rest = body;
    while let Some((size, after)) = rest.split_once("\r\n") {
        let n_bytes = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let Some((chunk, after)) = after.split_at_checked(n_bytes).filter(|_| n_bytes != 0) else {
            break;
        };
        text.push_str(chunk);
        rest = after.trim_start_matches("\r\n");
    }
    text
}

/// The body of a 200; anything else fails the test.
#[track_caller]
pub(crate) fn body(address: &str, path: &str) -> String {
    let (status, body) = ask(address, path).unwrap_or_else(|it| panic!("{address}{path}: {it}"));
    assert_eq!(status, 200, "{address}{path}: {body}");
    body
}

/// The number of visits that faro's greeting tells.
#[track_caller]
pub(crate) fn visits(address: &str) -> u64 {
    let greeting = body(address, "/");
    let number = greeting.rsplit("been seen ").next().and_then(|it| it.split(' ').next());
    number.and_then(|it| it.parse().ok()).unwrap_or_else(|| panic!("no number: {greeting}"))
}

/// A client that asks `/` without pause until it is told to end, or its test has failed.
pub(crate) struct Caller {
    is_ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<Calls>>,
}

/// What a [`Caller`] saw.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) n_good: usize,
    /// Whatever was no 200.
    pub(crate) failures: Vec<String>,
    /// The first words of the answers, each once, in order.
    pub(crate) greetings: Vec<String>,
}

impl Caller {
    pub(crate) fn start(address: &str) -> Self {
        let is_ending = Arc::new(AtomicBool::new(false));
        let (address, is_over) = (address.to_owned(), Arc::clone(&is_ending));
        let thread = thread::spawn(move || {
            let mut calls = Calls::default();
            while !is_over.load(Ordering::Relaxed) {
                match ask(&address, "/") {
                    Ok((200, body)) => calls.add(&body),
                    Ok((status, body)) => calls.failures.push(format!("{status}: {body}")),
                    Err(error) => calls.failures.push(error.to_string()),
                }
            }
            calls
        });
        Self { is_ending, thread: Some(thread) }
    }

    pub(crate) fn end(mut self) -> Calls {
        self.is_ending.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Caller {
    /// The tests after a failed one have the same address, and count their visitors.
    fn drop(&mut self) {
        self.is_ending.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Calls {
    fn add(&mut self, body: &str) {
        self.n_good += 1;
        let greeting: String = body.split(" I have").next().unwrap_or_default().to_owned();
        if !self.greetings.contains(&greeting) {
            self.greetings.push(greeting);
        }
    }
}
