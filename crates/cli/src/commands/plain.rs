//! The registries without TLS that the user has named, for the cluster's pulls and for charts.

use std::collections::BTreeSet;

use host::files;
use pipeline::Environment;

use crate::{context::Context, failure::Failure};

/// Notes the registry without TLS that an environment names, so that the embedded cluster pulls from it, too.
pub(crate) fn declare(context: &Context, environment: &Environment) -> Result<(), Failure> {
    let Some(registry) = environment.registry.as_ref().filter(|it| it.is_plain_http) else {
        return Ok(());
    };
    let host = registry.hub.split('/').next().unwrap_or_default();
    if let Some(text) = registry::with_plain_http(&read(context)?, host) {
        files::write_atomic(&context.layout.plain_http(), text.as_bytes())?;
    }
    Ok(())
}

pub(crate) fn known(context: &Context) -> Result<BTreeSet<String>, Failure> {
    Ok(registry::plain_http(&read(context)?))
}

fn read(context: &Context) -> Result<String, Failure> {
    match files::read_text(&context.layout.plain_http()) {
        Err(error) if error.is_not_found() => Ok(String::new()),
        read => Ok(read?),
    }
}
