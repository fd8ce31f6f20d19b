//! The health check of gRPC, over a connection that is open already.

use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Bytes, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::stream::Stream;

/// Asks whether a service serves.
///
/// Source: `grpc.health.v1.Health/Check` of grpc/grpc-proto, and gRPC over HTTP/2.
pub(super) async fn check(stream: Box<dyn Stream>, service: &str) -> Result<String, String> {
    let failed = |error: hyper::Error| format!("no answer: {error}");
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(failed)?;
    let request = Request::post("http://health/grpc.health.v1.Health/Check")
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .body(Full::new(Bytes::from(question(service))))
        .expect("a fixed request");
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(failed)?;
        let early = grpc_status(answer.headers());
        let body = answer.into_body().collect().await.map_err(failed)?;
        let status = early.or_else(|| body.trailers().and_then(grpc_status));
        Ok::<_, String>((status, body.to_bytes()))
    };
    let (status, body) = tokio::select! {
        exchanged = exchange => exchanged?,
        Err(error) = connection => return Err(failed(error)),
    };
    judge(status, &body)
}

fn grpc_status(headers: &http::HeaderMap) -> Option<u32> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// A frame that is not compressed, with field 1, the service's name.
fn question(service: &str) -> Vec<u8> {
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(0x0a);
        message.extend(varint(service.len()));
        message.extend(service.as_bytes());
    }
    let length = u32::try_from(message.len()).expect("a service's name is short");
    let mut frame = vec![0];
    frame.extend(length.to_be_bytes());
    frame.extend(message);
    frame
}

/// Field 1 of the answer is the state: 1 is SERVING.
fn judge(status: Option<u32>, body: &[u8]) -> Result<String, String> {
    match status {
        Some(0) => {}
        Some(5) => return Err("gRPC health: the service is not known".to_owned()),
        Some(12) => return Err("gRPC health: the server has no health service".to_owned()),
        Some(status) => return Err(format!("gRPC health: status {status}")),
        None => return Err("gRPC health: the answer has no status".to_owned()),
    }
    match body.get(5..).unwrap_or_default() {
        [0x08, 1, ..] => Ok("gRPC health: SERVING".to_owned()),
        [0x08, 2, ..] => Err("gRPC health: NOT_SERVING".to_owned()),
        _ => Err("gRPC health: UNKNOWN".to_owned()),
    }
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::{judge, question, varint};

    #[test]
    fn question_is_a_frame() {
        assert_eq!(question(""), [0, 0, 0, 0, 0]);
        assert_eq!(question("ab"), [0, 0, 0, 0, 4, 0x0a, 2, b'a', b'b']);
        assert_eq!(varint(300), [0xac, 0x02]);
    }

    #[test]
    fn only_serving_passes() {
        assert!(judge(Some(0), &[0, 0, 0, 0, 2, 8, 1]).is_ok());
        assert_eq!(judge(Some(0), &[0, 0, 0, 0, 2, 8, 2]).unwrap_err(), "gRPC health: NOT_SERVING");
        assert_eq!(judge(Some(0), &[0, 0, 0, 0, 0]).unwrap_err(), "gRPC health: UNKNOWN");
        assert_eq!(judge(Some(14), &[]).unwrap_err(), "gRPC health: status 14");
    }
}
