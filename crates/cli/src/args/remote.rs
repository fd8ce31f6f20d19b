//! What of `zarpa chart` crosses the network, and `zarpa login`, as the user types it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Late, repo::RepoCommand};

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum RemoteSubcommand {
    /// Fetches charts from registries and repositories.
    #[command(
        visible_alias = "fetch",
        after_help = "Examples: zarpa chart pull oci://ghcr.io/me/charts/web --version ^1.2 --untar\n          zarpa chart pull web --repo https://charts.example.com -d charts"
    )]
    Pull(Late<Pull>),
    /// Pushes a chart to a registry, with its provenance file when there is one beside it.
    #[command(after_help = "Example: zarpa chart push web-1.2.3.tgz oci://ghcr.io/me/charts")]
    Push(Late<Push>),
    /// Lists a chart's dependencies, or brings them into its charts/.
    #[command(visible_alias = "dep")]
    Dependency(Late<DependencyCommand>),
    /// Names repositories for helm and zarpa alike, keeps what they offer, and makes indexes.
    Repo(Late<RepoCommand>),
    /// Checks that a chart is what a key of a keyring has signed.
    #[command(after_help = "Example: zarpa chart verify web-1.2.3.tgz --keyring keys.gpg")]
    Verify(Late<Verify>),
}

/// How servers are spoken to.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Access {
    /// Name to log in with, instead of what docker's and helm's configurations say.
    #[arg(long, value_name = "NAME", requires = "password")]
    pub(crate) username: Option<String>,
    /// Its password, which others see in the list of processes: `zarpa login` keeps it better.
    #[arg(long, value_name = "PASSWORD", requires = "username")]
    pub(crate) password: Option<String>,
    /// Speak plain HTTP with registries.
    #[arg(long)]
    pub(crate) plain_http: bool,
    #[command(flatten)]
    pub(crate) certificates: Certificates,
}

/// How servers are believed, and how they know who comes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Certificates {
    /// Certificates in PEM that count instead of the system's.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "FILE")]
    pub(crate) ca_file: String,
    /// Certificate in PEM to show to servers that ask for one.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "FILE")]
    pub(crate) cert_file: String,
    /// Its key in PEM.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "FILE")]
    pub(crate) key_file: String,
    /// Believe any certificate of a server: whoever is between sees and changes everything.
    #[arg(long)]
    pub(crate) insecure_skip_tls_verify: bool,
}

/// Where a chart that is no file comes from.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "A chart from elsewhere")]
pub(crate) struct Origin {
    /// A version, or a range such as ^1.2 [default: the highest release].
    #[arg(long, default_value = "", hide_default_value = true, value_name = "VERSION")]
    pub(crate) version: String,
    /// Pre-releases count, too: the same as --version '>0.0.0-0'.
    #[arg(long)]
    pub(crate) devel: bool,
    /// Address of a repository that has an index.yaml.
    #[arg(long, value_name = "URL")]
    pub(crate) repo: Option<String>,
    /// Check the signature, and go no further unless it is good.
    #[arg(long)]
    pub(crate) verify: bool,
    #[command(flatten)]
    pub(crate) keys: Keys,
    #[command(flatten)]
    pub(crate) access: Access,
    /// Let every host see name and password, not only the repository's.
    #[arg(long)]
    pub(crate) pass_credentials: bool,
}

impl Origin {
    /// The range that is meant.
    pub(crate) fn range(&self) -> &str {
        if self.devel && self.version.is_empty() { ">0.0.0-0" } else { self.version.trim() }
    }
}

/// Whose signatures count.
#[derive(Debug, Clone, Args)]
pub(crate) struct Keys {
    /// Public keys, as `gpg --export` writes them [default: pubring.gpg in gpg's folder].
    #[arg(long, value_name = "FILE")]
    pub(crate) keyring: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Pull {
    /// oci://HOST/PATH/CHART, an address, REPOSITORY/CHART, or with --repo a name.
    #[arg(required = true, value_name = "CHART")]
    pub(crate) charts: Vec<String>,
    #[command(flatten)]
    pub(crate) origin: Origin,
    /// Where charts are written.
    #[arg(short, long, default_value = ".", value_name = "DIR")]
    pub(crate) destination: PathBuf,
    /// Unpack the chart instead of keeping the archive.
    #[arg(long)]
    pub(crate) untar: bool,
    /// Where it is unpacked, from the destination on.
    #[arg(long, default_value = ".", value_name = "DIR")]
    pub(crate) untardir: PathBuf,
    /// Fetch the provenance file, too, without checking it.
    #[arg(long)]
    pub(crate) prov: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Push {
    /// Archive of the chart.
    #[arg(value_name = "CHART.tgz")]
    pub(crate) archive: PathBuf,
    /// oci://HOST/PATH; the chart's name and version are added.
    #[arg(value_name = "REMOTE")]
    pub(crate) remote: String,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DependencyCommand {
    #[command(subcommand)]
    pub(crate) command: DependencySubcommand,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum DependencySubcommand {
    /// Shows what Chart.yaml declares, and what charts/ has of it.
    #[command(visible_alias = "ls", after_help = "Example: zarpa chart dependency list charts/web")]
    List(DependencyList),
    /// Chooses versions, brings them into charts/, and writes Chart.lock.
    #[command(
        visible_alias = "up",
        after_help = "Example: zarpa chart dependency update charts/web"
    )]
    Update(Dependencies),
    /// Brings the versions of Chart.lock into charts/; without a lock, the same as update.
    #[command(after_help = "Example: zarpa chart dependency build charts/web")]
    Build(Dependencies),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DependencyList {
    /// Folder or archive of the chart.
    #[arg(default_value = ".", value_name = "CHART")]
    pub(crate) chart: PathBuf,
    /// How wide a column may be.
    #[arg(long, default_value_t = repository::dependency::MAX_COLUMN, value_name = "CHARACTERS")]
    pub(crate) max_col_width: usize,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Dependencies {
    /// Folder of the chart.
    #[arg(default_value = ".", value_name = "CHART")]
    pub(crate) chart: PathBuf,
    /// Check the signatures of what is fetched.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Take what the repositories offered last, without asking them again.
    #[arg(long)]
    pub(crate) skip_refresh: bool,
    #[command(flatten)]
    pub(crate) keys: Keys,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Verify {
    /// Archive of the chart; its provenance file lies beside it, as CHART.tgz.prov.
    #[arg(value_name = "CHART.tgz")]
    pub(crate) archive: PathBuf,
    #[command(flatten)]
    pub(crate) keys: Keys,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Login {
    /// Host of the registry, with its port when it has one.
    pub(crate) registry: String,
    /// Name to log in with; asked for when it is left out.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// Read the password or token from standard input, instead of asking for it.
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Speak plain HTTP with the registry.
    #[arg(long)]
    pub(crate) plain_http: bool,
}
