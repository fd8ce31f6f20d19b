//! Configuration: flags first, then the environment, then a file, then what holds when nothing is said.

mod mistakes;
mod values;

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub use mistakes::Mistakes;

use mistakes::Collector;

/// A greeting with a visit counter, and users: the reference service for Kubernetes.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub settings: Settings,
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

/// What was said, still as text, so that every mistake can be told at once. An empty text says nothing.
///
/// No setting may be named `port` or end in `-port` or `-service-host`: Kubernetes gives the pods beside a Service
/// named `faro` variables like `FARO_PORT`.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// A TOML file with any of these settings: `log_level = "debug"`.
    #[arg(long, env = "FARO_CONFIG", default_value = "", hide_default_value = true)]
    pub config: String,
    /// Address of the service.
    #[arg(long, env = "FARO_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: String,
    /// Address of the metrics.
    #[arg(long, env = "FARO_ADMIN_LISTEN", default_value = "0.0.0.0:9090")]
    pub admin_listen: String,
    /// Folder of the SQLite database; replicas on one node may share it.
    #[arg(long, env = "FARO_DATA_DIR", default_value = "data")]
    pub data_dir: String,
    /// Beginning of the greeting.
    #[arg(long, env = "FARO_GREETING", default_value = "Hello World!")]
    pub greeting: String,
    /// Colour of the page: a name that CSS knows, or `#rrggbb`.
    #[arg(long, env = "FARO_COLOR", default_value = "#0b7285")]
    pub color: String,
    /// Redis that counts the visits, instead of SQLite: `redis://user:password@host:port/db`, or `rediss://` for TLS.
    #[arg(
        long,
        env = "FARO_REDIS_URL",
        default_value = "",
        hide_env_values = true,
        hide_default_value = true
    )]
    pub redis_url: String,
    /// Redis by the variables of a Kubernetes Service: `redisapp` reads REDISAPP_SERVICE_HOST and REDISAPP_SERVICE_PORT.
    #[arg(long, env = "FARO_REDIS_SERVICE", default_value = "", hide_default_value = true)]
    pub redis_service: String,
    /// Password of the Redis that `redis-service` names.
    #[arg(
        long,
        env = "FARO_REDIS_PASSWORD",
        default_value = "",
        hide_env_values = true,
        hide_default_value = true
    )]
    pub redis_password: String,
    /// PostgreSQL that keeps the users, instead of SQLite: `postgres://user:password@host:port/db`.
    #[arg(
        long,
        env = "FARO_DATABASE_URL",
        default_value = "",
        hide_env_values = true,
        hide_default_value = true
    )]
    pub database_url: String,
    /// Connections to the users' database.
    #[arg(long, env = "FARO_DATABASE_CONNECTIONS_MAX", default_value = "8")]
    pub database_connections_max: String,
    /// Seconds that a store may take before the request is answered without it.
    #[arg(long, env = "FARO_STORE_TIMEOUT", default_value = "3")]
    pub store_timeout: String,
    /// Level of the log, or a filter as `tracing` knows it.
    #[arg(long, env = "FARO_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
    /// Form of the log: json or text.
    #[arg(long, env = "FARO_LOG_FORMAT", default_value = "json")]
    pub log_format: String,
    /// For development: a log for reading, at level debug, unless they are set.
    #[arg(long, env = "FARO_DEV", default_value = "false", num_args = 0..=1, default_missing_value = "true")]
    pub dev: String,
    /// Whether /env shows the environment.
    #[arg(long, env = "FARO_ENV_ENDPOINT", default_value = "true", num_args = 0..=1, default_missing_value = "true")]
    pub env_endpoint: String,
    /// Name of the pod, for pages and answers; the host's name when empty.
    #[arg(long, env = "FARO_POD", default_value = "", hide_default_value = true)]
    pub pod: String,
    /// Name of the node, for pages and answers.
    #[arg(long, env = "FARO_NODE", default_value = "", hide_default_value = true)]
    pub node: String,
    /// Commit that this was built of, for /version.
    #[arg(long, env = "FARO_REVISION", default_value = "", hide_default_value = true)]
    pub revision: String,
    /// Where to send traces with OTLP over HTTP: http://collector:4318.
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        default_value = "",
        hide_default_value = true
    )]
    pub otlp_endpoint: String,
    /// Name of the service in traces.
    #[arg(long, env = "OTEL_SERVICE_NAME", default_value = "faro")]
    pub otel_service_name: String,
    /// Certificate chain in PEM: serves HTTPS; read again when the file changes.
    #[arg(long, env = "FARO_TLS_CERT", default_value = "", hide_default_value = true)]
    pub tls_cert: String,
    /// Private key in PEM, for the certificate.
    #[arg(long, env = "FARO_TLS_KEY", default_value = "", hide_default_value = true)]
    pub tls_key: String,
    /// Requests that may be under way at once; further ones are answered with 503. Health is not counted.
    #[arg(long, env = "FARO_REQUESTS_MAX", default_value = "1024")]
    pub requests_max: String,
    /// Connections that may be open at once; further ones wait.
    #[arg(long, env = "FARO_CONNECTIONS_MAX", default_value = "4096")]
    pub connections_max: String,
    /// Bytes that the body of a request may have.
    #[arg(long, env = "FARO_BODY_BYTES_MAX", default_value = "65536")]
    pub body_bytes_max: String,
    /// Bytes that the head of a request may have.
    #[arg(long, env = "FARO_HEADER_BYTES_MAX", default_value = "16384")]
    pub header_bytes_max: String,
    /// Seconds that the head of a request may take to come, and a connection may be idle: more than a load balancer's.
    #[arg(long, env = "FARO_HEADER_TIMEOUT", default_value = "75")]
    pub header_timeout: String,
    /// Seconds that one request may take.
    #[arg(long, env = "FARO_REQUEST_TIMEOUT", default_value = "10")]
    pub request_timeout: String,
    /// Seconds to go on serving after SIGTERM, while readiness already fails.
    #[arg(long, env = "FARO_SHUTDOWN_DELAY", default_value = "2")]
    pub shutdown_delay: String,
    /// Seconds that requests under way may take after that.
    #[arg(long, env = "FARO_DRAIN_TIMEOUT", default_value = "15")]
    pub drain_timeout: String,
}

/// What the service needs to know, all of it valid.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    pub listen: SocketAddr,
    pub admin_listen: SocketAddr,
    pub data_dir: PathBuf,
    pub greeting: String,
    pub color: String,
    pub redis_url: Option<String>,
    pub database_url: Option<String>,
    pub database_connections_max: u32,
    pub store_timeout: Duration,
    pub log_level: String,
    pub log_format: LogFormat,
    pub shows_environment: bool,
    pub pod: String,
    pub node: String,
    pub revision: String,
    pub otlp_endpoint: Option<String>,
    pub otel_service_name: String,
    pub tls: Option<TlsFiles>,
    pub requests_max: usize,
    pub connections_max: usize,
    pub body_bytes_max: usize,
    pub header_bytes_max: usize,
    pub header_timeout: Duration,
    pub request_timeout: Duration,
    pub shutdown_delay: Duration,
    pub drain_timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Text,
}

/// Certificate chain and key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// What `faro` was asked to do.
#[derive(Debug)]
pub enum Task {
    Serve(Box<ServeConfig>),
    Check { url: String, contains: Option<String> },
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Help, version, or arguments that are none.
    #[error(transparent)]
    Arguments(clap::Error),
    #[error(transparent)]
    Mistakes(Mistakes),
}

/// Reads arguments, the environment and the file that they name.
///
/// `environment` serves `redis-service` and the pod's name; clap reads the settings' own variables itself.
pub fn read(
    args: impl IntoIterator<Item = OsString>,
    environment: &[(String, String)],
) -> Result<Task, ConfigError> {
    let args: Vec<OsString> = args.into_iter().collect();
    let parse = |command: clap::Command| {
        let matches = command.try_get_matches_from(&args).map_err(ConfigError::Arguments)?;
        let cli = Cli::from_arg_matches(&matches).map_err(ConfigError::Arguments)?;
        Ok((cli, matches))
    };
    let (cli, matches) = parse(Cli::command())?;
    if let Some(Command::Check { url, contains }) = cli.command {
        return Ok(Task::Check { url, contains });
    }
    if cli.settings.config.is_empty() {
        return resolve(&cli.settings, Collector::new(matches, None), environment);
    }
    // What the file says takes the place of the defaults, so flags and variables still come first.
    let mut unknown = Vec::new();
    let command = with_file(Cli::command(), &cli.settings.config, &mut unknown);
    let (settings, matches) = parse(command).map(|(cli, matches)| (cli.settings, matches))?;
    let mut collector = Collector::new(matches, Some(settings.config.clone()));
    collector.extend(unknown);
    resolve(&settings, collector, environment)
}

/// Replaces the defaults by a file's values; what is wrong with the file is added to `mistakes`.
fn with_file(mut command: clap::Command, path: &str, mistakes: &mut Vec<String>) -> clap::Command {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            mistakes.push(format!("could not read `{path}`: {error}"));
            return command;
        }
    };
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            mistakes.push(format!("`{path}` is no TOML: {}", error.to_string().trim_end()));
            return command;
        }
    };
    for (key, value) in table {
        let id = key.replace('-', "_");
        let is_known = id != "config"
            && command
                .get_arguments()
                .any(|it| it.get_id() == id.as_str() && it.get_env().is_some());
        let value = match value {
            toml::Value::String(text) => Some(text),
            toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => {
                Some(value.to_string())
            }
            _ => None,
        };
        match value {
            Some(value) if is_known => {
                // Read once for the life of the process; clap keeps defaults as borrowed text.
                let value: &'static str = value.leak();
                command = command.mut_arg(id, |it| it.default_value(value));
            }
            Some(_) => mistakes.push(format!("`{path}`: there is no setting `{key}`")),
            None => {
                mistakes.push(format!("`{path}`: `{key}` must be a text, a number or a boolean"));
            }
        }
    }
    command
}

fn resolve(
    said: &Settings,
    mut it: Collector,
    environment: &[(String, String)],
) -> Result<Task, ConfigError> {
    let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let dev = it.value("dev", &said.dev, values::boolean, false);
    let (level, format) = if dev { ("debug", "text") } else { ("info", "json") };
    let config = ServeConfig {
        listen: it.value("listen", &said.listen, values::address, nowhere),
        admin_listen: it.value("admin_listen", &said.admin_listen, values::address, nowhere),
        data_dir: PathBuf::from(&said.data_dir),
        greeting: it.value("greeting", &said.greeting, values::line, String::new()),
        color: it.value("color", &said.color, values::color, String::new()),
        redis_url: values::redis(said, &mut it, environment),
        database_url: it.optional("database_url", &said.database_url, values::database_url),
        database_connections_max: it.value(
            "database_connections_max",
            &said.database_connections_max,
            values::positive,
            1,
        ),
        store_timeout: it.seconds("store_timeout", &said.store_timeout),
        log_level: it.value(
            "log_level",
            it.said("log_level", &said.log_level, level),
            values::filter,
            String::new(),
        ),
        log_format: it.value(
            "log_format",
            it.said("log_format", &said.log_format, format),
            values::log_format,
            LogFormat::Json,
        ),
        shows_environment: it.value("env_endpoint", &said.env_endpoint, values::boolean, false),
        pod: values::or_variable(&said.pod, environment, "HOSTNAME"),
        node: said.node.clone(),
        revision: said.revision.clone(),
        otlp_endpoint: it.optional("otlp_endpoint", &said.otlp_endpoint, values::http_url),
        otel_service_name: said.otel_service_name.clone(),
        tls: values::tls(said, &mut it),
        requests_max: it.value("requests_max", &said.requests_max, values::positive, 1),
        connections_max: it.value("connections_max", &said.connections_max, values::positive, 1),
        body_bytes_max: it.value("body_bytes_max", &said.body_bytes_max, values::positive, 1),
        header_bytes_max: it.value(
            "header_bytes_max",
            &said.header_bytes_max,
            values::head_bytes,
            1,
        ),
        header_timeout: it.seconds("header_timeout", &said.header_timeout),
        request_timeout: it.seconds("request_timeout", &said.request_timeout),
        shutdown_delay: it.seconds("shutdown_delay", &said.shutdown_delay),
        drain_timeout: it.seconds("drain_timeout", &said.drain_timeout),
    };
    it.end().map_err(ConfigError::Mistakes)?;
    Ok(Task::Serve(Box::new(config)))
}

#[cfg(test)]
mod tests;
