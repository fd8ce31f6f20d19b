//! Carries out probes and hooks: HTTP, TCP, gRPC health, commands.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::Arc,
    time::Duration,
};

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::{TokioExecutor, TokioIo};
use k8s_openapi::{
    api::core::v1::{Container, HTTPGetAction, HTTPHeader, LifecycleHandler, Probe},
    apimachinery::pkg::util::intstr::IntOrString,
};
use sandbox::{ExecSpec, Node, Pod};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{probe::Answer, tls};

const USER_AGENT: &str = "kube-probe/1.34";
const BODY_BYTES_MAX: usize = 10 << 10;
const OUTPUT_BYTES_MAX: u64 = 10 << 10;
const REDIRECTS_MAX: usize = 10;
/// Bounds a hook that has no bound of its own.
const HOOK_HTTP_TIMEOUT: Duration = Duration::from_secs(30);

/// Where a container is reached.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) node: Node,
    pub(crate) pod: Pod,
    pub(crate) address: Ipv4Addr,
    /// Of the running container, in the sandbox.
    pub(crate) container_id: String,
    pub(crate) container: Arc<Container>,
}

/// Asks once.
pub(crate) async fn probe(target: &Target, probe: &Probe) -> Answer {
    let seconds = probe.timeout_seconds.and_then(|it| u64::try_from(it).ok());
    let limit = Duration::from_secs(seconds.filter(|it| *it > 0).unwrap_or(1));
    let result = if let Some(action) = &probe.http_get {
        http_get(target, action, limit).await
    } else if let Some(action) = &probe.tcp_socket {
        tcp(target, action.host.as_deref(), &action.port, limit).await
    } else if let Some(action) = &probe.grpc {
        let service = action.service.as_deref().unwrap_or_default();
        grpc(target, action.port, service, limit).await
    } else if let Some(action) = &probe.exec {
        let command = action.command.clone().unwrap_or_default();
        match timeout(limit, exec(target, command.clone())).await {
            Ok(result) => result,
            Err(_) => Err(format!(
                "command timed out: \"{}\" timed out after {}s",
                command.join(" "),
                limit.as_secs()
            )),
        }
    } else {
        Err("missing probe handler".to_owned())
    };
    match result {
        Ok(()) => Answer::Success,
        Err(message) => Answer::Failure(message),
    }
}

/// Runs a hook to its end; the error is what it said.
pub(crate) async fn hook(target: &Target, handler: &LifecycleHandler) -> Result<(), String> {
    if let Some(action) = &handler.exec {
        exec(target, action.command.clone().unwrap_or_default()).await
    } else if let Some(action) = &handler.http_get {
        http_get(target, action, HOOK_HTTP_TIMEOUT).await
    } else if let Some(action) = &handler.sleep {
        // The sleep is what the user asked for, not a wait of ours.
        sleep(Duration::from_secs(u64::try_from(action.seconds).unwrap_or(0))).await;
        Ok(())
    } else {
        Err("invalid handler: only exec, httpGet and sleep are supported".to_owned())
    }
}

async fn exec(target: &Target, args: Vec<String>) -> Result<(), String> {
    let spec = ExecSpec {
        args,
        env: vec![],
        cwd: None,
        tty: None,
        stdin: false,
        stdout: true,
        stderr: true,
    };
    let mut exec =
        target.pod.exec(&target.container_id, spec).await.map_err(|it| crate::text::chain(&it))?;
    let (stdout, stderr) = (exec.stdout.take(), exec.stderr.take());
    let (out, err, exit) = tokio::join!(read(stdout), read(stderr), exec.wait());
    let exit = exit.map_err(|it| it.to_string())?;
    if exit.code == 0 { Ok(()) } else { Err(format!("{out}{err}")) }
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What came before an error is shown; the rest is drained so that the command can end.
        drop((&mut stream).take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes).await);
        drop(tokio::io::copy(&mut stream, &mut tokio::io::sink()).await);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn tcp(
    target: &Target,
    host: Option<&str>,
    port: &IntOrString,
    limit: Duration,
) -> Result<(), String> {
    let address = address(target, host, port)?;
    connect(&target.node, address, limit).await.map(drop)
}

fn address(target: &Target, host: Option<&str>, port: &IntOrString) -> Result<SocketAddr, String> {
    let port = resolve_port(port, &target.container)?;
    let ip = match host.filter(|it| !it.is_empty()) {
        Some(host) => {
            host.parse().map_err(|_| format!("dial tcp: host {host} is not an IPv4 address"))?
        }
        None => target.address,
    };
    Ok(SocketAddr::V4(SocketAddrV4::new(ip, port)))
}

/// A port by number, or by its name in the container.
pub(crate) fn resolve_port(port: &IntOrString, container: &Container) -> Result<u16, String> {
    let number = match port {
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(name) => {
            let ports = container.ports.iter().flatten();
            let named = ports.into_iter().find(|it| it.name.as_deref() == Some(name));
            named.map(|it| it.container_port).or_else(|| name.parse().ok())
        }
    };
    let number = number.and_then(|it| u16::try_from(it).ok()).filter(|it| *it > 0);
    number.ok_or_else(|| match port {
        IntOrString::String(name) => format!("couldn't find port: {name:?}"),
        IntOrString::Int(number) => format!("invalid port number: {number}"),
    })
}

async fn connect(node: &Node, address: SocketAddr, limit: Duration) -> Result<TcpStream, String> {
    match timeout(limit, node.connect(address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(format!("dial tcp {address}: connect: {}", reason(&error))),
        Err(_) => Err(format!("dial tcp {address}: i/o timeout")),
    }
}

/// The system's words without Rust's number behind them.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string().to_lowercase();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

async fn http_get(target: &Target, action: &HTTPGetAction, limit: Duration) -> Result<(), String> {
    let host = action.host.as_deref();
    let address = address(target, host, &action.port)?;
    let is_tls = action.scheme.as_deref() == Some("HTTPS");
    let mut path = action.path.clone().filter(|it| !it.is_empty()).unwrap_or("/".to_owned());
    if !path.starts_with('/') {
        path.insert(0, '/');
    }
    let scheme = if is_tls { "https" } else { "http" };
    let asking = async {
        for _ in 0..REDIRECTS_MAX {
            let headers = action.http_headers.as_deref().unwrap_or_default();
            let request = request(address, &path, headers)?;
            let (status, location) = if is_tls {
                let stream = connect(&target.node, address, limit).await?;
                send(tls::unverified(stream, address.ip()).await?, request).await?
            } else {
                send(connect(&target.node, address, limit).await?, request).await?
            };
            match local_redirect(status, location.as_deref(), address) {
                Some(next) => path = next,
                None if status.as_u16() < 400 => return Ok(()),
                None => {
                    let status = status.as_u16();
                    return Err(format!("HTTP probe failed with statuscode: {status}"));
                }
            }
        }
        Err("stopped after 10 redirects".to_owned())
    };
    let of = |message: &str| match message {
        it if it.starts_with("HTTP probe failed") => message.to_owned(),
        _ => format!(
            "Get \"{scheme}://{address}{path_shown}\": {message}",
            path_shown = shown(action)
        ),
    };
    match timeout(limit, asking).await {
        Ok(result) => result.map_err(|it| of(&it)),
        Err(_) => {
            Err(of("context deadline exceeded (Client.Timeout exceeded while awaiting headers)"))
        }
    }
}

fn shown(action: &HTTPGetAction) -> &str {
    action.path.as_deref().filter(|it| !it.is_empty()).unwrap_or("/")
}

fn request(
    address: SocketAddr,
    path: &str,
    headers: &[HTTPHeader],
) -> Result<Request<Full<Bytes>>, String> {
    let mut request = Request::get(path).body(Full::default()).map_err(|it| it.to_string())?;
    let map = request.headers_mut();
    for HTTPHeader { name, value } in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|it| it.to_string())?;
        let value = HeaderValue::from_str(value).map_err(|it| it.to_string())?;
        map.append(name, value);
    }
    let host = HeaderValue::from_str(&address.to_string()).map_err(|it| it.to_string())?;
    map.entry(header::HOST).or_insert(host);
    map.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(USER_AGENT));
    map.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    map.insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(request)
}

/// Returns the status, and where it redirects to.
async fn send(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Option<String>), String> {
    let text = |it: hyper::Error| crate::text::chain(&it);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
    let asking = async {
        let response = sender.send_request(request).await.map_err(text)?;
        let location = response.headers().get(header::LOCATION);
        let location = location.and_then(|it| it.to_str().ok()).map(str::to_owned);
        let status = response.status();
        // The body is read to its end, so that the application sees no broken pipe.
        drop(Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await);
        Ok((status, location))
    };
    tokio::select! {
        result = asking => result,
        Err(error) = connection => Err(text(error)),
    }
}

/// The path of a redirect on the same host; others are not followed and count as success.
fn local_redirect(
    status: StatusCode,
    location: Option<&str>,
    address: SocketAddr,
) -> Option<String> {
    let location = location.filter(|_| status.is_redirection())?;
    if location.starts_with('/') && !location.starts_with("//") {
        return Some(location.to_owned());
    }
    let uri: http::Uri = location.parse().ok()?;
    let is_local = uri.authority()?.as_str() == address.to_string();
    is_local.then(|| uri.path_and_query().map_or("/".to_owned(), |it| it.as_str().to_owned()))
}

async fn grpc(target: &Target, port: i32, service: &str, limit: Duration) -> Result<(), String> {
    let address = address(target, None, &IntOrString::Int(port))?;
    let asking = async {
        let stream = connect(&target.node, address, limit)
            .await
            .map_err(|it| format!("error: failed to connect service at \"{address}\": {it}"))?;
        ask_health(stream, address, service).await
    };
    match timeout(limit, asking).await {
        Ok(result) => result,
        Err(_) => Err(format!("timeout: health rpc did not complete within {}s", limit.as_secs())),
    }
}

/// Source: gRPC health checking protocol, `grpc.health.v1.Health/Check`.
async fn ask_health(stream: TcpStream, address: SocketAddr, service: &str) -> Result<(), String> {
    let failed = |it: String| format!("error: health rpc probe failed: {it}");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .map_err(|it| failed(it.to_string()))?;
    let request = Request::post(format!("http://{address}/grpc.health.v1.Health/Check"))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .header(header::USER_AGENT, USER_AGENT)
        .body(Full::new(health_request(service)))
        .map_err(|it| failed(it.to_string()))?;
    let asking = async {
        let response = sender.send_request(request).await.map_err(|it| failed(it.to_string()))?;
        let head = response.headers().clone();
        let body = response.into_body().collect().await.map_err(|it| failed(it.to_string()))?;
        let status = body.trailers().and_then(|it| it.get("grpc-status").cloned());
        let status = status.or_else(|| head.get("grpc-status").cloned());
        read_health(status.as_ref().and_then(|it| it.to_str().ok()), &body.to_bytes())
    };
    tokio::select! {
        result = asking => result,
        Err(error) = connection => Err(failed(error.to_string())),
    }
}

/// A message with one string field, behind gRPC's five bytes: not compressed, length.
fn health_request(service: &str) -> Bytes {
    let mut message = BytesMut::new();
    if !service.is_empty() {
        message.put_u8(0x0a);
        let mut length = service.len();
        while length >= 0x80 {
            message.put_u8((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        message.put_u8(length as u8);
        message.put_slice(service.as_bytes());
    }
    let mut frame = BytesMut::with_capacity(message.len() + 5);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(&message);
    frame.freeze()
}

/// The answer is a message with one enumeration: 1 is `SERVING`, absent is 0, `UNKNOWN`.
fn read_health(grpc_status: Option<&str>, frame: &[u8]) -> Result<(), String> {
    match grpc_status {
        None | Some("0") => {}
        Some("12") => {
            return Err("error: this server does not implement the grpc health protocol (grpc.health.v1.Health)".to_owned());
        }
        Some(code) => {
            return Err(format!("error: health rpc probe failed: rpc error: code = {code}"));
        }
    }
    let status = match frame.get(5..) {
        Some([0x08, status, ..]) => *status,
        _ => 0,
    };
    match status {
        1 => Ok(()),
        2 => Err("service unhealthy (responded with \"NOT_SERVING\")".to_owned()),
        3 => Err("service unhealthy (responded with \"SERVICE_UNKNOWN\")".to_owned()),
        _ => Err("service unhealthy (responded with \"UNKNOWN\")".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ports_are_found_by_number_and_name() {
        let container: Container = serde_json::from_value(
            json!({"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}),
        )
        .unwrap();
        let check = |port: IntOrString, want: Result<u16, &str>| {
            assert_eq!(resolve_port(&port, &container), want.map_err(str::to_owned));
        };
        check(IntOrString::Int(80), Ok(80));
        check(IntOrString::Int(0), Err("invalid port number: 0"));
        check(IntOrString::String("http".to_owned()), Ok(8080));
        check(IntOrString::String("81".to_owned()), Ok(81));
        check(IntOrString::String("none".to_owned()), Err("couldn't find port: \"none\""));
    }

    #[test]
    fn only_redirects_to_the_same_host_are_followed() {
        let address: SocketAddr = "10.244.0.2:8080".parse().unwrap();
        let check = |location: &str, want: Option<&str>| {
            let found = local_redirect(StatusCode::FOUND, Some(location), address);
            assert_eq!(found.as_deref(), want, "{location}");
        };
        check("/ready?x=1", Some("/ready?x=1"));
        check("http://10.244.0.2:8080/a", Some("/a"));
        check("http://example.com/", None);
        check("//example.com/", None);
        assert_eq!(local_redirect(StatusCode::OK, Some("/x"), address), None);
    }

    #[test]
    fn health_messages_are_those_of_the_protocol() {
        assert_eq!(&health_request("")[..], [0, 0, 0, 0, 0]);
        assert_eq!(&health_request("ab")[..], [0, 0, 0, 0, 4, 0x0a, 2, b'a', b'b']);
        assert_eq!(read_health(Some("0"), &[0, 0, 0, 0, 2, 8, 1]), Ok(()));
        assert!(read_health(Some("0"), &[0, 0, 0, 0, 2, 8, 2]).is_err());
        assert!(read_health(Some("5"), &[]).is_err());
        assert!(read_health(None, &[0, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn requests_say_who_asks_and_keep_the_users_headers() {
        let headers = [HTTPHeader { name: "Host".to_owned(), value: "faro.local".to_owned() }];
        let request = request("10.244.0.2:80".parse().unwrap(), "/x", &headers).unwrap();
        assert_eq!(request.headers()["host"], "faro.local");
        assert_eq!(request.headers()["user-agent"], USER_AGENT);
    }
}
