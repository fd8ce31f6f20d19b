//! `zarpa chart`, as the user types it; the flags are helm's.

use clap::{Args, Subcommand};

use super::Values;

#[derive(Debug, Clone, Args)]
pub(crate) struct ChartCommand {
    #[command(subcommand)]
    pub(crate) command: ChartSubcommand,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ChartSubcommand {
    /// Renders a chart as `helm template` does.
    #[command(after_help = "Example: zarpa chart template faro charts/faro --set replicas=1")]
    Template(Template),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Template {
    /// Name of the release, then the chart; or the chart alone.
    #[arg(required = true, num_args = 1..=2, value_name = "[NAME] CHART")]
    pub(crate) name_and_chart: Vec<String>,
    #[command(flatten)]
    pub(crate) values: Values,
    /// A value as JSON: a.b={"c": 1}, or a whole object (may be repeated).
    #[arg(long, value_name = "PATH=JSON")]
    pub(crate) set_json: Vec<String>,
    /// A value from a file: a.b=path (may be repeated).
    #[arg(long, value_name = "PATH=FILE")]
    pub(crate) set_file: Vec<String>,
    /// A value taken to the letter: a.b=text, without escapes.
    #[arg(long, value_name = "PATH=TEXT")]
    pub(crate) set_literal: Vec<String>,
    #[arg(short, long, default_value = "default", value_name = "NAME")]
    pub(crate) namespace: String,
    /// Kubernetes version that the chart is told.
    #[arg(long, value_name = "VERSION")]
    pub(crate) kube_version: Option<String>,
    /// API versions that the chart is told beside the usual ones (may be repeated, or separated by commas).
    #[arg(short, long, value_delimiter = ',', value_name = "VERSION")]
    pub(crate) api_versions: Vec<String>,
    /// Tell the chart that this is an upgrade.
    #[arg(long)]
    pub(crate) is_upgrade: bool,
    /// Print the chart's CRDs too.
    #[arg(long)]
    pub(crate) include_crds: bool,
    /// Leave out hooks that are tests.
    #[arg(long)]
    pub(crate) skip_tests: bool,
    /// Leave out every hook.
    #[arg(long)]
    pub(crate) no_hooks: bool,
    /// Print only these templates (may be repeated).
    #[arg(short, long, value_name = "PATH")]
    pub(crate) show_only: Vec<String>,
}
