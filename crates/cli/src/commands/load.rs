//! `zarpa cluster load`: images from archives into the store that the cluster takes them from.

use std::path::PathBuf;

use host::ContentStore;

use crate::{context::Context, failure::Failure, output};

pub(crate) fn load(context: &Context, archives: &[PathBuf]) -> Result<(), Failure> {
    let store = ContentStore::open(&context.layout.images())?;
    let mut loaded = Vec::new();
    for archive in archives {
        loaded.extend(imagebuild::load_archive(&store, &context.path(archive))?);
    }
    if context.is_json {
        return output::json(&loaded);
    }
    loaded.iter().try_for_each(|it| output::line(it))
}
