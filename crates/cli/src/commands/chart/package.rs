//! `zarpa chart package`: charts as archives.

use chart::{Chart, Versions};
use host::files;

use super::{inputs, problems};
use crate::{args::chart::Package, context::Context, failure::Failure, output};

/// Packs every chart that is named.
pub(crate) fn package(context: &Context, args: &Package) -> Result<(), Failure> {
    let mut packed = Vec::new();
    for path in &args.charts {
        let place = context.path(path.as_ref());
        let loaded = Chart::load(inputs::folder(&place)?);
        let mut chart = loaded.map_err(|error| problems::loading(error, &place, path))?;
        let versions =
            Versions { version: args.version.as_deref(), app_version: args.app_version.as_deref() };
        chart.prepare_package(versions)?;
        let archive = chart.to_archive(0)?;
        let into = if args.destination.as_os_str() == "." {
            context.directory.join(chart.package_name())
        } else {
            args.destination.join(chart.package_name())
        };
        files::write_atomic(&context.path(&into), &archive)?;
        let into = into.display().to_string();
        if !context.is_json {
            output::line(&format!("Successfully packaged chart and saved it to: {into}"))?;
        }
        packed.push(into);
    }
    if context.is_json { output::json(&packed) } else { Ok(()) }
}
