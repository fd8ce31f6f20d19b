//! The API over TLS: who comes with a certificate, with a token, or with nothing.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
    server::WebPkiClientVerifier,
};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use super::Cluster;

/// A certificate with its key.
type Pair = (CertificateDer<'static>, PrivateKeyDer<'static>);

struct Served {
    address: SocketAddr,
    roots: RootCertStore,
    admin: Pair,
    shutdown: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
}

#[expect(clippy::disallowed_methods, reason = "a server listens, here on a free port")]
async fn serve(it: &Cluster) -> Served {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "ca");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let issue = |params: CertificateParams| -> Pair {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    };
    let server = issue(CertificateParams::new(vec!["localhost".to_owned()]).unwrap());
    let mut params = CertificateParams::default();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.distinguished_name.push(DnType::CommonName, "admin");
    params.distinguished_name.push(DnType::OrganizationName, "system:masters");
    let admin = issue(params);

    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots.clone()), provider.clone());
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.allow_unauthenticated().build().unwrap())
        .with_single_cert(vec![server.0], server.1)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let serving = apiserver::serve(listener, Arc::new(tls), it.service.clone(), shutdown.clone());
    let serving = tokio::spawn(serving);
    Served { address, roots, admin, shutdown, serving }
}

impl Served {
    #[expect(clippy::disallowed_methods, reason = "a client connects")]
    async fn get(
        &self,
        path: &str,
        is_admin: bool,
        headers: &[(&str, &str)],
    ) -> (StatusCode, Value) {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone());
        let (certificate, key) = (self.admin.0.clone(), self.admin.1.clone_key());
        let config = if is_admin {
            config.with_client_auth_cert(vec![certificate], key).unwrap()
        } else {
            config.with_no_client_auth()
        };
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::get(path).header(header::HOST, "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::<Bytes>::default()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        let code = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (code, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

#[tokio::test]
async fn a_certificate_is_a_user_with_groups() {
    let it = Cluster::start().await;
    let served = serve(&it).await;
    let (code, list) = served.get("/api/v1/namespaces", true, &[]).await;
    assert_eq!((code, &list["kind"]), (StatusCode::OK, &json!("NamespaceList")));
    let jane = [("impersonate-user", "jane")];
    assert_eq!(served.get("/api/v1/namespaces", true, &jane).await.0, StatusCode::OK);
    served.shutdown.cancel();
    served.serving.await.unwrap();
}

#[tokio::test]
async fn without_a_name_only_health_and_version_are_seen() {
    let it = Cluster::start().await;
    let served = serve(&it).await;
    assert_eq!(served.get("/readyz", false, &[]).await.0, StatusCode::OK);
    assert_eq!(served.get("/version", false, &[]).await.0, StatusCode::OK);
    let (code, status) = served.get("/api/v1/pods", false, &[]).await;
    assert_eq!(code, StatusCode::FORBIDDEN);
    assert_eq!(
        status["message"],
        "forbidden: User \"system:anonymous\" cannot get path \"/api/v1/pods\""
    );
    let wrong = [("authorization", "Bearer nonsense")];
    let (code, status) = served.get("/api/v1/pods", true, &wrong).await;
    assert_eq!((code, &status["reason"]), (StatusCode::UNAUTHORIZED, &json!("Unauthorized")));
}

#[tokio::test]
async fn a_token_is_a_service_account() {
    let it = Cluster::start().await;
    let served = serve(&it).await;
    let path = "/api/v1/namespaces/dev/serviceaccounts/default/token";
    let request = it.post(path, json!({ "spec": {} })).await.expect(201);
    let bearer = format!("Bearer {}", request["status"]["token"].as_str().unwrap());
    let token = [("authorization", bearer.as_str())];
    assert_eq!(served.get("/api/v1/pods", false, &token).await.0, StatusCode::OK);
    let as_other = [token[0], ("impersonate-user", "jane")];
    let (code, status) = served.get("/api/v1/pods", false, &as_other).await;
    assert_eq!(code, StatusCode::FORBIDDEN);
    assert_eq!(
        status["message"],
        "users \"jane\" is forbidden: User \"system:serviceaccount:dev:default\" cannot impersonate users"
    );
}
