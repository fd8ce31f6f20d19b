//! The command line, as the user types it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) mod chart;
pub(crate) mod helm;
pub(crate) mod image;
mod late;
pub(crate) mod remote;
pub(crate) mod repo;

pub(crate) use late::Late;

/// From source to healthy on Kubernetes, in one command.
///
/// `zarpa up` tests, builds an image, renders the chart, deploys it, watches every pod and checks the
/// service, on an embedded cluster unless another is named. Charts are Helm charts, releases Helm releases.
#[derive(Debug, Parser)]
#[command(name = "zarpa", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Project folder; the nearest folder above it with a zarpa.toml counts.
    #[arg(short = 'C', long = "directory", global = true, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// Say more: every line of every command, and the reasons of waits.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Form of the output.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text, value_name = "FORM")]
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Text,
    /// One JSON document on standard output.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Carries the services from source to healthy: test, build, image, chart, plan, deploy, smoke.
    #[command(after_help = "Example: zarpa up --env prod --set replicas=5")]
    Up(Late<Up>),
    /// Removes the releases of the services.
    #[command(after_help = "Example: zarpa down --cluster")]
    Down(Late<Down>),
    /// Runs the tests of the services.
    #[command(after_help = "Example: zarpa test faro")]
    Test(Late<Services>),
    /// Tests nothing; builds the services and their images.
    #[command(after_help = "Example: zarpa build")]
    Build(Late<Services>),
    /// Pushes the images that were built last to the environment's registry.
    #[command(after_help = "Example: zarpa push --env prod")]
    Push(Late<Push>),
    /// Shows what a deploy would change, and changes nothing.
    #[command(after_help = "Example: zarpa plan --env prod")]
    Plan(Late<Up>),
    /// Deploys what was built last, without testing or building.
    #[command(after_help = "Example: zarpa deploy --env prod --timeout 10m")]
    Deploy(Late<Up>),
    /// Shows the releases, their pods and addresses.
    #[command(after_help = "Example: zarpa status --output json")]
    Status(Late<OnCluster>),
    /// Prints the logs of the services' pods.
    #[command(after_help = "Example: zarpa logs --follow faro")]
    Logs(Late<Logs>),
    /// Starts every pod of the services anew, without losing capacity.
    #[command(after_help = "Example: zarpa restart faro")]
    Restart(Late<OnCluster>),
    /// Lists the revisions of a release.
    #[command(after_help = "Example: zarpa history faro")]
    History(Late<OneRelease>),
    /// Puts an earlier revision back, as a new one.
    #[command(after_help = "Example: zarpa rollback faro 3")]
    Rollback(Late<Rollback>),
    /// Frees a release whose last run died: marks its stuck revision failed and removes the lock.
    #[command(after_help = "Example: zarpa unlock faro")]
    Unlock(Late<OneRelease>),
    /// Lists the runs of this project, or shows one.
    #[command(after_help = "Example: zarpa runs show 20261121-031500-1a2b")]
    Runs(Late<Runs>),
    /// Stores a registry's credentials where docker keeps them, once the registry has accepted them.
    #[command(
        after_help = "Example: zarpa login ghcr.io --username me --password-stdin < token.txt"
    )]
    Login(Late<remote::Login>),
    /// Charts by themselves, with helm's flags.
    Chart(Late<chart::ChartCommand>),
    /// Images by themselves.
    Image(Late<image::ImageCommand>),
    /// The embedded cluster by itself.
    Cluster(Late<ClusterCommand>),
    /// Says what this machine has and lacks, and how to mend it.
    Doctor,
}

/// Which services; all of them when none is named.
#[derive(Debug, Clone, Args)]
pub(crate) struct Services {
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Push {
    #[command(flatten)]
    pub(crate) services: Services,
    /// Environment of zarpa.toml.
    #[arg(long, default_value = "dev", value_name = "NAME")]
    pub(crate) env: String,
}

/// Which cluster, and where in it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Where {
    /// Environment of zarpa.toml.
    #[arg(long, default_value = "dev", value_name = "NAME")]
    pub(crate) env: String,
    /// Kubeconfig of the cluster to use instead of the embedded one.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; without it, and without --kubeconfig, the embedded cluster is used.
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Namespace instead of the environment's.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct OnCluster {
    #[command(flatten)]
    pub(crate) services: Services,
    #[command(flatten)]
    pub(crate) place: Where,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) services: Services,
    #[command(flatten)]
    pub(crate) place: Where,
    #[command(flatten)]
    pub(crate) values: Values,
    /// How long a rollout may wait for what may still become good: 90s, 5m, 1h.
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) timeout: Option<std::time::Duration>,
    /// Take over fields that other writers have set, such as the replicas of `kubectl scale`.
    #[arg(long)]
    pub(crate) force_conflicts: bool,
}

/// Values of the chart, as helm takes them.
#[derive(Debug, Clone, Args)]
pub(crate) struct Values {
    /// Values in a YAML file (may be repeated).
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// A value by its path: a.b=c (may be repeated, or separated by commas).
    #[arg(long, value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,
    /// The same, always a string.
    #[arg(long, value_name = "PATH=TEXT")]
    pub(crate) set_string: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Down {
    #[command(flatten)]
    pub(crate) on: OnCluster,
    /// Also ends the embedded cluster and removes everything that it holds.
    #[arg(long)]
    pub(crate) cluster: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Logs {
    #[command(flatten)]
    pub(crate) on: OnCluster,
    /// Go on as lines come.
    #[arg(long)]
    pub(crate) follow: bool,
    /// Lines of each container to begin with.
    #[arg(long, default_value_t = 100, value_name = "LINES")]
    pub(crate) tail: u32,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct OneRelease {
    /// Service; may be left out when the project has only one.
    pub(crate) service: Option<String>,
    #[command(flatten)]
    pub(crate) place: Where,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Rollback {
    /// Service; may be left out when the project has only one.
    pub(crate) service: Option<String>,
    /// Revision; the last good one before the present when it is left out.
    pub(crate) revision: Option<u32>,
    #[command(flatten)]
    pub(crate) place: Where,
    /// How long the rollout may wait: 90s, 5m, 1h.
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) timeout: Option<std::time::Duration>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Runs {
    #[command(subcommand)]
    pub(crate) command: Option<RunsCommand>,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum RunsCommand {
    /// Shows one run: its stages, times and files.
    Show { id: String },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ClusterCommand {
    #[command(subcommand)]
    pub(crate) command: ClusterSubcommand,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ClusterSubcommand {
    /// Starts the embedded cluster in the background, unless it runs.
    Start,
    /// Ends it with all its pods; what it stores stays.
    Stop,
    /// Says whether it runs, and where.
    Status,
    /// Ends it and forgets everything that it stores.
    Reset,
    /// Prints a kubeconfig for kubectl, helm and others.
    Kubeconfig,
    /// Loads images from docker or OCI archives.
    #[command(after_help = "Example: zarpa cluster load image.tar")]
    Load {
        #[arg(required = true, value_name = "ARCHIVE")]
        archives: Vec<PathBuf>,
    },
    /// Is the cluster, in the foreground, until it is told to end.
    #[command(hide = true)]
    Run,
}

/// `90s`, `5m`, `1h30m`; a number alone is seconds.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || format!("`{text}` is no time such as 90s, 5m or 1h");
    if let Ok(seconds) = text.parse() {
        return Ok(std::time::Duration::from_secs(seconds));
    }
    let mut total_s: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let n_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..n_digits].parse().map_err(|_| wrong())?;
        let (unit, after) = rest[n_digits..].split_at_checked(1).ok_or_else(wrong)?;
        let factor = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(wrong()),
        };
        total_s =
            number.checked_mul(factor).and_then(|it| it.checked_add(total_s)).ok_or_else(wrong)?;
        rest = after;
    }
    if text.is_empty() { Err(wrong()) } else { Ok(std::time::Duration::from_secs(total_s)) }
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
    fn times_are_read_with_their_units() {
        let check = |text, expect| assert_eq!(duration(text).map(|it| it.as_secs()).ok(), expect);
        check("90", Some(90));
        check("90s", Some(90));
        check("1h30m", Some(5400));
        check("5", Some(5));
        check("", None);
        check("5 m", None);
        check("m", None);
    }
}
