//! Files from where HTTP serves them, outside any registry: a chart repository's index and charts.

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};

use crate::{
    Client, Login, RegistryError,
    auth::basic,
    client::text_header,
    transport::{Payload, error_message, read_body},
};

const REDIRECTS_MAX: usize = 10;

/// What is asked of a server.
#[derive(Debug, Clone)]
pub struct Download<'a> {
    /// `http` or `https`.
    pub url: &'a str,
    pub login: Option<&'a Login>,
    /// The address whose scheme, host and port alone see the login; nothing when all may see it.
    pub home: Option<&'a str>,
    pub n_bytes_max: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    #[error("`{0}` is no address of the web")]
    Address(String),
    #[error("could not fetch {url}")]
    Connect { url: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("failed to fetch {url} : {status}{}", if message.is_empty() { String::new() } else { format!(": {message}") })]
    Status { url: String, status: StatusCode, message: String },
    #[error("{url} leads from one address to the next without end")]
    Redirects { url: String },
}

impl DownloadError {
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { status: StatusCode::NOT_FOUND, .. })
    }
}

/// Fetches a file whole, following redirects.
pub async fn download(client: &Client, wanted: &Download<'_>) -> Result<Bytes, DownloadError> {
    let home = wanted.home.map(parse).transpose()?;
    let mut uri = parse(wanted.url)?;
    for _ in 0..=REDIRECTS_MAX {
        let mut request = Request::get(uri.clone());
        let is_at_home =
            |it: &Uri| it.authority() == uri.authority() && it.scheme() == uri.scheme();
        if let Some(login) = wanted.login.filter(|_| home.as_ref().is_none_or(is_at_home)) {
            request = request.header(header::AUTHORIZATION, basic(login));
        }
        let url = uri.to_string();
        let request = request.body(()).map_err(|_| DownloadError::Address(url.clone()))?;
        let host = uri.host().unwrap_or_default();
        let sent = client.transport().send(host, &request, &Payload::Empty).await;
        let response = sent.map_err(|error| failure(&url, error))?;
        let status = response.status();
        if let Some(location) =
            text_header(&response, &header::LOCATION).filter(|_| status.is_redirection())
        {
            uri = follow(&uri, &location)?;
            continue;
        }
        if !status.is_success() {
            let message = match text_header(&response, &header::CONTENT_TYPE) {
                Some(kind) if kind.starts_with("text/html") => String::new(),
                _ => error_message(response).await,
            };
            return Err(DownloadError::Status { url, status, message });
        }
        let body = read_body(response, wanted.n_bytes_max).await;
        return body.map_err(|source| DownloadError::Connect { url, source });
    }
    Err(DownloadError::Redirects { url: wanted.url.to_owned() })
}

fn failure(url: &str, error: RegistryError) -> DownloadError {
    let source: Box<dyn std::error::Error + Send + Sync> = match error {
        RegistryError::Connect { source, .. } => source,
        other => Box::new(other),
    };
    DownloadError::Connect { url: url.to_owned(), source }
}

fn parse(url: &str) -> Result<Uri, DownloadError> {
    let url = url.split('#').next().unwrap_or_default();
    let uri = url.parse::<Uri>().ok();
    let is_web = |it: &Uri| matches!(it.scheme_str(), Some("http" | "https"));
    uri.filter(|it| is_web(it) && it.host().is_some_and(|it| !it.is_empty()))
        .ok_or_else(|| DownloadError::Address(url.to_owned()))
}

fn follow(from: &Uri, location: &str) -> Result<Uri, DownloadError> {
    if location.contains("://") {
        return parse(location);
    }
    let scheme = from.scheme_str().unwrap_or("https");
    let authority = from.authority().map(ToString::to_string).unwrap_or_default();
    if let Some(rest) = location.strip_prefix("//") {
        return parse(&format!("{scheme}://{rest}"));
    }
    if location.starts_with('/') {
        return parse(&format!("{scheme}://{authority}{location}"));
    }
    let folder = from.path().rsplit_once('/').map_or("", |it| it.0);
    parse(&format!("{scheme}://{authority}{folder}/{location}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_followed_from_where_they_stand() {
        let check = |location: &str, want: &str| {
            let from = parse("https://a.io:8443/x/y").unwrap();
            assert_eq!(follow(&from, location).unwrap().to_string(), want);
        };
        check("/z?q=1", "https://a.io:8443/z?q=1");
        check("z", "https://a.io:8443/x/z");
        check("//b.io/z", "https://b.io/z");
        check("http://b.io/z#part", "http://b.io/z");
    }

    #[test]
    fn other_addresses_are_refused() {
        for url in ["ftp://a.io/x", "a.io/x", "http://", "/x", ""] {
            assert!(matches!(parse(url), Err(DownloadError::Address(_))), "{url}");
        }
    }
}
