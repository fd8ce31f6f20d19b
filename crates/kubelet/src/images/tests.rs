//! Cases for images, with a registry in this process.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;

use super::*;

/// An image with one layer that holds `/hello`, as its blobs.
struct Sample {
    manifest: Vec<u8>,
    config: Vec<u8>,
    layer: Vec<u8>,
}

fn sample() -> Sample {
    let entries = [
        oci::layer::Entry::file("etc/passwd", 0o644, b"app:x:1000:1000::/:\n".to_vec()),
        oci::layer::Entry::file("hello", 0o644, b"hi".to_vec()),
    ];
    let mut layer = Vec::new();
    let entries = oci::layer::arrange(entries.to_vec());
    oci::layer::write_tar(&entries, 0, &mut layer).unwrap();
    let config = json!({"architecture": architecture(), "os": "linux", "config": {"User": "app"},
        "rootfs": {"type": "layers", "diff_ids": [Digest::of(&layer)]}});
    let config = serde_json::to_vec(&config).unwrap();
    let descriptor = |media_type: &str, bytes: &[u8]| json!({"mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len()});
    let manifest = json!({"schemaVersion": 2, "mediaType": media::MANIFEST,
        "config": descriptor(media::CONFIG, &config),
        "layers": [descriptor(media::LAYER, &layer)]});
    Sample { manifest: serde_json::to_vec(&manifest).unwrap(), config, layer }
}

/// Answers for one image of any name; counts what it was asked.
#[expect(clippy::disallowed_methods, reason = "the registry of the test listens on loopback")]
async fn registry(sample: Sample) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let n_asked = Arc::new(AtomicUsize::new(0));
    let (sample, counter) = (Arc::new(sample), Arc::clone(&n_asked));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (sample, counter) = (Arc::clone(&sample), Arc::clone(&counter));
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                counter.fetch_add(1, Ordering::Relaxed);
                let response = answer(&sample, request.uri().path());
                async move { Ok::<_, Infallible>(response) }
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    (address, n_asked)
}

fn answer(sample: &Sample, path: &str) -> Response<Full<Bytes>> {
    let blobs = [&sample.config, &sample.layer];
    let body = if path == "/v2/" {
        Some(&b"{}"[..])
    } else if path.contains("/manifests/") {
        Some(&sample.manifest[..])
    } else {
        let found = blobs.into_iter().find(|it| path.ends_with(Digest::of(it).as_str()));
        found.map(|it| &it[..])
    };
    let response = Response::builder().header(header::CONTENT_TYPE, media::MANIFEST);
    match body {
        Some(body) => response.body(Full::new(Bytes::copy_from_slice(body))).unwrap(),
        None => response.status(StatusCode::NOT_FOUND).body(Full::default()).unwrap(),
    }
}

fn images(dir: &Path, plain_http: Option<SocketAddr>) -> Images {
    let content = ContentStore::open(&dir.join("images")).unwrap();
    let registries = RegistryFiles { docker_config: None, plain_http: dir.join("plain-http") };
    if let Some(address) = plain_http {
        let line = format!("{address}\n");
        host::files::write_atomic(&registries.plain_http, line.as_bytes()).unwrap();
    }
    disk::make_dir(&dir.join("layers")).unwrap();
    Images::new(content, dir.join("layers"), registries)
}

fn request(image: &str, policy: &str) -> Request {
    Request {
        image: image.to_owned(),
        policy: policy.to_owned(),
        credentials: Credentials::default(),
    }
}

fn store(images: &Images, sample: &Sample, image: &str) {
    for blob in [&sample.config, &sample.layer, &sample.manifest] {
        images.content.write(blob).unwrap();
    }
    let descriptor = Descriptor {
        media_type: media::MANIFEST.to_owned(),
        digest: Digest::of(&sample.manifest),
        size: sample.manifest.len() as u64,
        platform: None,
        annotations: BTreeMap::new(),
    };
    images.content.tag(&image.parse().unwrap(), &descriptor).unwrap();
}

/// Layers belong to root, whom only root can give files to.
fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

#[tokio::test]
async fn a_stored_image_is_found_whatever_the_policy() {
    let dir = tempfile::tempdir().unwrap();
    let images = images(dir.path(), None);
    store(&images, &sample(), "faro:1");
    assert!(images.is_present("docker.io/library/faro:1"));
    for policy in ["Always", "IfNotPresent", "Never"] {
        if is_root() {
            let resolved = images.resolve(&request("faro:1", policy)).await.unwrap();
            assert!(resolved.pulled.is_none());
            let digest = Digest::of(&sample().manifest);
            assert_eq!(resolved.image.id, format!("docker.io/library/faro@{digest}"));
            assert_eq!(disk::text(&resolved.image.layers[0].join("hello")), "hi");
            assert_eq!(resolved.image.users.passwd, "app:x:1000:1000::/:\n");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_had_is_named_by_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let images = images(dir.path(), None);
    let reason = async |image: &str, policy: &str| {
        images.resolve(&request(image, policy)).await.unwrap_err().reason()
    };
    assert_eq!(reason("faro:2", "Never").await, "ErrImageNeverPull");
    assert_eq!(reason("Faro:x y", "Always").await, "InvalidImageName");
}

#[tokio::test]
async fn an_image_is_pulled_once_for_all_who_ask() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (address, n_asked) = registry(sample()).await;
    let images = images(dir.path(), Some(address));
    let request = request(&format!("{address}/team/faro:1"), "Always");
    let (one, two) = tokio::join!(images.resolve(&request), images.resolve(&request));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.image, two.image);
    assert!(one.pulled.is_some() != two.pulled.is_some());
    let n_before = n_asked.load(Ordering::Relaxed);
    images.resolve(&request).await.unwrap();
    assert_eq!(n_asked.load(Ordering::Relaxed), n_before);
}

#[tokio::test]
async fn unused_layers_are_swept() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let images = images(dir.path(), None);
    store(&images, &sample(), "faro:1");
    let layers = images.resolve(&request("faro:1", "Never")).await.unwrap().image.layers.clone();
    assert_eq!(images.sweep(BTreeSet::new()).await.unwrap(), 0);
    images.content.untag(&"faro:1".parse().unwrap()).unwrap();
    assert_eq!(images.sweep(layers.iter().cloned().collect()).await.unwrap(), 0);
    assert_eq!(images.sweep(BTreeSet::new()).await.unwrap(), 1);
    assert!(!disk::is_dir(&layers[0]));
}
