//! `zarpa chart repo index`: the index of a folder with archives.

use std::path::Path;

use chart::IndexFile;
use host::files;
use jiff::Timestamp;
use serde_json::json;

use crate::{args::repo::RepoIndex, context::Context, failure::Failure, output};

const INDEX: &str = "index.yaml";

/// Writes the index of the archives in a folder, and in the folders right below it.
pub(crate) fn index(context: &Context, args: &RepoIndex) -> Result<(), Failure> {
    let dir = context.path(&args.dir);
    if !dir.is_dir() {
        let text = format!("`{}` is no folder", args.dir.display());
        let hint = "name the folder in which the archives lie".to_owned();
        return Err(Failure::work(text).with_hint(Some(hint)));
    }
    let now = Timestamp::now().to_string();
    let mut index = IndexFile::new(&now);
    let mut n_charts = 0;
    for path in archives(&dir)? {
        let archive = files::read(&dir.join(&path))?;
        // What is no chart is passed over, as by helm.
        n_charts += usize::from(index.add(&path, &args.url, &archive).is_ok());
    }
    if let Some(path) = args.merge.as_deref().filter(|it| !it.as_os_str().is_empty()) {
        index.merge(other(context, path, &now, args.json)?);
    }
    index.sort();
    let path = dir.join(INDEX);
    write(&path, &index, args.json)?;
    if context.is_json {
        let path = path.display().to_string();
        return output::json(&json!({ "path": path, "charts": n_charts }));
    }
    Ok(())
}

/// The archives by their paths from the folder on: its own first.
fn archives(dir: &Path) -> Result<Vec<String>, Failure> {
    let is_archive = |it: &files::Entry| it.name.ends_with(".tgz");
    let entries = files::list(dir)?;
    let mut paths: Vec<String> = entries
        .iter()
        .filter(|it| is_archive(it) && !it.is_dir)
        .map(|it| it.name.clone())
        .collect();
    for folder in entries.iter().filter(|it| it.is_dir) {
        let below = files::list(&dir.join(&folder.name))?;
        let below = below.iter().filter(|it| is_archive(it) && !it.is_dir);
        paths.extend(below.map(|it| format!("{}/{}", folder.name, it.name)));
    }
    Ok(paths)
}

/// The index that is merged; where there is none yet, an empty one is made, as by helm.
fn other(context: &Context, path: &Path, now: &str, is_json: bool) -> Result<IndexFile, Failure> {
    let place = context.path(path);
    let text = match files::read(&place) {
        Err(error) if error.is_not_found() => {
            let empty = IndexFile::new(now);
            write(&place, &empty, is_json)?;
            return Ok(empty);
        }
        read => read?,
    };
    let doing = format!("merge failed: error loading {}", path.display());
    IndexFile::parse(&text).map_err(|it| Failure::from(it).within(&doing))
}

fn write(path: &Path, index: &IndexFile, is_json: bool) -> Result<(), Failure> {
    let text = if is_json { index.to_json() } else { index.to_yaml() };
    Ok(files::write_atomic(path, text.as_bytes())?)
}
