//! A chart that is named: a folder or an archive here, or one that is fetched.

use std::path::PathBuf;

use bytes::Bytes;
use chart::Chart;
use repository::{Provenance, Unread};

use super::{inputs, market, pull, verify};
use crate::{args::remote::Origin, commands::block_on, context::Context, failure::Failure};

/// Where a chart is, found before anything else is looked at.
#[derive(Debug)]
pub(crate) enum Located {
    /// A folder, or an archive.
    Here(PathBuf),
    Fetched(Bytes),
}

/// Finds a chart as helm does: a path that is there, or else what `pull` takes.
pub(crate) fn locate(context: &Context, path: &str, origin: &Origin) -> Result<Located, Failure> {
    let path = path.trim();
    let place = context.path(path.as_ref());
    if origin.repo.is_none() {
        if place.exists() {
            if origin.verify {
                verify::check(context, &place, &origin.keys)?;
            }
            return Ok(Located::Here(place));
        }
        // Only names are looked for elsewhere.
        if path.starts_with(['.', '/']) || !path.contains('/') {
            return inputs::find(context, path).map(Located::Here);
        }
    }
    block_on(fetch(context, path, origin)).map(Located::Fetched)
}

async fn fetch(context: &Context, chart: &str, origin: &Origin) -> Result<Bytes, Failure> {
    let hosts: Vec<&str> = market::host(chart).into_iter().collect();
    let market = market::open(context, &origin.access, &hosts)?;
    let provenance = if origin.verify { Provenance::Required } else { Provenance::Unwanted };
    let fetched = market::fetch(context, &market, chart, origin, provenance).await?;
    if origin.verify {
        pull::check(&fetched, &market::keyring(context, &origin.keys)?)?;
    }
    Ok(fetched.archive)
}

impl Located {
    /// Reads the chart; `path` is what the user wrote. With an [`Unread`], files that only templates ask for are read
    /// when they do.
    pub(crate) fn load(&self, path: &str, unread: Option<&Unread>) -> Result<Chart, Failure> {
        match self {
            Self::Here(place) => inputs::load_at(place, path, unread),
            Self::Fetched(archive) => Ok(Chart::from_archive(archive)?),
        }
    }
}
