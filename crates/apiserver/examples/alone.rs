//! An API server alone, without controllers or nodes, for kubectl and helm by hand.
//!
//! `cargo run -p apiserver --example alone -- FOLDER` writes `FOLDER/kubeconfig` and serves until it is ended.

use std::{net::SocketAddr, path::Path, sync::Arc};

use apiserver::{
    Config, ExecRequest, ExecSession, LogRequest, Node, NodeError, ServiceNetwork, Stream, TokenKey,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{FutureExt as _, future::BoxFuture, stream::BoxStream};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};
use store::Store;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "an example is a program")]
async fn main() {
    let folder = std::env::args().nth(1).expect("the first argument is a folder");
    let folder = Path::new(&folder);
    let store = Store::open(&folder.join("store")).expect("the store opens");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let (tls, kubeconfig) = credentials(address);
    let (token_key, _) = TokenKey::generate().expect("the system has randomness");
    let shutdown = CancellationToken::new();
    let config = Config {
        advertise: address,
        services: ServiceNetwork::STANDARD,
        token_key,
        shutdown: shutdown.clone(),
    };
    let service = apiserver::service(store, config, Arc::new(NoNode));
    apiserver::bootstrap(&service).await.expect("the store can be written");
    std::fs::write(folder.join("kubeconfig"), kubeconfig).expect("the folder can be written");
    apiserver::serve(listener, tls, service, shutdown).await;
}

/// What the server shows, and the kubeconfig of its administrator.
fn credentials(address: SocketAddr) -> (Arc<ServerConfig>, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "alone");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"))
        .expect("the parameters are sound");
    let server_key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let server = params.signed_by(&server_key, &authority).expect("the parameters are sound");
    let client_key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.distinguished_name.push(DnType::CommonName, "kubernetes-admin");
    params.distinguished_name.push(DnType::OrganizationName, "system:masters");
    let client = params.signed_by(&client_key, &authority).expect("the parameters are sound");

    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).expect("our own certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .expect("the roots are sound");
    let chain: Vec<CertificateDer<'static>> = vec![server.der().clone()];
    let key = PrivateKeyDer::try_from(server_key.serialize_der()).expect("our own key");
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .expect("key and certificate belong together");
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let encode = |text: String| STANDARD.encode(text);
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: alone\n\
         clusters: [{{name: alone, cluster: {{server: \"https://{address}\", certificate-authority-data: {}}}}}]\n\
         contexts: [{{name: alone, context: {{cluster: alone, user: alone}}}}]\n\
         users: [{{name: alone, user: {{client-certificate-data: {}, client-key-data: {}}}}}]\n",
        encode(authority.pem()),
        encode(client.pem()),
        encode(client_key.serialize_pem()),
    );
    (Arc::new(tls), kubeconfig)
}

/// There is no node.
struct NoNode;

impl Node for NoNode {
    fn logs(
        &self,
        _: LogRequest,
    ) -> BoxFuture<'_, Result<BoxStream<'static, std::io::Result<Bytes>>, NodeError>> {
        async { Err(NodeError::NotReady) }.boxed()
    }

    fn connect(
        &self,
        _: &str,
        _: &str,
        _: u16,
    ) -> BoxFuture<'_, Result<Box<dyn Stream>, NodeError>> {
        async { Err(NodeError::NotReady) }.boxed()
    }

    fn exec(&self, _: ExecRequest) -> BoxFuture<'_, Result<ExecSession, NodeError>> {
        async { Err(NodeError::NotReady) }.boxed()
    }
}
