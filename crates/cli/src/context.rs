//! What the environment says: read once, here, and passed on as values.

use std::{
    env,
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use cluster::Layout;

use crate::{
    args::{Global, Output},
    failure::Failure,
};

/// Everything that a command knows beside its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) directory: PathBuf,
    pub(crate) layout: Layout,
    /// This program, as the kernel knows it.
    pub(crate) exe: PathBuf,
    pub(crate) is_json: bool,
    pub(crate) verbose: u8,
    /// Whether a chart command shows what it has even when that is broken (helm's `--debug`).
    pub(crate) is_debug: bool,
    /// Whether standard error is a terminal: only there lines are drawn anew.
    pub(crate) is_terminal: bool,
    pub(crate) has_colour: bool,
    pub(crate) columns: usize,
    pub(crate) docker_config: Option<PathBuf>,
    pub(crate) kubeconfig: Option<PathBuf>,
    pub(crate) helm: HelmFiles,
    /// Whether what a chart command says is in helm's words (`--helm-errors`).
    pub(crate) has_helm_words: bool,
    /// Where gpg keeps public keys in a form that others read.
    pub(crate) keyring: Option<PathBuf>,
}

/// What helm keeps for itself.
#[derive(Debug, Clone)]
pub(crate) struct HelmFiles {
    /// What `helm repo add` has noted.
    pub(crate) repositories: Option<PathBuf>,
    /// What `helm registry login` has noted.
    pub(crate) registry: Option<PathBuf>,
    /// Where helm keeps what repositories offer.
    pub(crate) repository_cache: Option<PathBuf>,
    /// Where `helm create --starter` looks for charts.
    pub(crate) starters: Option<PathBuf>,
}

impl HelmFiles {
    fn read(home: Option<&PathBuf>) -> Self {
        // As in Go, an empty variable is none.
        let path = |name: &str| env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
        let folder = |own: &str, everybodys: &str, below_home: &str| {
            let home = || home.map(|it| it.join(below_home));
            path(own).or_else(|| path(everybodys).or_else(home).map(|it| it.join("helm")))
        };
        let config = folder("HELM_CONFIG_HOME", "XDG_CONFIG_HOME", ".config");
        let cache = folder("HELM_CACHE_HOME", "XDG_CACHE_HOME", ".cache");
        let data = folder("HELM_DATA_HOME", "XDG_DATA_HOME", ".local/share");
        let below = |folder: &Option<PathBuf>, name: &str| folder.as_ref().map(|it| it.join(name));
        Self {
            repositories: path("HELM_REPOSITORY_CONFIG")
                .or_else(|| below(&config, "repositories.yaml")),
            registry: path("HELM_REGISTRY_CONFIG")
                .or_else(|| below(&config, "registry/config.json")),
            repository_cache: path("HELM_REPOSITORY_CACHE").or_else(|| below(&cache, "repository")),
            starters: below(&data, "starters"),
        }
    }
}

const COLUMNS_DEFAULT: usize = 80;

impl Context {
    pub(crate) fn read(global: &Global) -> Result<Self, Failure> {
        let current = env::current_dir().map_err(|it| Failure::usage(it).with_hint(None))?;
        let directory = match &global.directory {
            Some(directory) => current.join(directory),
            None => current,
        };
        let home = env::home_dir();
        let data = env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|it| it.is_absolute());
        let data = data.or_else(|| home.as_ref().map(|it| it.join(".local/share")));
        let data = data.ok_or_else(|| {
            Failure::usage("neither XDG_DATA_HOME nor HOME says where data is kept")
        })?;
        let is_terminal = std::io::stderr().is_terminal();
        let docker_config = env::var_os("DOCKER_CONFIG").map(PathBuf::from);
        let columns = rustix::termios::tcgetwinsize(std::io::stderr()).map(|it| it.ws_col);
        Ok(Self {
            directory,
            layout: Layout::new(&data.join("zarpa")),
            exe: env::current_exe().map_err(Failure::work)?,
            is_json: global.output == Output::Json,
            verbose: global.verbose,
            is_debug: false,
            is_terminal,
            has_colour: is_terminal && env::var_os("NO_COLOR").is_none(),
            columns: columns.map_or(COLUMNS_DEFAULT, |it| usize::from(it).max(20)),
            docker_config: registry::Credentials::path(docker_config, home.clone()),
            helm: HelmFiles::read(home.as_ref()),
            has_helm_words: false,
            keyring: env::var_os("GNUPGHOME")
                .map(PathBuf::from)
                .or_else(|| home.as_ref().map(|it| it.join(".gnupg")))
                .map(|it| it.join("pubring.gpg")),
            kubeconfig: env::var_os("KUBECONFIG")
                .map(PathBuf::from)
                .or_else(|| home.map(|it| it.join(".kube/config"))),
        })
    }

    /// A path that the user gave, from where the command runs.
    pub(crate) fn path(&self, given: &Path) -> PathBuf {
        self.directory.join(given)
    }
}
