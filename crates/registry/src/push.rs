//! From blobs on disk to an image in a registry, without sending what is there already.

use std::path::PathBuf;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use hyper::body::Incoming;
use oci::{Descriptor, Digest, Manifest, Reference};

use crate::{
    Client, RegistryError,
    auth::encode,
    client::{Call, found, manifest_name, text_header},
    transport::Payload,
};

const UPLOADS_AT_ONCE_MAX: usize = 4;
const ACCESS: &str = "pull,push";

/// What a push did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The registry had this very manifest under this name.
    Unchanged,
    /// Bytes sent, without those of blobs that the registry had.
    Sent { n_bytes: u64 },
}

/// The content of a blob that is to be pushed.
#[derive(Debug, Clone)]
pub enum Blob {
    File(PathBuf),
    Bytes(Bytes),
}

/// Pushes an image or a chart: its blobs, several at once, then its manifest under the reference's tag.
///
/// `blob` says where a blob lies; `manifest_bytes` are those that `descriptor` names.
pub async fn push(
    client: &Client,
    reference: &Reference,
    descriptor: &Descriptor,
    manifest_bytes: Bytes,
    blob: &(dyn Fn(&Digest) -> Blob + Sync),
) -> Result<Pushed, RegistryError> {
    if client.manifest_digest(reference).await?.as_ref() == Some(&descriptor.digest) {
        return Ok(Pushed::Unchanged);
    }
    let manifest: Manifest = serde_json::from_slice(&manifest_bytes)
        .map_err(|source| RegistryError::Manifest { what: reference.familiar(), source })?;
    let blobs: Vec<&Descriptor> = manifest.layers.iter().chain([&manifest.config]).collect();
    let sent: Vec<u64> = futures_util::stream::iter(blobs)
        .map(|it| push_blob(client, reference, it, blob(&it.digest)))
        .buffer_unordered(UPLOADS_AT_ONCE_MAX)
        .try_collect()
        .await?;
    put_manifest(client, reference, descriptor, manifest_bytes.clone()).await?;
    Ok(Pushed::Sent { n_bytes: sent.iter().sum::<u64>() + manifest_bytes.len() as u64 })
}

/// Returns the bytes sent: none when the registry has the blob.
async fn push_blob(
    client: &Client,
    reference: &Reference,
    blob: &Descriptor,
    content: Blob,
) -> Result<u64, RegistryError> {
    let digest = &blob.digest;
    let call = |method: Method, path: String| Call {
        reference,
        method,
        path,
        headers: HeaderMap::new(),
        payload: Payload::Empty,
        access: ACCESS,
        doing: format!("push the blob {digest}"),
    };
    let head = call(Method::HEAD, format!("blobs/{digest}"));
    if client.call(head).await?.status().is_success() {
        return Ok(0);
    }
    let start = call(Method::POST, "blobs/uploads/".to_owned());
    let doing = start.doing.clone();
    let response = found(client.call(start).await?, reference, &doing).await?;
    let location = upload_address(&response, reference, &doing)?;
    let separator = if location.contains('?') { '&' } else { '?' };
    let mut put =
        call(Method::PUT, format!("{location}{separator}digest={}", encode(digest.as_str())));
    let octets = HeaderValue::from_static("application/octet-stream");
    put.headers.insert(header::CONTENT_TYPE, octets);
    put.payload = match content {
        Blob::File(path) => Payload::File { path, n_bytes: blob.size },
        Blob::Bytes(bytes) => Payload::Bytes(bytes),
    };
    let response = client.call(put).await?;
    found(response, reference, &doing).await?;
    Ok(blob.size)
}

fn upload_address(
    response: &Response<Incoming>,
    reference: &Reference,
    doing: &str,
) -> Result<String, RegistryError> {
    let location = text_header(response, &header::LOCATION)
        .filter(|_| response.status() == StatusCode::ACCEPTED);
    location.ok_or_else(|| RegistryError::Answer {
        registry: reference.registry.clone(),
        doing: doing.to_owned(),
        message: format!("{} without a place to upload to", response.status()),
    })
}

async fn put_manifest(
    client: &Client,
    reference: &Reference,
    descriptor: &Descriptor,
    bytes: Bytes,
) -> Result<(), RegistryError> {
    let media_type = HeaderValue::from_str(&descriptor.media_type)
        .unwrap_or_else(|_| HeaderValue::from_static(oci::media::MANIFEST));
    let tagged = Reference { digest: None, ..reference.clone() };
    let name = if reference.tag.is_some() {
        manifest_name(&tagged)
    } else {
        descriptor.digest.to_string()
    };
    let call = Call {
        reference,
        method: Method::PUT,
        path: format!("manifests/{name}"),
        headers: HeaderMap::from_iter([(header::CONTENT_TYPE, media_type)]),
        payload: Payload::Bytes(bytes),
        access: ACCESS,
        doing: format!("push the manifest of `{}`", reference.familiar()),
    };
    let doing = call.doing.clone();
    let response = client.call(call).await?;
    found(response, reference, &doing).await?;
    Ok(())
}
