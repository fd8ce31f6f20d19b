//! The `faro` program: arguments, logging, exit codes.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a program reads its environment and says its own words"
)]

use std::{error::Error, process::ExitCode};

use faro::{
    check,
    config::{self, ConfigError, ServeConfig, Task},
    log,
};

/// What a command line that cannot be used exits with, as clap does.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let environment: Vec<(String, String)> = std::env::vars_os()
        .map(|(name, value)| {
            (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
        })
        .collect();
    match config::read(std::env::args_os(), &environment) {
        Ok(Task::Serve(config)) => serve(*config, environment),
        Ok(Task::Check { url, contains }) => match check::check(&url, contains.as_deref()) {
            Ok(body) => {
                println!("{}", body.trim_end());
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("faro check: {error}");
                ExitCode::FAILURE
            }
        },
        // Help and version are no mistakes, and go to standard output.
        Err(ConfigError::Arguments(error)) => {
            let code = if error.use_stderr() { USAGE } else { 0 };
            error.print().ok();
            ExitCode::from(code)
        }
        Err(ConfigError::Mistakes(mistakes)) => {
            eprintln!("faro: {mistakes}");
            ExitCode::from(USAGE)
        }
    }
}

fn serve(config: ServeConfig, environment: Vec<(String, String)>) -> ExitCode {
    let log = log::start(&config);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("faro: could not start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(faro::serve(config, environment));
    // What still runs was given up on.
    runtime.shutdown_background();
    drop(log);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("faro: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
