//! `zarpa chart create`: a new chart.

use std::path::Path;

use host::files;

use crate::{args::chart::Create, context::Context, failure::Failure, output};

/// Writes the files of a new chart; what lies there under their names is replaced, as helm does.
pub(crate) fn create(context: &Context, args: &Create) -> Result<(), Failure> {
    output::line(&format!("Creating {}", args.path))?;
    let path = Path::new(&args.path);
    let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let scaffold = chart::scaffold(&name)?;
    let folder = context.path(path);
    if folder.is_file() {
        let text = format!("file {} already exists and is not a directory", folder.display());
        return Err(Failure::work(text));
    }
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
