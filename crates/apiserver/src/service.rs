//! The tower service: one request in, one answer out, whatever happens in between.

use std::{
    convert::Infallible,
    io,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf as _, Bytes};
use futures_util::{FutureExt as _, future::BoxFuture};
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use store::Store;
use tower::Service;

use crate::{
    api::Api,
    auth::{Identity, authenticate},
    body::Body,
    call::Call,
    clock,
    config::Config,
    dispatch::dispatch,
    error::ApiError,
    node::Node,
    path::{Route, route},
    query::Query,
    status,
};

/// The largest request body. Source: apiserver 0.34, `MaxRequestBodyBytes`.
const BODY_BYTES_MAX: usize = 3 << 20;

/// How much an upgraded connection in this process may hold in each direction.
const PIPE_BYTES: usize = 64 << 10;

/// Makes the API server over a store; its first objects come from [`crate::bootstrap()`].
///
/// In this process, requests come from `system:admin` of `system:masters` unless [`ApiService::as_identity`] says
/// otherwise.
pub fn service(store: Store, config: Config, node: Arc<dyn Node>) -> ApiService {
    let api = Arc::new(Api::new(store, config, node));
    let caller = Caller::Known(Identity::component("system:admin"));
    ApiService { api, caller, is_on_connection: false }
}

/// The API server; cloning shares it.
#[derive(Clone, Debug)]
pub struct ApiService {
    api: Arc<Api>,
    caller: Caller,
    /// Requests come from hyper, which can switch protocols.
    is_on_connection: bool,
}

/// How the caller of a request is found.
#[derive(Clone, Debug)]
enum Caller {
    /// Part of this process.
    Known(Identity),
    /// Somebody on the network, with the subject of the client certificate if there was one.
    Network(Option<Arc<Identity>>),
}

impl ApiService {
    pub fn api(&self) -> &Arc<Api> {
        &self.api
    }

    /// The same service for another part of this process; its name also stands in `managedFields`.
    #[must_use]
    pub fn as_identity(&self, identity: Identity) -> Self {
        Self { caller: Caller::Known(identity), ..self.clone() }
    }

    /// The same service for a connection from the network.
    pub(crate) fn for_connection(&self, certificate: Option<Identity>) -> Self {
        let caller = Caller::Network(certificate.map(Arc::new));
        Self { api: self.api.clone(), caller, is_on_connection: true }
    }

    async fn answer<B>(self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match self.try_answer(request).await {
            Ok(response) => response,
            Err(error) => status::response(&error),
        }
    }

    async fn try_answer<B>(self, request: Request<B>) -> Result<Response<Body>, ApiError>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (mut parts, body) = request.into_parts();
        let body = read(body).await?;
        let upgrade = parts.extensions.remove::<OnUpgrade>();
        if !self.is_on_connection && parts.headers.contains_key(header::UPGRADE) {
            return self.upgrade_in_process(Request::from_parts(parts, Full::new(body))).await;
        }
        let now = clock::now();
        let identity = match &self.caller {
            Caller::Known(identity) => identity.clone(),
            Caller::Network(certificate) => {
                authenticate(&self.api, &parts.headers, certificate.as_deref(), now)?
            }
        };
        let call = Call {
            identity,
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: Query::parse(parts.uri.query().unwrap_or_default()),
            headers: parts.headers,
            body,
            upgrade,
            now,
        };
        permit(&call)?;
        // A panic is a bug, but one request's bug must not end the others.
        let answer = AssertUnwindSafe(dispatch(&self.api, call)).catch_unwind().await;
        answer.unwrap_or(Err(ApiError::Panicked))
    }

    /// Carries a request that switches protocols over a pipe: only a connection can be upgraded.
    async fn upgrade_in_process(
        self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Body>, ApiError> {
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        let service = Self { is_on_connection: true, ..self };
        let server = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(ours), HyperService(service))
            .with_upgrades();
        tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::debug!(%error, "an upgraded connection in this process ended");
            }
        });
        let failed = |error: hyper::Error| ApiError::Unsupported {
            what: format!("this upgrade request: {error}"),
        };
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(theirs)).await.map_err(failed)?;
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "an upgraded connection in this process ended");
            }
        });
        let response = sender.send_request(request).await.map_err(failed)?;
        Ok(response.map(|body: Incoming| body.map_err(io::Error::other).boxed_unsync()))
    }
}

/// What callers without a name may see, as a default cluster allows it.
fn permit(call: &Call) -> Result<(), ApiError> {
    let is_public = matches!(route(&call.path), Route::Version | Route::Health);
    if call.identity.is_anonymous() && !is_public {
        return Err(ApiError::ForbiddenPath {
            user: call.identity.user.clone(),
            verb: match call.method.as_str() {
                "GET" => "get",
                "POST" => "post",
                "PUT" => "put",
                "PATCH" => "patch",
                "DELETE" => "delete",
                _ => "use",
            },
            path: call.path.clone(),
        });
    }
    Ok(())
}

async fn read<B>(body: B) -> Result<Bytes, ApiError>
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(collected) => {
            let mut data = collected.aggregate();
            Ok(data.copy_to_bytes(data.remaining()))
        }
        Err(error) if error.is::<LengthLimitError>() => {
            Err(ApiError::TooLarge { limit_bytes: BODY_BYTES_MAX })
        }
        Err(error) => {
            Err(ApiError::bad_request(format!("could not read the body of the request: {error}")))
        }
    }
}

impl<B> Service<Request<B>> for ApiService
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.clone().answer(request).map(Ok).boxed()
    }
}

/// The service as hyper calls it.
#[derive(Clone, Debug)]
pub(crate) struct HyperService(pub(crate) ApiService);

impl hyper::service::Service<Request<Incoming>> for HyperService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.0.clone().answer(request).map(Ok).boxed()
    }
}
