//! The tags of a repository, page by page.

use http::{HeaderMap, Method, Response, header};
use hyper::body::Incoming;
use oci::Reference;
use serde::Deserialize;

use crate::{
    Client, RegistryError,
    client::{Call, found, text_header},
    transport::{Payload, read_body},
};

const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// More tags than any repository that a person looks after has.
const PAGES_MAX: usize = 1000;

#[derive(Deserialize)]
struct Page {
    tags: Option<Vec<String>>,
}

/// Lists the tags of a reference's repository, in the registry's order.
///
/// Source: OCI distribution specification 1.1, "Listing Tags".
pub async fn tags(client: &Client, reference: &Reference) -> Result<Vec<String>, RegistryError> {
    let mut tags = Vec::new();
    let mut path = "tags/list".to_owned();
    for _ in 0..PAGES_MAX {
        let call = Call {
            reference,
            method: Method::GET,
            path,
            headers: HeaderMap::new(),
            payload: Payload::Empty,
            access: "pull",
            doing: format!("list the tags of `{}`", reference.name()),
        };
        let doing = call.doing.clone();
        let response = found(client.call(call).await?, reference, &doing).await?;
        let next = next_page(&response);
        let bytes = read_body(response, PAGE_BYTES_MAX).await.map_err(|source| {
            RegistryError::Connect { registry: reference.registry.clone(), source }
        })?;
        let page: Page = serde_json::from_slice(&bytes).map_err(|it| RegistryError::Answer {
            registry: reference.registry.clone(),
            doing,
            message: it.to_string(),
        })?;
        tags.extend(page.tags.unwrap_or_default());
        match next {
            Some(next) => path = next,
            None => break,
        }
    }
    Ok(tags)
}

fn next_page(response: &Response<Incoming>) -> Option<String> {
    link_to_next(&text_header(response, &header::LINK)?)
}

/// `</v2/name/tags/list?n=2&last=b>; rel="next"`; a path below the repository is made one of the registry.
fn link_to_next(header: &str) -> Option<String> {
    let (link, rest) = header.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = rest.contains("rel=\"next\"") || rest.contains("rel=next");
    (is_next && (link.starts_with('/') || link.contains("://"))).then(|| link.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_where_the_link_says() {
        let link = "</v2/a/tags/list?last=b&n=2>; rel=\"next\"";
        assert_eq!(link_to_next(link), Some("/v2/a/tags/list?last=b&n=2".to_owned()));
        assert_eq!(link_to_next("</v2/a/tags/list?n=2>; rel=\"prev\""), None);
        assert_eq!(link_to_next("nonsense"), None);
    }
}
