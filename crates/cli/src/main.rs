//! The `zarpa` command: arguments, wording, progress, exit codes.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the one crate that reads the environment, prints and exits"
)]

use std::process::ExitCode;

use clap::Parser as _;

mod args;
mod commands;
mod context;
mod failure;
mod interrupt;
mod output;
mod progress;
mod unkept;

#[global_allocator]
static HEAP: heap::Heap = heap::Heap::new();

fn main() -> ExitCode {
    HEAP.claim();
    // A pod's shim is this program too; it never returns from here.
    sandbox::run_if_shim();
    let cli = args::Cli::parse();
    let context = match context::Context::read(&cli.global) {
        Ok(context) => context,
        Err(failure) => return output::fail(&failure, false),
    };
    match commands::run(cli, &context) {
        Ok(code) => code,
        Err(failure) => output::fail(&failure, context.is_json),
    }
}
