//! `zarpa chart package`: charts as archives, signed if that is wanted.

use std::path::Path;

use chart::{Chart, Versions};
use host::files;

use super::{dependency, market, problems, sign::Pen};
use crate::{args::chart::Package, commands::block_on, context::Context, failure::Failure, output};

/// Packs every chart that is named.
pub(crate) fn package(context: &Context, args: &Package) -> Result<(), Failure> {
    let mut pen = args.sign.then(|| Pen::take(context, args)).transpose()?;
    let mut packed = Vec::new();
    for path in &args.charts {
        let place = context.path(path.as_ref());
        if args.dependency_update {
            let access = (&args.keys, &args.access);
            block_on(dependency::update(context, &place, access, &dependency::say_nothing))?;
        }
        let into = pack(context, args, &place, path, pen.as_mut())?;
        if !context.is_json {
            output::line(&format!("Successfully packaged chart and saved it to: {into}"))?;
        }
        packed.push(into);
    }
    if context.is_json { output::json(&packed) } else { Ok(()) }
}

/// Packs the chart of a folder, and returns where the archive is.
fn pack(
    context: &Context,
    args: &Package,
    place: &Path,
    path: &str,
    pen: Option<&mut Pen>,
) -> Result<String, Failure> {
    let loaded = Chart::load(repository::read_folder(place)?);
    let mut chart = loaded.map_err(|error| problems::loading(error, place, path))?;
    let versions =
        Versions { version: args.version.as_deref(), app_version: args.app_version.as_deref() };
    chart.prepare_package(versions)?;
    let archive = chart.to_archive(0)?;
    let name = chart.package_name();
    let into = if args.destination.as_os_str() == "." {
        context.directory.join(&name)
    } else {
        args.destination.join(&name)
    };
    let file = context.path(&into);
    // Made first: a key that does not sign leaves no archive that seems to be signed.
    let provenance = pen.map(|it| it.sign(&name, &archive)).transpose()?;
    files::write_atomic(&file, &archive)?;
    if let Some(text) = provenance {
        files::write_atomic(&market::provenance(&file), text.as_bytes())?;
    }
    Ok(into.display().to_string())
}
