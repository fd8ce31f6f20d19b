//! Sending one request: TLS or not, bodies, bounded retries.

use std::{io, path::PathBuf, time::Duration};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{fs::File, io::AsyncReadExt as _};

use crate::{
    RegistryError,
    error::is_no_tls,
    tls::{self, Tls, TlsError},
};

const TRIES_MAX: u32 = 4;
const BACKOFF_MS_MIN: u64 = 200;
const CHUNK_BYTES: usize = 256 * 1024;
/// Error documents are short; a page of HTML is cut.
const ERROR_BYTES_MAX: usize = 2048;

pub(crate) type Body = BoxBody<Bytes, io::Error>;

/// What a request carries, so that it can be made again for another try.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    Empty,
    Bytes(Bytes),
    File { path: PathBuf, n_bytes: u64 },
}

#[derive(Debug, Clone)]
pub(crate) struct Transport {
    http: Client<HttpsConnector<HttpConnector>, Body>,
}

impl Transport {
    pub(crate) fn new(tls: &Tls) -> Result<Self, TlsError> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::config(tls)?)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self { http: Client::builder(TokioExecutor::new()).build(connector) })
    }

    /// Sends a request, again when the registry is away or overloaded, at most [`TRIES_MAX`] times.
    pub(crate) async fn send(
        &self,
        registry: &str,
        head: &Request<()>,
        payload: &Payload,
    ) -> Result<Response<Incoming>, RegistryError> {
        let mut n_tries = 1;
        loop {
            let body = body(payload).await?;
            let request = with_body(head, body);
            let result = self.http.request(request).await;
            let is_last = n_tries == TRIES_MAX;
            match result {
                Ok(response) if is_last || !is_overloaded(response.status()) => {
                    return Ok(response);
                }
                Err(source) if is_last || !source.is_connect() || is_no_tls(&source) => {
                    let registry = registry.to_owned();
                    return Err(RegistryError::Connect { registry, source: Box::new(source) });
                }
                Ok(_) | Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(BACKOFF_MS_MIN << n_tries)).await;
            n_tries += 1;
        }
    }
}

fn is_overloaded(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

fn with_body(head: &Request<()>, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = head.method().clone();
    *request.uri_mut() = head.uri().clone();
    *request.headers_mut() = head.headers().clone();
    request
}

async fn body(payload: &Payload) -> Result<Body, RegistryError> {
    let never = |it: std::convert::Infallible| match it {};
    match payload {
        Payload::Empty => Ok(Full::default().map_err(never).boxed()),
        Payload::Bytes(bytes) => Ok(Full::new(bytes.clone()).map_err(never).boxed()),
        Payload::File { path, .. } => {
            let file = File::open(path)
                .await
                .map_err(|source| RegistryError::Source { path: path.clone(), source })?;
            let chunks = futures_util::stream::try_unfold(file, |mut file| async move {
                let mut chunk = vec![0; CHUNK_BYTES];
                let n_bytes = file.read(&mut chunk).await?;
                chunk.truncate(n_bytes);
                Ok::<_, io::Error>((n_bytes != 0).then(|| (Bytes::from(chunk), file)))
            });
            Ok(StreamBody::new(chunks.map_ok(Frame::data)).boxed())
        }
    }
}

/// Reads a body whole, up to a limit.
pub(crate) async fn read_body(
    response: Response<Incoming>,
    n_bytes_max: usize,
) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
    let limited = http_body_util::Limited::new(response.into_body(), n_bytes_max);
    Ok(limited.collect().await?.to_bytes())
}

/// The message of an error answer: distribution's JSON, or the beginning of whatever came.
pub(crate) async fn error_message(response: Response<Incoming>) -> String {
    let bytes = read_body(response, 64 * ERROR_BYTES_MAX).await.unwrap_or_default();
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if let Some(message) = json["errors"][0]["message"].as_str() {
        return message.to_owned();
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(ERROR_BYTES_MAX)]);
    text.trim().to_owned()
}
