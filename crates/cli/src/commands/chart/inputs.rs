//! What chart commands take in: charts, values, the clock and randomness.

use std::path::Path;

use chart::{Chart, ChartFile, Source, ValueSources};
use host::files;
use jiff::Timestamp;

use crate::{args::chart::Template, context::Context, failure::Failure};

pub(crate) fn load(path: &Path) -> Result<Chart, Failure> {
    if path.is_dir() {
        let tree = files::read_tree(path, &|it| it == ".git")?;
        let files = tree.into_iter().map(|it| ChartFile { path: it.path, data: it.content });
        return Ok(Chart::load(files.collect())?);
    }
    Ok(Chart::from_archive(&files::read(path)?)?)
}

pub(crate) fn sources(context: &Context, args: &Template) -> Result<ValueSources, Failure> {
    let mut value_files = Vec::new();
    for path in &args.values.files {
        value_files.push((path.display().to_string(), files::read(&context.path(path))?));
    }
    Ok(ValueSources {
        files: value_files,
        set_json: args.set_json.clone(),
        set: args.values.set.clone(),
        set_string: args.values.set_string.clone(),
        set_file: args.set_file.clone(),
        set_literal: args.set_literal.clone(),
    })
}

/// No cluster, the machine's clock and randomness.
pub(crate) struct World;

impl Source for World {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        let mut rest = buffer;
        while !rest.is_empty() {
            match rustix::rand::getrandom(&mut *rest, rustix::rand::GetRandomFlags::empty()) {
                Ok(n_bytes) => rest = &mut rest[n_bytes..],
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
}
