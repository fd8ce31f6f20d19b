//! `zarpa chart pull`: charts from registries and repositories.

use chart::Chart;
use host::{
    files,
    tree::{self, TreeFile},
};
use repository::{Fetched, Provenance, Verified, openpgp::Keyring};
use serde_json::{Value, json};

use super::market;
use crate::{args::remote::Pull, context::Context, failure::Failure, output};

/// Fetches every chart that is named; one that is not verified is not written.
pub(crate) async fn pull(context: &Context, args: &Pull) -> Result<(), Failure> {
    let hosts: Vec<&str> = args.charts.iter().filter_map(|it| market::host(it)).collect();
    let origin = &args.origin;
    let market = market::open(context, &origin.access, &hosts)?;
    let keyring = origin.verify.then(|| market::keyring(context, &origin.keys)).transpose()?;
    let wants_provenance = origin.verify || args.prov;
    let provenance = if wants_provenance { Provenance::Required } else { Provenance::Unwanted };
    let mut told = Vec::new();
    for chart in &args.charts {
        let fetched = market::fetch(context, &market, chart, origin, provenance).await?;
        let verified = keyring.as_ref().map(|it| check(&fetched, it)).transpose()?;
        if !context.is_json {
            for line in verified.iter().flat_map(Verified::lines) {
                output::line(&line)?;
            }
        }
        let place = if args.untar {
            unpack(context, args, &fetched)?
        } else {
            write(context, args, &fetched)?
        };
        told.push(document(&fetched, verified.as_ref(), &place));
    }
    if context.is_json { output::json(&told) } else { Ok(()) }
}

/// Holds what came against its provenance file.
pub(crate) fn check(fetched: &Fetched, keyring: &Keyring) -> Result<Verified, Failure> {
    let provenance = fetched.provenance.as_deref().unwrap_or_default();
    let (name, archive) = (&fetched.file_name, &fetched.archive);
    let now_s = market::now_s();
    Ok(repository::verify(name, archive, provenance, keyring, now_s)?)
}

fn write(context: &Context, args: &Pull, fetched: &Fetched) -> Result<String, Failure> {
    let path = context.path(&args.destination).join(&fetched.file_name);
    files::write_atomic(&path, &fetched.archive)?;
    if let Some(provenance) = &fetched.provenance {
        files::write_atomic(&market::provenance(&path), provenance)?;
    }
    Ok(path.display().to_string())
}

/// Unpacks a chart into a folder of its name, which must not be there.
fn unpack(context: &Context, args: &Pull, fetched: &Fetched) -> Result<String, Failure> {
    let name = Chart::from_archive(&fetched.archive)?.name().to_owned();
    let dir = context.path(&args.destination).join(&args.untardir).join(name);
    if dir.exists() {
        let dir = dir.display();
        return Err(Failure::work(format!(
            "failed to untar: a file or directory with the name {dir} already exists"
        ))
        .with_hint(Some("remove it, or name another folder with --untardir".to_owned())));
    }
    let content = chart::unpack_archive(&fetched.archive)?;
    let content =
        content.into_iter().map(|it| TreeFile { path: it.path, content: it.data.to_vec() });
    tree::write(&dir, &content.collect::<Vec<_>>())?;
    Ok(dir.display().to_string())
}

fn document(fetched: &Fetched, verified: Option<&Verified>, place: &str) -> Value {
    let (reference, digest) = fetched.pulled.clone().unzip();
    json!({
        "name": fetched.file_name,
        "path": place,
        "reference": reference,
        "digest": digest,
        "signedBy": verified.map(|it| &it.signed_by),
        "fingerprint": verified.map(|it| it.fingerprint.to_string()),
    })
}
