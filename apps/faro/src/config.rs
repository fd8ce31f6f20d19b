//! Configuration: flags first, then the environment, then what holds when nothing is said.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A greeting with a visit counter: the reference service for Kubernetes.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: ServeConfig,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Asks a running faro and exits with 0 when it answers 200.
    Check {
        /// Address to ask.
        #[arg(default_value = "http://127.0.0.1:8080/health")]
        url: String,
        /// Text that the answer must contain.
        #[arg(long)]
        contains: Option<String>,
    },
}

/// What the service needs to know.
#[derive(Debug, Clone, Args)]
pub struct ServeConfig {
    /// Address of the service.
    #[arg(long, env = "FARO_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
    /// Address of the metrics.
    #[arg(long, env = "FARO_ADMIN_LISTEN", default_value = "0.0.0.0:9090")]
    pub admin_listen: SocketAddr,
    /// Folder of the SQLite database; replicas on one node may share it.
    #[arg(long, env = "FARO_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// Beginning of the greeting.
    #[arg(long, env = "FARO_GREETING", default_value = "Hello World!")]
    pub greeting: String,
    /// Level of the log, or a filter as `tracing` knows it.
    #[arg(long, env = "FARO_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
    /// Form of the log.
    #[arg(long, env = "FARO_LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
    /// Seconds to go on serving after SIGTERM, while readiness already fails.
    #[arg(long, env = "FARO_SHUTDOWN_DELAY", value_parser = seconds, default_value = "2")]
    pub shutdown_delay: Duration,
    /// Seconds that requests under way may take after that.
    #[arg(long, env = "FARO_DRAIN_TIMEOUT", value_parser = seconds, default_value = "15")]
    pub drain_timeout: Duration,
    /// Seconds that one request may take.
    #[arg(long, env = "FARO_REQUEST_TIMEOUT", value_parser = seconds, default_value = "10")]
    pub request_timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Json,
    Text,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("`{text}` is no number of seconds"))?;
    Duration::try_from_secs_f64(seconds).map_err(|it| it.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_are_read_and_nonsense_refused() {
        let cli = Cli::try_parse_from(["faro", "--shutdown-delay", "0.5"]).unwrap();
        assert_eq!(cli.serve.shutdown_delay, Duration::from_millis(500));
        assert!(Cli::try_parse_from(["faro", "--listen", "nowhere"]).is_err());
        assert!(Cli::try_parse_from(["faro", "--drain-timeout", "-1"]).is_err());
    }
}
