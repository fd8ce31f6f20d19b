//! A registry's operations, one method each.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use oci::{Descriptor, Digest, Reference, media};

use crate::{
    Credentials, RegistryError, Tls, TlsError, auth, challenge,
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
    /// Registries without TLS, as they stand in references: `10.0.0.1:5000`; one of this machine is
    /// found out without being named.
    pub plain_http: BTreeSet<String>,
    /// Whether every registry is taken for one without TLS.
    pub is_plain_http_everywhere: bool,
    pub tls: Tls,
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
    /// Registries of this machine that have turned out to speak plain HTTP.
    plain: Mutex<BTreeSet<String>>,
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
    pub fn new(options: Options) -> Result<Self, TlsError> {
        let transport = Transport::new(&options.tls)?;
        Ok(Self(Arc::new(Shared {
            transport,
            options,
            proofs: Mutex::default(),
            plain: Mutex::default(),
        })))
    }

    /// The same client with other settings of TLS, and with connections of its own.
    pub fn with_tls(&self, tls: Tls) -> Result<Self, TlsError> {
        Self::new(Options { tls, ..self.0.options.clone() })
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

    /// Reads a blob whole; its bytes are checked against its digest.
    pub async fn blob_bytes(
        &self,
        reference: &Reference,
        blob: &Descriptor,
        n_bytes_max: usize,
    ) -> Result<Bytes, RegistryError> {
        let response = self.blob(reference, &blob.digest).await?;
        let bytes = read_body(response, n_bytes_max).await.map_err(|source| {
            RegistryError::Connect { registry: reference.registry.clone(), source }
        })?;
        let actual = Digest::of(&bytes);
        if actual == blob.digest {
            return Ok(bytes);
        }
        let (what, expected) = (reference.familiar(), blob.digest.clone());
        Err(RegistryError::Mismatch { what, expected, actual })
    }

    /// Asks a registry whether it accepts who we are; false when it never asked.
    pub async fn check_login(&self, registry: &str) -> Result<bool, RegistryError> {
        let nothing = Reference {
            registry: registry.to_owned(),
            repository: String::new(),
            tag: None,
            digest: None,
        };
        let call = Call {
            reference: &nothing,
            method: Method::GET,
            path: "/v2/".to_owned(),
            headers: HeaderMap::new(),
            payload: Payload::Empty,
            access: "",
            doing: "log in".to_owned(),
        };
        let doing = call.doing.clone();
        found(self.call(call).await?, &nothing, &doing).await?;
        Ok(self.proof(&(registry.to_owned(), String::new())).is_some())
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.0.transport
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
        let repository = &call.reference.repository;
        let scope = if repository.is_empty() {
            String::new()
        } else {
            format!("repository:{repository}:{}", call.access)
        };
        let key = (registry.clone(), scope);
        let mut elsewhere: Option<String> = None;
        let mut n_redirects = 0;
        let mut n_proofs = 0;
        loop {
            let url = elsewhere.clone().unwrap_or_else(|| self.url(&call));
            let is_at_home = elsewhere.as_ref().is_none_or(|it| self.is_at_home(registry, it));
            let proof = self.proof(&key).filter(|_| is_at_home);
            let request = head(&call, &url, proof)?;
            let response = match self.0.transport.send(registry, &request, &call.payload).await {
                Err(error) if error.speaks_plain() && self.learn_plain(registry) => continue,
                answered => answered?,
            };
            if response.status() == StatusCode::UNAUTHORIZED && is_at_home {
                match self.prove(&call, &key, &response, n_proofs).await? {
                    Some(n_tried) => n_proofs = n_tried,
                    None => return Ok(response),
                }
                continue;
            }
            let location = text_header(&response, &header::LOCATION);
            let is_read = matches!(call.method, Method::GET | Method::HEAD);
            match location.filter(|_| is_read && response.status().is_redirection()) {
                Some(location) if n_redirects < REDIRECTS_MAX => {
                    n_redirects += 1;
                    elsewhere = Some(self.absolute(&call, &location));
                }
                _ => return Ok(response),
            }
        }
    }

    /// A token is for the registry, not for the store that it sends us to.
    fn is_at_home(&self, registry: &str, url: &str) -> bool {
        let origin = self.origin(registry);
        url.strip_prefix(&origin).is_some_and(|it| it.starts_with('/'))
    }

    /// Speaks plain HTTP from now on with a registry of this machine that has no TLS; true when that is news.
    fn learn_plain(&self, registry: &str) -> bool {
        is_loopback(registry) && locked(&self.0.plain).insert(registry.to_owned())
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
        let options = &self.0.options;
        let is_plain = options.is_plain_http_everywhere
            || options.plain_http.contains(registry)
            || locked(&self.0.plain).contains(registry);
        let scheme = if is_plain { "http" } else { "https" };
        let host = if registry == "docker.io" { DOCKER_HUB } else { registry };
        format!("{scheme}://{host}")
    }

    fn proof(&self, key: &(String, String)) -> Option<HeaderValue> {
        locked(&self.0.proofs).get(key).cloned()
    }

    /// Gets the next proof that a challenge accepts, when `n_tried` were refused already.
    ///
    /// Returns how many are tried with this one; `None` when there is no other.
    async fn prove(
        &self,
        call: &Call<'_>,
        key: &(String, String),
        response: &Response<Incoming>,
        n_tried: usize,
    ) -> Result<Option<usize>, RegistryError> {
        let reference = call.reference;
        let registry = &reference.registry;
        let headers = response.headers().get_all(header::WWW_AUTHENTICATE).iter();
        let mut challenges = headers.filter_map(|it| it.to_str().ok());
        let Some(challenge) = challenges.find_map(challenge::parse) else { return Ok(None) };
        let credentials = &self.0.options.credentials;
        let logins = credentials.logins(registry, &reference.repository).await;
        let logins = logins
            .map_err(|source| RegistryError::Credentials { registry: registry.clone(), source })?;
        // A token may be had without a login.
        let logins = if logins.is_empty() { vec![None] } else { logins.iter().map(Some).collect() };
        let mut refused = None;
        for (idx, login) in logins.into_iter().enumerate().skip(n_tried) {
            let transport = &self.0.transport;
            match auth::answer(transport, registry, &challenge, &key.1, login).await {
                Ok(Some(proof)) => {
                    locked(&self.0.proofs).insert(key.clone(), proof);
                    return Ok(Some(idx + 1));
                }
                Ok(None) => {}
                Err(error @ RegistryError::Unauthorized { .. }) => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        match refused {
            Some(error) => Err(error),
            None => Ok(None),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Whether a registry is on this machine, where plain HTTP gives nothing away.
pub(crate) fn is_loopback(registry: &str) -> bool {
    let host = match registry.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
        _ => registry,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|it| it.is_loopback())
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

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::Login;

    /// Answers every request in plain HTTP: with its number when it is from `me`, else with a challenge.
    async fn registry() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut bytes = [0; 4096];
                    while let Ok(n_bytes @ 1..) = stream.read(&mut bytes).await {
                        let text = String::from_utf8_lossy(&bytes[..n_bytes]).into_owned();
                        let answer = answer(&text);
                        stream.write_all(answer.as_bytes()).await.ok();
                    }
                });
            }
        });
        address
    }

    fn answer(request: &str) -> String {
        let (status, more) = match request {
            it if it.starts_with("\u{16}") => ("400 Bad Request", ""),
            // me:pw
            it if it.to_lowercase().contains("authorization: basic bwu6chc=") => ("200 OK", ""),
            _ => ("401 Unauthorized", "www-authenticate: Basic realm=\"r\"\r\n"),
        };
        format!("HTTP/1.1 {status}\r\n{more}content-length: 2\r\n\r\n{{}}")
    }

    fn login(password: &str) -> Login {
        Login { username: "me".to_owned(), password: password.to_owned() }
    }

    fn client(credentials: Credentials) -> Client {
        Client::new(Options { credentials, ..Options::default() }).unwrap()
    }

    #[tokio::test]
    async fn a_registry_of_this_machine_needs_no_tls() {
        let address = registry().await;
        let client = client(Credentials::of(&address, &login("pw")));
        assert!(client.check_login(&address).await.unwrap());
    }

    #[tokio::test]
    async fn every_login_is_tried_and_a_wrong_one_is_refused() {
        let address = registry().await;
        let wrong = client(Credentials::of(&address, &login("no")));
        let error = wrong.check_login(&address).await.unwrap_err();
        assert!(matches!(error, RegistryError::Unauthorized { .. }), "{error}");
        let mut both = Credentials::of(&address, &login("no"));
        both.extend(Credentials::of(&address, &login("pw")));
        assert!(client(both).check_login(&address).await.unwrap());
    }

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for name in ["localhost:5000", "127.0.0.1", "127.9.9.9:1", "[::1]:5000", "r.localhost"] {
            assert!(is_loopback(name), "{name}");
        }
        for name in ["127.0.0.1.example.com", "localhost.example.com:5000", "10.0.0.1:5000"] {
            assert!(!is_loopback(name), "{name}");
        }
    }
}
