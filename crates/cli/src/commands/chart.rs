//! `zarpa chart`: charts by themselves, with helm's flags and helm's output; one command a file.

use std::process::ExitCode;

use crate::{
    args::chart::{ChartCommand, ChartSubcommand},
    context::Context,
    failure::Failure,
};

mod create;
mod diff;
mod helm;
mod inputs;
mod lint;
mod package;
mod problems;
mod show;
mod template;

/// Carries out a command on charts.
pub(crate) fn run(context: &Context, command: ChartCommand) -> Result<ExitCode, Failure> {
    let done = |()| ExitCode::SUCCESS;
    let result = match command.command {
        ChartSubcommand::Template(it) => template::template(context, &it).map(done),
        ChartSubcommand::Lint(it) => lint::lint(context, &it).map(done),
        ChartSubcommand::Diff(it) => diff::diff(context, &it),
        ChartSubcommand::Show(it) => show::show(context, &it.command).map(done),
        ChartSubcommand::Package(it) => package::package(context, &it).map(done),
        ChartSubcommand::Create(it) => create::create(context, &it).map(done),
    };
    match result {
        Err(failure) if command.helm_errors => Err(helm::worded(context, &failure)),
        result => result,
    }
}
