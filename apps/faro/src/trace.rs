//! Traces: W3C trace contexts, and server spans sent to an OTLP collector as JSON over HTTP.
//!
//! One span a request needs no more than this, and nothing else to compile.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::http::{HeaderMap, Request, Uri, header};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Spans that may wait to be sent; further ones are dropped, so that a collector that is away costs nobody anything.
const WAITING_MAX: usize = 4096;
const BATCH_MAX: usize = 512;
/// How long the first span of a batch waits for others.
const GATHER: Duration = Duration::from_secs(1);
const SEND: Duration = Duration::from_secs(3);
/// `SPAN_KIND_SERVER` and `STATUS_CODE_ERROR` of the OTLP specification.
const KIND_SERVER: u8 = 2;
const STATUS_ERROR: u8 = 2;

/// Random bits that nobody can guess, never zero.
pub(crate) fn random() -> u128 {
    rand::random::<u128>().max(1)
}

/// What a request belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceContext {
    pub(crate) trace_id: u128,
    parent: Option<u64>,
    is_sampled: bool,
}

impl TraceContext {
    /// The caller's context by its `traceparent`, else the beginning of a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let text = headers.get("traceparent").and_then(|it| it.to_str().ok());
        text.and_then(Self::parse).unwrap_or_else(|| Self {
            trace_id: random(),
            parent: None,
            is_sampled: true,
        })
    }

    /// Source: W3C Trace Context, section 3.2.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, parent, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |it: &str, n: usize| {
            it.len() == n && it.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_whole =
            is_hex(version, 2) && is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2);
        if !is_whole || version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let trace_id = u128::from_str_radix(trace, 16).ok().filter(|it| *it != 0)?;
        let parent = u64::from_str_radix(parent, 16).ok().filter(|it| *it != 0)?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        Some(Self { trace_id, parent: Some(parent), is_sampled: flags & 1 == 1 })
    }
}

/// An id as it is written everywhere: 32 digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hex(pub(crate) u128);

impl Hex {
    pub(crate) fn digits(self) -> [u8; 32] {
        let mut digits = [0; 32];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0.to_be_bytes()) {
            let digit = |it: u8| b"0123456789abcdef"[usize::from(it)];
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        digits
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

/// A request that was answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Server {
    pub(crate) method: &'static str,
    pub(crate) route: &'static str,
    pub(crate) status: u16,
    pub(crate) took: Duration,
}

enum Message {
    Span(Box<Value>),
    Flush(oneshot::Sender<()>),
}

/// Takes spans; does nothing when no collector is named. Clones share the queue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traces(Option<mpsc::Sender<Message>>);

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Message")
    }
}

impl Traces {
    /// Starts to send to `endpoint`, as `http://collector:4318`.
    pub(crate) fn start(endpoint: Option<&String>, service: &str) -> Self {
        let Some(endpoint) = endpoint else { return Self(None) };
        let (tx, waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(send_all(format!("{endpoint}/v1/traces"), service.to_owned(), waiting));
        Self(Some(tx))
    }

    /// Tells of a request that has just been answered.
    pub(crate) fn end(&self, context: &TraceContext, server: &Server) {
        let Some(tx) = self.0.as_ref().filter(|_| context.is_sampled) else { return };
        let Ok(permit) = tx.try_reserve() else { return };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        permit.send(Message::Span(Box::new(span(context, server, now))));
    }

    /// Waits until everything told so far was sent, or could not be.
    pub(crate) async fn flush(&self) {
        let Some(tx) = &self.0 else { return };
        let (done, flushed) = oneshot::channel();
        if tx.send(Message::Flush(done)).await.is_ok() {
            flushed.await.ok();
        }
    }
}

/// Source: OpenTelemetry's semantic conventions for HTTP servers, and OTLP's JSON encoding.
fn span(context: &TraceContext, server: &Server, now: Duration) -> Value {
    let start = now.saturating_sub(server.took);
    let mut span = json!({
        "traceId": Hex(context.trace_id).to_string(),
        "spanId": format!("{:016x}", (random() as u64).max(1)),
        "name": format!("{} {}", server.method, server.route),
        "kind": KIND_SERVER,
        "startTimeUnixNano": start.as_nanos().to_string(),
        "endTimeUnixNano": now.as_nanos().to_string(),
        "attributes": [
            {"key": "http.request.method", "value": {"stringValue": server.method}},
            {"key": "http.route", "value": {"stringValue": server.route}},
            {"key": "http.response.status_code", "value": {"intValue": server.status.to_string()}},
        ],
    });
    if let Some(parent) = context.parent {
        span["parentSpanId"] = format!("{parent:016x}").into();
    }
    if 500 <= server.status {
        span["status"] = json!({"code": STATUS_ERROR});
    }
    span
}

async fn send_all(url: String, service: String, mut waiting: mpsc::Receiver<Message>) {
    let mut messages = Vec::new();
    let mut is_away = false;
    while waiting.recv_many(&mut messages, BATCH_MAX).await != 0 {
        if messages.len() < BATCH_MAX && messages.iter().all(|it| matches!(it, Message::Span(_))) {
            let gather = waiting.recv_many(&mut messages, BATCH_MAX);
            timeout(GATHER, gather).await.ok();
        }
        let (mut spans, mut flushes) = (Vec::new(), Vec::new());
        for message in messages.drain(..) {
            match message {
                Message::Span(span) => spans.push(*span),
                Message::Flush(done) => flushes.push(done),
            }
        }
        if !spans.is_empty() {
            let result = timeout(SEND, send(&url, &service, spans)).await;
            let result = result.unwrap_or_else(|_| Err("it took too long".into()));
            // Said once for each time that the collector goes away.
            if let (Err(error), false) = (&result, is_away) {
                tracing::warn!(%error, "could not send traces");
            }
            is_away = result.is_err();
        }
        for done in flushes {
            done.send(()).ok();
        }
    }
}

type SendError = Box<dyn std::error::Error + Send + Sync>;

async fn send(url: &str, service: &str, spans: Vec<Value>) -> Result<(), SendError> {
    let url: Uri = url.parse()?;
    let authority = url.authority().ok_or("the address names no host")?;
    let stream = TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let body = json!({"resourceSpans": [{
        "resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": service}},
            {"key": "service.version", "value": {"stringValue": env!("CARGO_PKG_VERSION")}},
        ]},
        "scopeSpans": [{"scope": {"name": "faro"}, "spans": spans}],
    }]});
    let request = Request::post(url.path())
        .header(header::HOST, authority.as_str())
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body.to_string())))?;
    let status = sender.send_request(request).await?.status();
    connection.abort();
    if status.is_success() {
        Ok(())
    } else {
        Err(format!("the collector answered {status}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_taken_over_when_it_is_whole() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = TraceContext::parse(text).unwrap();
        assert_eq!(Hex(context.trace_id).to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.parent, Some(0x00f0_67aa_0ba9_02b7));
        assert!(context.is_sampled);
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
    }
}
