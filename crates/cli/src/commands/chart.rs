//! `zarpa chart`: charts by themselves, with helm's flags and helm's output; one command a file.

use std::process::ExitCode;

use crate::{args::chart::ChartSubcommand, context::Context, failure::Failure};

mod inputs;
mod template;

/// Carries out a command on charts.
pub(crate) fn run(context: &Context, command: ChartSubcommand) -> Result<ExitCode, Failure> {
    let done = |()| ExitCode::SUCCESS;
    match command {
        ChartSubcommand::Template(it) => template::template(context, &it).map(done),
    }
}
