//! The commands, one file each; this file only says which is which.

use std::process::ExitCode;

use crate::{
    args::{Cli, ClusterSubcommand, Command},
    context::Context,
    failure::Failure,
};

mod build;
mod chart;
mod cluster;
mod connect;
mod doctor;
mod down;
mod history;
mod image;
mod load;
mod login;
mod logs;
mod plain;
mod restart;
mod rollback;
mod runs;
mod status;
mod unlock;
mod up;

/// Carries out a command; its exit code is that of success unless it says otherwise.
pub(crate) fn run(cli: Cli, context: &Context) -> Result<ExitCode, Failure> {
    let done = |()| ExitCode::SUCCESS;
    match cli.command {
        Command::Cluster(it) => match it.take().command {
            ClusterSubcommand::Start => cluster::start(context).map(done),
            ClusterSubcommand::Stop => cluster::stop(context).map(done),
            ClusterSubcommand::Status => cluster::status(context),
            ClusterSubcommand::Reset => cluster::reset(context).map(done),
            ClusterSubcommand::Kubeconfig => cluster::kubeconfig(context).map(done),
            ClusterSubcommand::Load { archives } => load::load(context, &archives).map(done),
            ClusterSubcommand::Run => cluster::run(context),
        },
        Command::Chart(it) => chart::run(context, it.take()),
        Command::Doctor => doctor::doctor(context),
        Command::Runs(it) => runs::runs(context, it.command.as_ref()).map(done),
        command => with_client(command, context).map(done),
    }
}

/// By itself, because the other commands need not touch as much stack as all that these may wait for takes.
#[inline(never)]
fn with_client(command: Command, context: &Context) -> Result<(), Failure> {
    block_on(client_command(command, context))
}

/// The commands that talk to a cluster.
async fn client_command(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Up(it) => up::up(context, &it).await,
        Command::Plan(it) => up::plan(context, &it).await,
        Command::Deploy(it) => up::deploy(context, &it).await,
        Command::Test(it) => build::test(context, &it).await,
        Command::Build(it) => build::build(context, &it).await,
        Command::Push(it) => build::push(context, &it).await,
        Command::Down(it) => down::down(context, &it).await,
        Command::Status(it) => status::status(context, &it).await,
        Command::Logs(it) => logs::logs(context, &it).await,
        Command::Restart(it) => restart::restart(context, &it).await,
        Command::History(it) => history::history(context, &it).await,
        Command::Rollback(it) => rollback::rollback(context, &it).await,
        Command::Unlock(it) => unlock::unlock(context, &it).await,
        Command::Login(it) => login::login(context, &it).await,
        Command::Image(it) => image::run(context, &it.command).await,
        Command::Cluster(_) | Command::Chart(_) | Command::Doctor | Command::Runs(_) => Ok(()),
    }
}

/// One thread is enough for a client, and starts at once.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(work)
}
