//! `zarpa chart show`: what a chart says of itself, as `helm show` prints it.

use chart::Part;

use super::inputs;
use crate::{args::chart::ShowSubcommand, context::Context, failure::Failure, output};

/// Prints a part of a chart.
pub(crate) fn show(context: &Context, command: &ShowSubcommand) -> Result<(), Failure> {
    let (part, path) = match command {
        ShowSubcommand::All { chart } => (Part::All, chart),
        ShowSubcommand::Chart { chart } => (Part::Chart, chart),
        ShowSubcommand::Values { chart } => (Part::Values, chart),
        ShowSubcommand::Readme { chart } => (Part::Readme, chart),
        ShowSubcommand::Crds { chart } => (Part::Crds, chart),
    };
    output::raw(inputs::load(context, path)?.overview(part).as_bytes())
}
