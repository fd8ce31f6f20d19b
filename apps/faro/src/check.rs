//! `faro check`: one request to a running faro, for tests from an image that has no shell.

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    time::Duration,
};

const TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error("`{0}` is no address of the form http://host[:port]/path")]
    Url(String),
    #[error("could not ask `{url}`: {source}")]
    Ask { url: String, source: io::Error },
    #[error("`{url}` answered `{status}`: {body}")]
    Status { url: String, status: String, body: String },
    #[error("the answer of `{url}` does not contain `{wanted}`: {body}")]
    Body { url: String, wanted: String, body: String },
}

/// Asks `url` and returns the answer's body when it is a 200 that contains `wanted`.
pub fn check(url: &str, wanted: Option<&str>) -> Result<String, CheckError> {
    let rest = url.strip_prefix("http://").ok_or_else(|| CheckError::Url(url.to_owned()))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address =
        if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    let answer = ask(&address, authority, path)
        .map_err(|source| CheckError::Ask { url: url.to_owned(), source })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    let (url, body) = (url.to_owned(), body.to_owned());
    if status.split(' ').nth(1) != Some("200") {
        return Err(CheckError::Status { url, status: status.to_owned(), body });
    }
    match wanted {
        Some(wanted) if !body.contains(wanted) => {
            Err(CheckError::Body { url, wanted: wanted.to_owned(), body })
        }
        _ => Ok(body),
    }
}

/// HTTP/1.0, so that the answer comes whole and the connection ends with it.
fn ask(address: &str, host: &str, path: &str) -> io::Result<String> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(mut stream) => {
                stream.set_read_timeout(Some(TIMEOUT))?;
                write!(stream, "GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
                let mut answer = Vec::new();
                stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
                return Ok(String::from_utf8_lossy(&answer).into_owned());
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
