//! `zarpa chart show`: what a chart says of itself, as `helm show` prints it.

use chart::Part;

use super::locate;
use crate::{args::chart::ShowSubcommand, context::Context, failure::Failure, output};

/// Prints a part of a chart.
pub(crate) fn show(context: &Context, command: &ShowSubcommand) -> Result<(), Failure> {
    let (part, shown) = match command {
        ShowSubcommand::All(it) => (Part::All, it),
        ShowSubcommand::Chart(it) => (Part::Chart, it),
        ShowSubcommand::Values(it) => (Part::Values, &it.shown),
        ShowSubcommand::Readme(it) => (Part::Readme, it),
        ShowSubcommand::Crds(it) => (Part::Crds, it),
    };
    let chart = locate::locate(context, &shown.chart, &shown.origin)?.load(&shown.chart, None)?;
    output::raw(chart.overview(part).as_bytes())
}
