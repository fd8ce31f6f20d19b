//! The `faro` program: arguments, logging, exit codes.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a program reads its environment and says its own words"
)]

use std::process::ExitCode;

use clap::Parser as _;
use faro::{
    check,
    config::{Cli, Command, LogFormat, ServeConfig},
};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        None => serve(cli.serve),
        Some(Command::Check { url, contains }) => match check::check(&url, contains.as_deref()) {
            Ok(body) => {
                println!("{}", body.trim_end());
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("faro check: {error}");
                ExitCode::FAILURE
            }
        },
    }
}

fn serve(config: ServeConfig) -> ExitCode {
    init_logging(&config);
    let environment: Vec<(String, String)> = std::env::vars_os()
        .map(|(name, value)| {
            (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
        })
        .collect();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("faro: could not start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(faro::serve(config, environment)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|it| format!(": {it}"));
            eprintln!("faro: {error}{}", cause.unwrap_or_default());
            ExitCode::FAILURE
        }
    }
}

fn init_logging(config: &ServeConfig) {
    let filter = EnvFilter::try_new(&config.log_level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    match config.log_format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => builder.init(),
    }
}
