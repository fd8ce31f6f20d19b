//! `zarpa chart package`: charts as archives.

use chart::{Chart, Versions};
use host::files;

use super::inputs;
use crate::{args::chart::Package, context::Context, failure::Failure, output};

/// Packs every chart that is named.
pub(crate) fn package(context: &Context, args: &Package) -> Result<(), Failure> {
    for path in &args.charts {
        let place = context.path(path.as_ref());
        let mut chart = Chart::load(inputs::folder(&place)?)?;
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
        let into = into.display();
        output::line(&format!("Successfully packaged chart and saved it to: {into}"))?;
    }
    Ok(())
}
