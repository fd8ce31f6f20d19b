//! One HTTP request over a connection that is open already.

use http::{Request, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::{Expect, Route, expect, stream::Stream};

/// So much of a body is read.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The request of a check, with the name of the host that it is for.
pub(super) fn request(
    route: &Route,
    (method, path): (&str, &str),
    headers: &[(String, String)],
) -> Result<Request<Empty<Bytes>>, String> {
    let host = match route {
        Route::Address { host_header: Some(host), .. } => host.clone(),
        Route::Address { host, port: 80, is_https: false, .. }
        | Route::Address { host, port: 443, is_https: true, .. } => host.clone(),
        Route::Address { host, port, .. } => format!("{host}:{port}"),
        Route::Service { namespace, service, .. } => format!("{service}.{namespace}"),
    };
    let mut request = Request::builder().method(method).uri(path);
    let is_given = |name: &str| headers.iter().any(|(it, _)| it.eq_ignore_ascii_case(name));
    if !is_given("host") {
        request = request.header(header::HOST, host);
    }
    if !is_given("user-agent") {
        request = request.header(header::USER_AGENT, "zarpa-smoke");
    }
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request
        .body(Empty::new())
        .map_err(|error| format!("{method} {path} is no HTTP request: {error}"))
}

/// Sends a request and judges the answer.
pub(super) async fn send(
    stream: Box<dyn Stream>,
    request: Request<Empty<Bytes>>,
    expect: &Expect,
) -> Result<String, String> {
    let failed = |error: hyper::Error| format!("no answer: {error}");
    let started = Instant::now();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(failed)?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|error| format!("HTTP {status}, the body broke off: {error}"))?;
        Ok::<_, String>((status, body.to_bytes()))
    };
    let (status, body) = tokio::select! {
        exchanged = exchange => exchanged?,
        Err(error) = connection => return Err(failed(error)),
    };
    expect::judge(expect, status, &body, started.elapsed())
}

#[cfg(test)]
mod tests {
    use super::{Route, request};

    #[test]
    fn request_names_its_host() {
        let address = |port, host_header| Route::Address {
            is_https: false,
            host: "127.0.0.1".to_owned(),
            port,
            host_header,
        };
        let host =
            |route: &Route| request(route, ("GET", "/"), &[]).unwrap().headers()["host"].clone();
        assert_eq!(host(&address(8080, None)), "127.0.0.1:8080");
        assert_eq!(host(&address(80, None)), "127.0.0.1");
        assert_eq!(host(&address(8080, Some("faro.localhost".to_owned()))), "faro.localhost");
        let headers = [("Host".to_owned(), "other".to_owned())];
        let given = request(&address(80, None), ("HEAD", "/x"), &headers).unwrap();
        assert_eq!(given.headers().get_all("host").iter().count(), 1);
        assert!(request(&address(80, None), ("G T", "/"), &[]).is_err());
    }
}
