//! The ingress: HTTP on the host, routed by host and path, carried to a ready pod.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Full, combinators::BoxBody};
use hyper::body::{Body as _, Incoming};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connected, Connection},
    },
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use sandbox::Node;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{
    balance::Balance,
    routes::{IngressMatch, Routes},
};

type Body = BoxBody<Bytes, hyper::Error>;

/// Connections to a pod that are kept for the next request.
const IDLE_PER_POD_MAX: usize = 32;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

pub(crate) struct Ingress {
    routes: watch::Receiver<Arc<Routes>>,
    balance: Balance,
    http: Client<PodConnector, Body>,
}

impl Ingress {
    pub(crate) fn new(node: Node, routes: watch::Receiver<Arc<Routes>>) -> Self {
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(IDLE_PER_POD_MAX)
            .build(PodConnector(node));
        Self { routes, balance: Balance::default(), http }
    }
}

/// Accepts for ever.
pub(crate) async fn serve(listener: TcpListener, ingress: Arc<Ingress>) {
    loop {
        let (stream, client) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "could not accept an ingress connection");
                tokio::task::yield_now().await;
                continue;
            }
        };
        stream.set_nodelay(true).ok();
        let ingress = Arc::clone(&ingress);
        let service = hyper::service::service_fn(move |request| {
            let ingress = Arc::clone(&ingress);
            async move { Ok::<_, Infallible>(ingress.handle(request, client).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::trace!(%error, "ingress connection ended");
            }
        });
    }
}

impl Ingress {
    async fn handle(&self, request: Request<Incoming>, client: SocketAddr) -> Response<Body> {
        let host = host_of(&request);
        let name = host.rsplit_once(':').map_or(host.as_str(), |it| it.0);
        let path = request.uri().path().to_owned();
        let order = {
            let routes = self.routes.borrow();
            match routes.ingress(name, &path) {
                IngressMatch::None => {
                    let text = format!("no ingress rule is for `{name}` and `{path}`\n");
                    return told(StatusCode::NOT_FOUND, text);
                }
                IngressMatch::NoService { namespace, service } => {
                    let text =
                        format!("there is no Service {namespace}/{service} with that port\n");
                    return told(StatusCode::SERVICE_UNAVAILABLE, text);
                }
                IngressMatch::Service { namespace, service, backends } => {
                    let order = self.balance.order(backends, Some(client.ip()));
                    if order.is_empty() {
                        let text = format!("no pod of {namespace}/{service} is ready\n");
                        return told(StatusCode::SERVICE_UNAVAILABLE, text);
                    }
                    order
                }
            }
        };
        let request = forwarded(request, client, &host);
        if request.headers().contains_key(header::UPGRADE) {
            return self.upgrade(request, order[0]).await;
        }
        self.send(request, &order).await
    }

    /// A request without a body that may be repeated goes to the next pod when one fails it.
    async fn send(&self, request: Request<Incoming>, order: &[SocketAddr]) -> Response<Body> {
        let is_repeatable = matches!(*request.method(), Method::GET | Method::HEAD)
            && request.body().is_end_stream();
        if !is_repeatable {
            let request = to_pod(request.map(BodyExt::boxed), order[0]);
            return self.http.request(request).await.map_or_else(|it| bad_gateway(&it), answered);
        }
        let (parts, _) = request.into_parts();
        let mut last = None;
        for pod in order {
            let empty = Empty::new().map_err(|it: Infallible| match it {}).boxed();
            let request = to_pod(Request::from_parts(parts.clone(), empty), *pod);
            match self.http.request(request).await {
                Ok(response) => return answered(response),
                Err(error) => last = Some(error),
            }
        }
        last.map_or_else(|| told(StatusCode::BAD_GATEWAY, String::new()), |it| bad_gateway(&it))
    }

    /// WebSockets and the like: both sides switch, then bytes are copied.
    async fn upgrade(&self, mut request: Request<Incoming>, pod: SocketAddr) -> Response<Body> {
        let from_client = hyper::upgrade::on(&mut request);
        let request = to_pod(request.map(BodyExt::boxed), pod);
        let mut response = match self.http.request(request).await {
            Ok(response) => response,
            Err(error) => return bad_gateway(&error),
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let from_pod = hyper::upgrade::on(&mut response);
            tokio::spawn(async move {
                if let (Ok(one), Ok(other)) = tokio::join!(from_client, from_pod) {
                    let (mut one, mut other) = (TokioIo::new(one), TokioIo::new(other));
                    tokio::io::copy_bidirectional(&mut one, &mut other).await.ok();
                }
            });
        }
        response.map(BodyExt::boxed)
    }
}

fn host_of(request: &Request<Incoming>) -> String {
    let header = request.headers().get(header::HOST).and_then(|it| it.to_str().ok());
    header.or_else(|| request.uri().host()).unwrap_or_default().to_owned()
}

/// Says who asked; what the client claims of itself is not passed on.
fn forwarded(mut request: Request<Incoming>, client: SocketAddr, host: &str) -> Request<Incoming> {
    let headers = request.headers_mut();
    let value = |text: &str| HeaderValue::from_str(text).ok();
    if let Some(it) = value(&client.ip().to_string()) {
        headers.insert(FORWARDED_FOR, it);
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
    if let Some(it) = value(host) {
        headers.insert(FORWARDED_HOST, it);
    }
    if !headers.contains_key(header::UPGRADE) {
        headers.remove(header::CONNECTION);
    }
    request
}

/// The same request with the pod's address; the `Host` header stays the client's.
fn to_pod(mut request: Request<Body>, pod: SocketAddr) -> Request<Body> {
    let path = request.uri().path_and_query().map_or("/", |it| it.as_str());
    let uri = format!("http://{pod}{path}");
    *request.uri_mut() = uri.parse().unwrap_or_else(|_| Uri::from_static("/"));
    *request.version_mut() = http::Version::HTTP_11;
    request
}

fn answered(mut response: Response<Incoming>) -> Response<Body> {
    response.headers_mut().remove(header::CONNECTION);
    *response.version_mut() = http::Version::HTTP_11;
    response.map(BodyExt::boxed)
}

fn bad_gateway(error: &hyper_util::client::legacy::Error) -> Response<Body> {
    tracing::debug!(%error, "a pod failed a request");
    let cause = std::error::Error::source(error).map(|it| format!(": {it}")).unwrap_or_default();
    told(StatusCode::BAD_GATEWAY, format!("the pod did not answer: {error}{cause}\n"))
}

fn told(status: StatusCode, text: String) -> Response<Body> {
    let body = Full::from(text).map_err(|it| match it {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// Opens connections to pods from within the node's network.
#[derive(Clone)]
struct PodConnector(Node);

impl tower_service::Service<Uri> for PodConnector {
    type Response = PodStream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<PodStream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let node = self.0.clone();
        Box::pin(async move {
            let authority = uri.authority().ok_or(io::ErrorKind::InvalidInput)?;
            let pod: SocketAddr =
                authority.as_str().parse().map_err(|_| io::ErrorKind::InvalidInput)?;
            let stream = node.connect(pod).await?;
            stream.set_nodelay(true)?;
            Ok(PodStream(TokioIo::new(stream)))
        })
    }
}

struct PodStream(TokioIo<TcpStream>);

impl Connection for PodStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for PodStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl hyper::rt::Write for PodStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
