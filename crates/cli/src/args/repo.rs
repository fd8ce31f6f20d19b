//! `zarpa chart repo`, as the user types it; the flags are helm's.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::remote::Certificates;

#[derive(Debug, Clone, Args)]
pub(crate) struct RepoCommand {
    #[command(subcommand)]
    pub(crate) command: RepoSubcommand,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum RepoSubcommand {
    /// Names a repository, once its index has come.
    #[command(after_help = "Example: zarpa chart repo add ours https://charts.example.com")]
    Add(RepoAdd),
    /// Lists the repositories that have names.
    #[command(visible_alias = "ls", after_help = "Example: zarpa chart repo list")]
    List(RepoList),
    /// Fetches what repositories offer now; all of them when none is named.
    #[command(visible_alias = "up", after_help = "Example: zarpa chart repo update ours")]
    Update(RepoUpdate),
    /// Forgets repositories, and what they offered.
    #[command(visible_alias = "rm", after_help = "Example: zarpa chart repo remove ours")]
    Remove(RepoRemove),
    /// Writes the index.yaml of a folder with archives.
    #[command(
        after_help = "Example: zarpa chart repo index dist --url https://charts.example.com --merge old/index.yaml"
    )]
    Index(RepoIndex),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RepoAdd {
    /// Its name from now on.
    pub(crate) name: String,
    /// Address of the folder in which its index.yaml lies.
    pub(crate) url: String,
    /// Name to log in with.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    pub(crate) username: String,
    /// Its password, which others see in the list of processes; asked for when it is left out.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "PASSWORD")]
    pub(crate) password: String,
    /// Read the password from standard input.
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Let every host see name and password, not only the repository's.
    #[arg(long)]
    pub(crate) pass_credentials: bool,
    /// Replace a repository of this name that is another one.
    #[arg(long)]
    pub(crate) force_update: bool,
    /// Take the addresses, too, that helm's old official repositories had, and that are gone.
    #[arg(long)]
    pub(crate) allow_deprecated_repos: bool,
    #[command(flatten)]
    pub(crate) certificates: Certificates,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// How long the network may take.
#[derive(Debug, Clone, Args)]
pub(crate) struct Patience {
    /// How long an index may take to come: 90s, 5m, 1h.
    #[arg(long, value_parser = super::duration, default_value = "2m", value_name = "TIME")]
    pub(crate) timeout: std::time::Duration,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RepoList {
    /// Leave out the first line.
    #[arg(long)]
    pub(crate) no_headers: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RepoUpdate {
    #[arg(value_name = "REPO")]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RepoRemove {
    #[arg(required = true, value_name = "REPO")]
    pub(crate) names: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RepoIndex {
    /// Folder with the archives; those one folder below count, too.
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Address under which the archives will be served.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "URL")]
    pub(crate) url: String,
    /// Index whose charts stay unless the folder has the same versions.
    #[arg(long, value_name = "FILE")]
    pub(crate) merge: Option<PathBuf>,
    /// Write JSON instead of YAML.
    #[arg(long)]
    pub(crate) json: bool,
}
