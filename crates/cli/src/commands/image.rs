//! `zarpa image`: images of the content store by themselves.

use std::path::PathBuf;

use bytes::Bytes;
use host::ContentStore;
use oci::{Descriptor, ImageConfiguration, Manifest, Platform, Reference, media};
use registry::{Blob, Client, Options, Pushed};
use serde_json::json;

use super::plain;
use crate::{
    args::image::{ImageSubcommand, Inspect, Pull, Push},
    context::Context,
    failure::Failure,
    output,
};

pub(crate) async fn run(context: &Context, command: &ImageSubcommand) -> Result<(), Failure> {
    match command {
        ImageSubcommand::Inspect(it) => inspect(context, it),
        ImageSubcommand::Pull(it) => pull(context, it).await,
        ImageSubcommand::Push(it) => push(context, it).await,
    }
}

fn store(context: &Context) -> Result<ContentStore, Failure> {
    Ok(ContentStore::open(&context.layout.images())?)
}

fn client(context: &Context, is_plain_http_everywhere: bool) -> Result<Client, Failure> {
    let paths = context.docker_config.iter().map(PathBuf::as_path);
    Ok(Client::new(Options {
        credentials: repository::credentials(paths)?,
        plain_http: plain::known(context)?,
        is_plain_http_everywhere,
        ..Options::default()
    })?)
}

fn name(text: &str) -> Result<Reference, Failure> {
    text.parse().map_err(|it: oci::ParseReferenceError| Failure::usage(it))
}

/// An image of the store, its documents read.
struct Stored {
    reference: Reference,
    descriptor: Descriptor,
    manifest_bytes: Vec<u8>,
    manifest: Manifest,
    configuration: ImageConfiguration,
}

fn find(store: &ContentStore, text: &str) -> Result<Stored, Failure> {
    let reference = name(text)?;
    let descriptor = store.resolve(&reference)?.ok_or_else(|| {
        Failure::work(format!("the image `{}` is not in the store", reference.familiar()))
            .with_hint(Some(format!("fetch it first: zarpa image pull {text}")))
    })?;
    if matches!(descriptor.media_type.as_str(), media::INDEX | media::DOCKER_INDEX) {
        let image = reference.familiar();
        return Err(Failure::work(format!("`{image}` is a list of images for several platforms"))
            .with_hint(Some(format!("fetch the one for this machine: zarpa image pull {text}"))));
    }
    let manifest_bytes = store.read(&descriptor.digest)?;
    let manifest: Manifest = serde_json::from_slice(&manifest_bytes)?;
    let configuration = serde_json::from_slice(&store.read(&manifest.config.digest)?)?;
    Ok(Stored { reference, descriptor, manifest_bytes, manifest, configuration })
}

fn inspect(context: &Context, args: &Inspect) -> Result<(), Failure> {
    let image = find(&store(context)?, &args.image)?;
    let (manifest, configuration) = (&image.manifest, &image.configuration);
    let n_bytes: u64 = manifest.layers.iter().map(|it| it.size).sum();
    if context.is_json {
        return output::json(&json!({
            "reference": image.reference.familiar(),
            "digest": image.descriptor.digest,
            "mediaType": image.descriptor.media_type,
            "size": n_bytes,
            "layers": manifest.layers,
            "annotations": manifest.annotations,
            "configuration": configuration,
        }));
    }
    let config = &configuration.config;
    let list = |name: &str, items: &[String]| {
        if items.is_empty() { None } else { Some(format!("{name:<11} {}", items.join(" "))) }
    };
    let text = |name: &str, text: &str| {
        if text.is_empty() { None } else { Some(format!("{name:<11} {text}")) }
    };
    let ports: Vec<String> = config.exposed_ports.keys().cloned().collect();
    let mut lines = vec![
        Some(image.reference.familiar()),
        text("digest", image.descriptor.digest.as_str()),
        text("platform", &format!("{}/{}", configuration.os, configuration.architecture)),
        text("created", configuration.created.as_deref().unwrap_or_default()),
        text("user", &config.user),
        list("entrypoint", &config.entrypoint),
        list("cmd", &config.cmd),
        text("workdir", &config.working_dir),
        list("ports", &ports),
    ];
    lines.extend(config.env.iter().map(|it| text("env", it)));
    lines.extend(config.labels.iter().map(|(key, value)| text("label", &format!("{key}={value}"))));
    let layers = manifest.layers.iter();
    lines.extend(layers.map(|it| text("layer", &format!("{} {}", it.digest, megabytes(it.size)))));
    lines.push(text("size", &megabytes(n_bytes)));
    lines.iter().flatten().try_for_each(|it| output::line(it))
}

async fn pull(context: &Context, args: &Pull) -> Result<(), Failure> {
    let (store, client) = (store(context)?, client(context, args.plain_http)?);
    let mut told = Vec::new();
    for image in &args.images {
        let reference = name(image)?;
        let pulled = imagebuild::pull(&store, &client, &reference, &platform()).await?;
        let image = reference.familiar();
        if !context.is_json {
            let fetched = if pulled.n_bytes == 0 {
                "nothing to fetch".to_owned()
            } else {
                format!("{} fetched", megabytes(pulled.n_bytes))
            };
            output::line(&format!("{image} {} ({fetched})", pulled.descriptor.digest))?;
        }
        let digest = pulled.descriptor.digest;
        told.push(json!({"reference": image, "digest": digest, "fetched": pulled.n_bytes}));
    }
    if context.is_json { output::json(&told) } else { Ok(()) }
}

async fn push(context: &Context, args: &Push) -> Result<(), Failure> {
    let store = store(context)?;
    let image = find(&store, &args.image)?;
    let target = match &args.target {
        Some(target) => name(target)?,
        None => image.reference.clone(),
    };
    let client = client(context, args.plain_http)?;
    let blob = |digest: &oci::Digest| Blob::File(store.blob_path(digest));
    let manifest = Bytes::from(image.manifest_bytes);
    let pushed = registry::push(&client, &target, &image.descriptor, manifest, &blob).await?;
    let (n_bytes, said) = match pushed {
        Pushed::Unchanged => (0, "unchanged".to_owned()),
        Pushed::Sent { n_bytes } => (n_bytes, format!("{} sent", megabytes(n_bytes))),
    };
    let digest = &image.descriptor.digest;
    let target = target.familiar();
    if context.is_json {
        return output::json(&json!({"reference": target, "digest": digest, "sent": n_bytes}));
    }
    output::line(&format!("{target} {digest} ({said})"))
}

fn megabytes(n_bytes: u64) -> String {
    format!("{:.1} MB", n_bytes as f64 / 1e6)
}

fn platform() -> Platform {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    Platform { architecture: architecture.to_owned(), os: "linux".to_owned(), variant: None }
}
