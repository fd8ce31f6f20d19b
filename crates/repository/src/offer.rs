//! What repositories offer: their indexes, fetched, and kept where helm keeps them.

use bytes::Bytes;
use chart::RepositoryIndex;
use oci::Digest;
use registry::Client;

use crate::{
    certificates::Certificates,
    fetch::{FetchError, Home, Market},
    settings::Repository,
};

const INDEX_BYTES_MAX: usize = 128 << 20;
/// Under such a name helm keeps the index of a repository that only a chart names.
const UNNAMED: &str = "helm-manager-";

/// The market's client, or one of its own when the repository has settings of TLS.
pub(crate) fn client_of(market: &Market, repository: &Repository) -> Result<Client, FetchError> {
    let certificates = Certificates::of(repository);
    if certificates.is_empty() {
        return Ok(market.client.clone());
    }
    let tls = certificates.read(&market.dir).map_err(FetchError::Certificates)?;
    market.client.with_tls(tls).map_err(FetchError::Tls)
}

/// Fetches what a repository offers, and keeps it nowhere; returns it with its text.
pub(crate) async fn index(
    market: &Market,
    repository: &Repository,
) -> Result<(RepositoryIndex, Bytes), FetchError> {
    let url = chart::resolve_address(&repository.url, "index.yaml");
    let text = Home::of(market, repository)?.download(&url, INDEX_BYTES_MAX).await;
    let text = text.map_err(|source| FetchError::Index { url: repository.url.clone(), source })?;
    let index = RepositoryIndex::parse(&text)
        .map_err(|source| FetchError::IndexText { url: repository.url.clone(), source })?;
    Ok((index, text))
}

/// Fetches what a repository offers, and keeps it in the cache.
pub async fn refresh(
    market: &Market,
    repository: &Repository,
) -> Result<RepositoryIndex, FetchError> {
    let (index, text) = index(market, repository).await?;
    market.cache.write(&kept_name(repository), &text, &index).map_err(FetchError::Cache)?;
    Ok(index)
}

/// What a repository offered when it was asked last; asks it when it never was.
pub(crate) async fn kept(
    market: &Market,
    repository: &Repository,
) -> Result<RepositoryIndex, FetchError> {
    let text = market.cache.read(&kept_name(repository)).map_err(FetchError::Cache)?;
    let Some(text) = text else { return refresh(market, repository).await };
    RepositoryIndex::parse(&text)
        .map_err(|source| FetchError::IndexText { url: repository.url.clone(), source })
}

/// The name under which the index is kept.
fn kept_name(repository: &Repository) -> String {
    if repository.name.is_empty() {
        format!("{UNNAMED}{}", Digest::of(repository.url.as_bytes()).hex())
    } else {
        repository.name.clone()
    }
}
