//! `zarpa chart create`: a new chart.

use std::path::Path;

use host::files;

use super::inputs;
use crate::{args::chart::Create, context::Context, failure::Failure, output};

/// Writes the files of a new chart; what lies there under their names is replaced, as helm does.
pub(crate) fn create(context: &Context, args: &Create) -> Result<(), Failure> {
    output::line(&format!("Creating {}", args.path))?;
    let path = Path::new(&args.path);
    let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = context.path(path);
    if let Some(starter) = args.starter.as_deref().filter(|it| !it.is_empty()) {
        return write_from(context, starter, &name, &folder);
    }
    let scaffold = chart::scaffold(&name)?;
    check_folder(&folder)?;
    for file in scaffold {
        let into = folder.join(&file.path);
        if into.exists() {
            let text = format!("WARNING: File {into:?} already exists. Overwriting.");
            output::line(&text)?;
        }
        files::write_atomic(&into, &file.data)?;
    }
    Ok(files::create_dir(&folder.join("charts"))?)
}

fn check_folder(folder: &Path) -> Result<(), Failure> {
    if folder.is_file() {
        let text = format!("file {} already exists and is not a directory", folder.display());
        return Err(Failure::work(text));
    }
    Ok(())
}

/// Writes a chart made of a starter: of a name in helm's folder, or of an absolute path.
fn write_from(context: &Context, starter: &str, name: &str, folder: &Path) -> Result<(), Failure> {
    let starters =
        context.helm.starters.as_ref().ok_or_else(|| {
            Failure::usage("neither HELM_DATA_HOME nor HOME says where starters are")
        })?;
    let place = starters.join(starter);
    if !place.exists() {
        let (place, folder) = (place.display(), starters.display());
        let text = format!("could not load {place}: stat {place}: no such file or directory");
        let hint = format!("--starter takes an absolute path, or the name of a chart in {folder}");
        return Err(Failure::work(text).with_hint(Some(hint)));
    }
    let loaded = inputs::load_at(&place, &place.display().to_string(), None);
    let chart = loaded.map_err(|it| it.within(&format!("could not load {}", place.display())))?;
    let written = chart::from_starter(&chart, name)?;
    check_folder(folder)?;
    for file in written {
        files::write_atomic(&folder.join(&file.path), &file.data)?;
    }
    Ok(())
}
