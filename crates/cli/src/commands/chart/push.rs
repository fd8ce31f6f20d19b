//! `zarpa chart push`: a chart to a registry.

use std::path::Path;

use bytes::Bytes;
use host::files;
use jiff::Timestamp;
use serde_json::json;

use super::market;
use crate::{args::remote::Push, context::Context, failure::Failure, output, progress::Drawing};

pub(crate) async fn push(context: &Context, args: &Push) -> Result<(), Failure> {
    let path = context.path(&args.archive);
    if path.is_dir() {
        let shown = args.archive.display();
        return Err(Failure::work(format!(
            "cannot push directory `{shown}`, must provide chart archive (.tgz)"
        ))
        .with_hint(Some(format!("pack it first: zarpa chart package {shown}"))));
    }
    let archive = Bytes::from(files::read(&path)?);
    let provenance = match files::read(&market::provenance(&path)) {
        Err(error) if error.is_not_found() => None,
        read => Some(Bytes::from(read?)),
    };
    let hosts: Vec<&str> = market::host(&args.remote).into_iter().collect();
    let market = market::open(context, &args.access, &hosts)?;
    let created = modified(&path)?;
    let pushed =
        repository::push(&market.client, archive, provenance, &args.remote, &created).await?;
    if context.is_json {
        return output::json(&json!({
            "reference": pushed.reference,
            "digest": pushed.digest,
            "unchanged": pushed.was_there,
        }));
    }
    Drawing::new(context).line(&format!("Pushed: {}\nDigest: {}", pushed.reference, pushed.digest));
    Ok(())
}

/// When a file was written, in RFC 3339 to the second: what helm calls the chart's creation.
fn modified(path: &Path) -> Result<String, Failure> {
    let modified = std::fs::metadata(path)?.modified()?;
    let second = Timestamp::try_from(modified)?.as_second();
    Ok(Timestamp::from_second(second)?.to_string())
}
