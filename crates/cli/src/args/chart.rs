//! `zarpa chart`, as the user types it; the flags are helm's.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{
    Late,
    helm::{Filter, Global, Install},
    remote::{Access, Keys, Origin, RemoteSubcommand},
};

/// The flags that name them stand together.
const FILES: &str = "Files that are helm's";

#[derive(Debug, Clone, Args)]
pub(crate) struct ChartCommand {
    /// Word failures exactly as helm does, without places and hints.
    #[arg(long, global = true)]
    pub(crate) helm_errors: bool,
    /// Print what came of a chart even when it is no YAML, and then the error.
    #[arg(long, global = true)]
    pub(crate) debug: bool,
    /// List of repositories [default: helm's].
    #[arg(long, global = true, value_name = "FILE", help_heading = FILES)]
    pub(crate) repository_config: Option<PathBuf>,
    /// Folder of what repositories offer [default: helm's].
    #[arg(long, global = true, value_name = "DIR", help_heading = FILES)]
    pub(crate) repository_cache: Option<PathBuf>,
    /// Logins of registries beside docker's [default: helm's].
    #[arg(long, global = true, value_name = "FILE", help_heading = FILES)]
    pub(crate) registry_config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: ChartSubcommand,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ChartSubcommand {
    /// Renders a chart as `helm template` does.
    #[command(after_help = "Example: zarpa chart template faro charts/faro --set replicas=1")]
    Template(Late<Template>),
    /// Looks for mistakes in charts: helm's rules, and the traps that helm does not warn of.
    #[command(after_help = "Example: zarpa chart lint charts/faro --strict")]
    Lint(Late<Lint>),
    /// Shows what a chart says of itself.
    Show(Late<Show>),
    /// Packs charts into archives; the same chart gives the same bytes.
    #[command(
        after_help = "Examples: zarpa chart package charts/faro --version 1.2.3 -d dist\n          zarpa chart package charts/faro --sign --key releases --keyring secret.gpg"
    )]
    Package(Late<Package>),
    /// Makes a new chart, which renders as the one of `helm create` does.
    #[command(
        after_help = "Examples: zarpa chart create charts/web\n          zarpa chart create charts/web --starter ours"
    )]
    Create(Late<Create>),
    /// Compares two renderings, object by object and field by field.
    #[command(
        after_help = "Examples: zarpa chart diff charts/faro faro-1.2.3.tgz\n          zarpa chart diff charts/faro --to-set replicas=3"
    )]
    Diff(Late<Diff>),
    /// Says which values and which line of a template made a field of the output.
    #[command(
        after_help = "Example: zarpa chart explain charts/faro Deployment/faro.spec.replicas --set replicas=2"
    )]
    Explain(Late<Explain>),
    #[command(flatten)]
    Remote(RemoteSubcommand),
}

/// Values, as every command on charts takes them.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Values {
    /// Values in a YAML file, at an address, or `-` for standard input (may be repeated, or separated by commas).
    #[arg(short = 'f', long = "values", value_delimiter = ',', value_name = "FILE")]
    pub(crate) files: Vec<String>,
    /// A value by its path: a.b=c (may be repeated, or separated by commas).
    #[arg(long, value_name = "PATH=VALUE", allow_hyphen_values = true)]
    pub(crate) set: Vec<String>,
    /// The same, always a string.
    #[arg(long, value_name = "PATH=TEXT", allow_hyphen_values = true)]
    pub(crate) set_string: Vec<String>,
    /// A value as JSON: a.b={"c": 1}, or a whole object (may be repeated).
    #[arg(long, value_name = "PATH=JSON", allow_hyphen_values = true)]
    pub(crate) set_json: Vec<String>,
    /// A value from a file or an address: a.b=path (may be repeated).
    #[arg(long, value_name = "PATH=FILE", allow_hyphen_values = true)]
    pub(crate) set_file: Vec<String>,
    /// A value taken to the letter: a.b=text, without escapes.
    #[arg(long, value_name = "PATH=TEXT", allow_hyphen_values = true)]
    pub(crate) set_literal: Vec<String>,
}

/// What a chart is told beside its values.
#[derive(Debug, Clone, Args)]
pub(crate) struct Told {
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
    /// Do not hold the values against the charts' schemas.
    #[arg(long)]
    pub(crate) skip_schema_validation: bool,
    /// Fetch what the charts' schemas refer to on the network.
    #[arg(long)]
    pub(crate) remote_schemas: bool,
    /// Let `getHostByName` ask for addresses.
    #[arg(long)]
    pub(crate) enable_dns: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Template {
    /// Name of the release, then the chart: a folder, an archive, or what `pull` takes; or the chart alone.
    #[arg(required = true, num_args = 1..=2, value_name = "[NAME] CHART")]
    pub(crate) name_and_chart: Vec<String>,
    #[command(flatten)]
    pub(crate) values: Values,
    #[command(flatten)]
    pub(crate) told: Told,
    /// A template that makes the release's name.
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) name_template: Option<String>,
    /// Let the release have any name; it is `release-name`.
    #[arg(short, long)]
    pub(crate) generate_name: bool,
    /// Print the chart's CRDs too.
    #[arg(long)]
    pub(crate) include_crds: bool,
    /// Leave out hooks that are tests.
    #[arg(long)]
    pub(crate) skip_tests: bool,
    /// Leave out every hook.
    #[arg(long)]
    pub(crate) no_hooks: bool,
    /// Print only what comes from this template, by its path in the chart or a pattern (may be repeated).
    #[arg(short, long, value_name = "PATH")]
    pub(crate) show_only: Vec<String>,
    /// Write files below this folder instead of printing.
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: Option<PathBuf>,
    /// Put them into a folder of the release's name there.
    #[arg(long)]
    pub(crate) release_name: bool,
    /// Hold every object against the schemas of Kubernetes 1.34, and against the chart's own CRDs; needs no cluster.
    #[arg(long)]
    pub(crate) validate: bool,
    /// Bring dependencies that are missing into the chart's charts/ first.
    #[arg(long)]
    pub(crate) dependency_update: bool,
    #[command(flatten)]
    pub(crate) origin: Origin,
    #[command(flatten)]
    pub(crate) install: Install,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Lint {
    /// Folders or archives of charts.
    #[arg(required = true, value_name = "CHART")]
    pub(crate) charts: Vec<String>,
    #[command(flatten)]
    pub(crate) values: Values,
    #[arg(short, long, default_value = "default", value_name = "NAME")]
    pub(crate) namespace: String,
    /// Kubernetes version that the chart is told, and that decides what is deprecated.
    #[arg(long, value_name = "VERSION")]
    pub(crate) kube_version: Option<String>,
    /// Fail on warnings too.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print only warnings and errors.
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Look at the charts in charts/ too.
    #[arg(long)]
    pub(crate) with_subcharts: bool,
    /// Do not hold the values against the chart's schema.
    #[arg(long)]
    pub(crate) skip_schema_validation: bool,
    /// Fetch what the charts' schemas refer to on the network.
    #[arg(long)]
    pub(crate) remote_schemas: bool,
    /// Print what helm prints and no more: leave out the traps, which never fail a chart.
    #[arg(long)]
    pub(crate) no_traps: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Show {
    #[command(subcommand)]
    pub(crate) command: ShowSubcommand,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ShowSubcommand {
    /// Everything.
    #[command(after_help = "Example: zarpa chart show all charts/faro")]
    All(Shown),
    /// Chart.yaml.
    #[command(after_help = "Example: zarpa chart show chart charts/faro")]
    Chart(Shown),
    /// values.yaml.
    #[command(after_help = "Example: zarpa chart show values faro-1.2.3.tgz")]
    Values(ShownValues),
    /// The README.
    #[command(after_help = "Example: zarpa chart show readme charts/faro")]
    Readme(Shown),
    /// The files of crds/, of the chart and of those in it.
    #[command(after_help = "Example: zarpa chart show crds charts/faro")]
    Crds(Shown),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ShownValues {
    #[command(flatten)]
    pub(crate) shown: Shown,
    #[command(flatten)]
    pub(crate) filter: Filter,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Shown {
    /// A folder, an archive, or what `pull` takes.
    pub(crate) chart: String,
    #[command(flatten)]
    pub(crate) origin: Origin,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Package {
    /// Folders of charts.
    #[arg(required = true, value_name = "CHART")]
    pub(crate) charts: Vec<String>,
    /// Give the chart this version.
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// Give the chart this appVersion.
    #[arg(long, value_name = "VERSION")]
    pub(crate) app_version: Option<String>,
    /// Folder of the archive.
    #[arg(short, long, default_value = ".", value_name = "DIR")]
    pub(crate) destination: PathBuf,
    /// Bring the dependencies of Chart.yaml into charts/ first.
    #[arg(short = 'u', long)]
    pub(crate) dependency_update: bool,
    /// Sign the archive: its provenance file is written beside it.
    #[arg(long)]
    pub(crate) sign: bool,
    /// The key to sign with, by a part of its name.
    #[arg(long, value_name = "NAME")]
    pub(crate) key: Option<String>,
    /// File whose first line is the key's passphrase, or `-` for standard input; asked for when it is left out.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<String>,
    #[command(flatten)]
    pub(crate) keys: Keys,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Create {
    /// Path of the new chart; its last part is the chart's name.
    #[arg(value_name = "NAME")]
    pub(crate) path: String,
    /// Begin with this chart: an absolute path, or a name in the folder `starters` of helm's data.
    #[arg(short = 'p', long, value_name = "STARTER")]
    pub(crate) starter: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Diff {
    /// A chart, or a file with manifests.
    #[arg(value_name = "FROM")]
    pub(crate) from: String,
    /// Another one; the same chart when it is left out.
    #[arg(value_name = "TO")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) values: Values,
    /// Values of the second rendering alone, in a YAML file (may be repeated).
    #[arg(long, value_delimiter = ',', value_name = "FILE")]
    pub(crate) to_values: Vec<String>,
    /// A value of the second rendering alone (may be repeated).
    #[arg(long, value_name = "PATH=VALUE", allow_hyphen_values = true)]
    pub(crate) to_set: Vec<String>,
    /// Name of the release.
    #[arg(long, default_value = "release-name", value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) told: Told,
    /// End with 1 when something differs.
    #[arg(long)]
    pub(crate) exit_code: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Explain {
    /// A chart's folder or archive.
    pub(crate) chart: String,
    /// KIND/NAME, and a field behind it: `Deployment/faro.spec.template.spec.containers[0].image`
    pub(crate) path: String,
    #[command(flatten)]
    pub(crate) values: Values,
    /// Name of the release; `release-name` when it is left out.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) told: Told,
}
