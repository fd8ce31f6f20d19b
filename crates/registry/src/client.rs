//! A registry's operations, one method each.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use oci::{Digest, Reference, media};

use crate::{
    Credentials, RegistryError, auth, challenge,
    transport::{Payload, Transport, error_message, read_body},
};

/// A manifest or index; layers and configurations have no such limit.
const MANIFEST_BYTES_MAX: usize = 16 * 1024 * 1024;
const REDIRECTS_MAX: usize = 5;
const DOCKER_HUB: &str = "registry-1.docker.io";

/// How registries are spoken to.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub credentials: Credentials,
    /// Registries without TLS, as they stand in references: `10.0.0.1:5000`.
    pub plain_http: BTreeSet<String>,
}

/// A client for any number of registries; clones share connections and tokens.
#[derive(Debug, Clone)]
pub struct Client(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    transport: Transport,
    options: Options,
    /// By registry and scope; never held across an await.
    proofs: Mutex<BTreeMap<(String, String), HeaderValue>>,
}

/// One request in a registry's terms.
pub(crate) struct Call<'a> {
    pub(crate) reference: &'a Reference,
    pub(crate) method: Method,
    /// Below `/v2/<repository>/`, or a whole address that the registry gave.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
    /// `pull` or `pull,push`.
    pub(crate) access: &'static str,
    /// For errors: `read the manifest of …`.
    pub(crate) doing: String,
}

impl Client {
    pub fn new(options: Options) -> io::Result<Self> {
        let transport = Transport::new()?;
        Ok(Self(Arc::new(Shared { transport, options, proofs: Mutex::default() })))
    }

    /// Fetches the manifest or index that a reference names; its bytes are checked against a digest in it.
    ///
    /// Returns the media type and the bytes.
    pub async fn manifest(&self, reference: &Reference) -> Result<(String, Bytes), RegistryError> {
        let call = self.manifest_call(reference, Method::GET);
        let doing = call.doing.clone();
        let response = self.call(call).await?;
        let response = found(response, reference, &doing).await?;
        let media_type = text_header(&response, &header::CONTENT_TYPE)
            .unwrap_or_else(|| media::MANIFEST.to_owned());
        let bytes = read_body(response, MANIFEST_BYTES_MAX).await.map_err(|source| {
            RegistryError::Connect { registry: reference.registry.clone(), source }
        })?;
        let actual = Digest::of(&bytes);
        if let Some(expected) = reference.digest.as_ref().filter(|it| **it != actual) {
            let what = reference.to_string();
            return Err(RegistryError::Mismatch { what, expected: expected.clone(), actual });
        }
        Ok((media_type, bytes))
    }

    /// Asks which manifest a reference names; `None` when there is none.
    pub async fn manifest_digest(
        &self,
        reference: &Reference,
    ) -> Result<Option<Digest>, RegistryError> {
        let call = self.manifest_call(reference, Method::HEAD);
        let doing = call.doing.clone();
        let response = self.call(call).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let response = found(response, reference, &doing).await?;
        let digest = response.headers().get("docker-content-digest");
        Ok(digest.and_then(|it| it.to_str().ok()).and_then(|it| it.parse().ok()))
    }

    /// Opens a blob; who reads it checks its digest.
    pub async fn blob(
        &self,
        reference: &Reference,
        digest: &Digest,
    ) -> Result<Response<Incoming>, RegistryError> {
        let call = Call {
            reference,
            method: Method::GET,
            path: format!("blobs/{digest}"),
            headers: HeaderMap::new(),
            payload: Payload::Empty,
            access: "pull",
            doing: format!("read the blob {digest}"),
        };
        let doing = call.doing.clone();
        let response = self.call(call).await?;
        found(response, reference, &doing).await
    }

    fn manifest_call<'a>(&self, reference: &'a Reference, method: Method) -> Call<'a> {
        let accept = [media::MANIFEST, media::INDEX, media::DOCKER_MANIFEST, media::DOCKER_INDEX];
        let accept = HeaderValue::from_str(&accept.join(", ")).expect("media types are plain text");
        Call {
            reference,
            method,
            path: format!("manifests/{}", manifest_name(reference)),
            headers: HeaderMap::from_iter([(header::ACCEPT, accept)]),
            payload: Payload::Empty,
            access: "pull",
            doing: format!("read the manifest of `{}`", reference.familiar()),
        }
    }

    /// Sends a call: proves who we are when asked, follows redirects of reads.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Response<Incoming>, RegistryError> {
        let registry = &call.reference.registry;
        let scope = format!("repository:{}:{}", call.reference.repository, call.access);
        let key = (registry.clone(), scope.clone());
        let mut url = self.url(&call);
        let mut n_redirects = 0;
        let mut is_proven_again = false;
        let mut is_at_home = true;
        loop {
            let proof = self.proof(&key).filter(|_| is_at_home);
            let request = head(&call, &url, proof)?;
            let response = self.0.transport.send(registry, &request, &call.payload).await?;
            if response.status() == StatusCode::UNAUTHORIZED && is_at_home && !is_proven_again {
                is_proven_again = true;
                self.prove(&call, &key, &response).await?;
                continue;
            }
            let location = text_header(&response, &header::LOCATION);
            let is_read = matches!(call.method, Method::GET | Method::HEAD);
            match location.filter(|_| is_read && response.status().is_redirection()) {
                Some(location) if n_redirects < REDIRECTS_MAX => {
                    n_redirects += 1;
                    // A token is for the registry, not for the store that it sends us to.
                    is_at_home = location.starts_with('/');
                    url = self.absolute(&call, &location);
                }
                _ => return Ok(response),
            }
        }
    }

    /// Makes an address that the registry gave whole.
    pub(crate) fn absolute(&self, call: &Call<'_>, location: &str) -> String {
        if location.starts_with('/') {
            format!("{}{location}", self.origin(&call.reference.registry))
        } else {
            location.to_owned()
        }
    }

    fn url(&self, call: &Call<'_>) -> String {
        if call.path.starts_with('/') || call.path.contains("://") {
            return self.absolute(call, &call.path);
        }
        let origin = self.origin(&call.reference.registry);
        format!("{origin}/v2/{}/{}", call.reference.repository, call.path)
    }

    fn origin(&self, registry: &str) -> String {
        let scheme = if self.0.options.plain_http.contains(registry) { "http" } else { "https" };
        let host = if registry == "docker.io" { DOCKER_HUB } else { registry };
        format!("{scheme}://{host}")
    }

    fn proof(&self, key: &(String, String)) -> Option<HeaderValue> {
        self.0.proofs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(key).cloned()
    }

    async fn prove(
        &self,
        call: &Call<'_>,
        key: &(String, String),
        response: &Response<Incoming>,
    ) -> Result<(), RegistryError> {
        let registry = &call.reference.registry;
        let refused = || RegistryError::Unauthorized {
            registry: registry.clone(),
            doing: call.doing.clone(),
        };
        let headers = response.headers().get_all(header::WWW_AUTHENTICATE).iter();
        let challenge = headers
            .filter_map(|it| it.to_str().ok())
            .find_map(challenge::parse)
            .ok_or_else(refused)?;
        let login =
            self.0.options.credentials.login(registry).await.map_err(|source| {
                RegistryError::Credentials { registry: registry.clone(), source }
            })?;
        let transport = &self.0.transport;
        let proof = auth::answer(transport, registry, &challenge, &key.1, login.as_ref()).await?;
        let proof = proof.ok_or_else(refused)?;
        let mut proofs = self.0.proofs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        proofs.insert(key.clone(), proof);
        Ok(())
    }
}

/// A digest is more exact than a tag; neither means `latest`.
pub(crate) fn manifest_name(reference: &Reference) -> String {
    match (&reference.digest, &reference.tag) {
        (Some(digest), _) => digest.to_string(),
        (None, Some(tag)) => tag.clone(),
        (None, None) => "latest".to_owned(),
    }
}

fn head(
    call: &Call<'_>,
    url: &str,
    proof: Option<HeaderValue>,
) -> Result<Request<()>, RegistryError> {
    let mut request =
        Request::builder().method(call.method.clone()).uri(url).body(()).map_err(|it| {
            RegistryError::Answer {
                registry: call.reference.registry.clone(),
                doing: call.doing.clone(),
                message: format!("`{url}` is no address ({it})"),
            }
        })?;
    *request.headers_mut() = call.headers.clone();
    if let Payload::File { n_bytes, .. } = &call.payload {
        request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(*n_bytes));
    }
    if let Some(proof) = proof {
        request.headers_mut().insert(header::AUTHORIZATION, proof);
    }
    Ok(request)
}

pub(crate) fn text_header(
    response: &Response<Incoming>,
    name: &http::HeaderName,
) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// Turns every answer but a good one into its error.
pub(crate) async fn found(
    response: Response<Incoming>,
    reference: &Reference,
    doing: &str,
) -> Result<Response<Incoming>, RegistryError> {
    let registry = reference.registry.clone();
    match response.status() {
        status if status.is_success() => Ok(response),
        StatusCode::NOT_FOUND => {
            Err(RegistryError::NotFound { registry, what: reference.familiar() })
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(RegistryError::Unauthorized { registry, doing: doing.to_owned() })
        }
        status => {
            let message = error_message(response).await;
            Err(RegistryError::Status { registry, doing: doing.to_owned(), status, message })
        }
    }
}
