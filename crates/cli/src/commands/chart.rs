//! `zarpa chart`: charts by themselves, with helm's flags and helm's output; one command a file.

use std::process::ExitCode;

use crate::{
    args::{
        chart::{ChartCommand, ChartSubcommand},
        remote::RemoteSubcommand,
    },
    context::Context,
    failure::Failure,
};

mod address;
mod create;
mod dependency;
mod diff;
mod explain;
mod helm;
mod inputs;
mod lint;
mod locate;
mod market;
mod package;
mod problems;
mod pull;
mod push;
mod repo;
mod repo_add;
mod repo_index;
mod repo_update;
mod show;
mod sign;
mod template;
mod verify;

/// Carries out a command on charts.
pub(crate) fn run(context: &Context, command: ChartCommand) -> Result<ExitCode, Failure> {
    let done = |()| ExitCode::SUCCESS;
    let context = &with_flags(context, &command);
    let result = match command.command {
        ChartSubcommand::Template(it) => template::template(context, &it).map(done),
        ChartSubcommand::Lint(it) => lint::lint(context, &it),
        ChartSubcommand::Diff(it) => diff::diff(context, &it),
        ChartSubcommand::Explain(it) => explain::explain(context, &it).map(done),
        ChartSubcommand::Show(it) => show::show(context, &it.command).map(done),
        ChartSubcommand::Package(it) => package::package(context, &it).map(done),
        ChartSubcommand::Create(it) => create::create(context, &it).map(done),
        ChartSubcommand::Remote(RemoteSubcommand::Repo(it)) => {
            repo::run(context, &it.command).map(done)
        }
        ChartSubcommand::Remote(it) => with_network(context, it).map(done),
    };
    match result {
        Err(failure) if command.helm_errors => Err(helm::worded(context, &failure)),
        result => result,
    }
}

/// By itself, because the other commands need not touch as much stack.
#[inline(never)]
fn with_network(context: &Context, command: RemoteSubcommand) -> Result<(), Failure> {
    super::block_on(remote(context, command))
}

/// The environment, with what the flags of every chart command say instead.
fn with_flags(context: &Context, command: &ChartCommand) -> Context {
    let mut context = context.clone();
    context.is_debug = command.debug;
    context.has_helm_words = command.helm_errors;
    let here = context.directory.clone();
    for (given, place) in [
        (&command.repository_config, &mut context.helm.repositories),
        (&command.repository_cache, &mut context.helm.repository_cache),
        (&command.registry_config, &mut context.helm.registry),
    ] {
        if let Some(given) = given {
            *place = Some(here.join(given));
        }
    }
    context
}

/// The commands that cross the network.
async fn remote(context: &Context, command: RemoteSubcommand) -> Result<(), Failure> {
    match command {
        RemoteSubcommand::Pull(it) => pull::pull(context, &it).await,
        RemoteSubcommand::Push(it) => push::push(context, &it).await,
        RemoteSubcommand::Dependency(it) => dependency::run(context, &it.command).await,
        RemoteSubcommand::Verify(it) => verify::verify(context, &it),
        RemoteSubcommand::Repo(it) => repo::run(context, &it.command),
    }
}
