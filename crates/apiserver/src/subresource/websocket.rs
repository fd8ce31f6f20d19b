//! Connections that switch protocols: the handshakes of exec and port-forward.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};

use crate::{
    body::{self, Body},
    call::Call,
    error::ApiError,
};

/// Names the protocol above SPDY. Source: apimachinery 0.34, `util/httpstream`.
const STREAM_PROTOCOL: &str = "x-stream-protocol-version";

/// A connection that speaks WebSocket.
pub(crate) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// A handshake that the client may have.
pub(crate) struct Handshake {
    upgrade: OnUpgrade,
    accept: String,
    pub(crate) protocol: &'static str,
}

impl Handshake {
    /// Checks that the client asks for WebSocket and for a protocol of `supported`; the first of these wins.
    pub(crate) fn check(call: &mut Call, supported: &[&'static str]) -> Result<Self, ApiError> {
        let asked = text(&call.headers, header::UPGRADE);
        if !asked.eq_ignore_ascii_case("websocket") {
            let what = if asked.is_empty() {
                format!("{} without a protocol upgrade; it needs WebSocket", call.path)
            } else {
                format!("the protocol {asked}; it needs WebSocket")
            };
            return Err(ApiError::Unsupported { what });
        }
        let offered = text(&call.headers, header::SEC_WEBSOCKET_PROTOCOL);
        let offered: Vec<&str> = offered.split(',').map(str::trim).collect();
        let protocol = supported.iter().find(|it| offered.contains(it)).copied();
        let Some(protocol) = protocol else {
            let what = format!(
                "the WebSocket protocol {}; it has {}",
                offered.join(", "),
                supported.join(", ")
            );
            return Err(ApiError::Unsupported { what });
        };
        let key = text(&call.headers, header::SEC_WEBSOCKET_KEY);
        let accept = derive_accept_key(key.as_bytes());
        let upgrade = call.upgrade.take().ok_or_else(|| {
            ApiError::bad_request("this connection cannot be upgraded: use HTTP/1.1")
        })?;
        Ok(Self { upgrade, accept, protocol })
    }

    /// The answer that switches protocols, and the connection that follows once it is sent.
    pub(crate) fn complete(
        self,
    ) -> (Response<Body>, impl Future<Output = Result<Socket, hyper::Error>> + Send + 'static) {
        let mut response = Response::new(body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(self.protocol));
        if let Ok(accept) = HeaderValue::from_str(&self.accept) {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        }
        let upgrade = self.upgrade;
        let socket = async move {
            let upgraded = TokioIo::new(upgrade.await?);
            Ok(WebSocketStream::from_raw_socket(upgraded, Role::Server, None).await)
        };
        (response, socket)
    }
}

/// A connection that goes on in a protocol without a handshake of its own.
pub(crate) struct Switch {
    upgrade: OnUpgrade,
    upgrade_to: &'static str,
    protocol: &'static str,
}

impl Switch {
    /// Whether the client asks for the protocol; the version that it wants of what lies above must be `protocol`.
    pub(crate) fn check(
        call: &mut Call,
        upgrade_to: &'static str,
        protocol: &'static str,
    ) -> Result<Option<Self>, ApiError> {
        if !text(&call.headers, header::UPGRADE).eq_ignore_ascii_case(upgrade_to) {
            return Ok(None);
        }
        let offered: Vec<&str> = call
            .headers
            .get_all(STREAM_PROTOCOL)
            .iter()
            .filter_map(|it| it.to_str().ok())
            .flat_map(|it| it.split(',').map(str::trim))
            .collect();
        if !offered.is_empty() && !offered.contains(&protocol) {
            let offered = offered.join(", ");
            let what = format!("the stream protocol {offered}; it has {protocol}");
            return Err(ApiError::Unsupported { what });
        }
        let upgrade = call.upgrade.take().ok_or_else(|| {
            ApiError::bad_request("this connection cannot be upgraded: use HTTP/1.1")
        })?;
        Ok(Some(Self { upgrade, upgrade_to, protocol }))
    }

    pub(crate) fn complete(
        self,
    ) -> (
        Response<Body>,
        impl Future<Output = Result<TokioIo<Upgraded>, hyper::Error>> + Send + 'static,
    ) {
        let mut response = Response::new(body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static(self.upgrade_to));
        headers.insert(STREAM_PROTOCOL, HeaderValue::from_static(self.protocol));
        let upgrade = self.upgrade;
        (response, async move { upgrade.await.map(TokioIo::new) })
    }
}

/// A message on one of the channels that share a connection.
pub(crate) fn message(channel: u8, data: &[u8]) -> Message {
    let mut bytes = Vec::with_capacity(data.len() + 1);
    bytes.push(channel);
    bytes.extend_from_slice(data);
    Message::binary(bytes)
}

/// The end that kubectl takes for one: without a code it reports an error.
pub(crate) fn normal_close() -> Message {
    Message::Close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() }))
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> String {
    headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned()
}
