//! What `zarpa.toml` says, with everything left out filled in.

use std::collections::BTreeMap;

/// A project: services that are shipped together, and the places they are shipped to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    pub name: String,
    /// Folder of run records, relative to the file.
    pub runs: String,
    /// By name.
    pub services: BTreeMap<String, Service>,
    /// By name; `dev` is always there.
    pub environments: BTreeMap<String, Environment>,
}

/// One image, one chart, one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub name: String,
    /// Services that must be deployed before this one.
    pub needs: Vec<String>,
    /// Patterns of the files that this service is made of; empty takes every file that git does not ignore.
    pub inputs: Vec<String>,
    pub test: Option<Stage>,
    pub build: Option<Stage>,
    pub image: Option<Image>,
    pub chart: ChartSource,
    pub smoke: Vec<Smoke>,
}

/// A stage that runs the user's own commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// In order; the first that fails ends the stage.
    pub run: Vec<Command>,
    /// Patterns that replace the service's `inputs` for this stage; empty keeps them.
    pub inputs: Vec<String>,
    /// Added to the environment of the commands.
    pub env: BTreeMap<String, String>,
}

/// A line for the shell.
pub type Command = String;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Without registry and tag: `faro`, `team/faro`.
    pub repository: String,
    /// An image reference; `None` builds from nothing.
    pub base: Option<String>,
    /// From a path in the image to a path relative to the file.
    pub files: BTreeMap<String, String>,
    pub user: String,
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub working_dir: String,
    pub ports: Vec<u16>,
    pub labels: BTreeMap<String, String>,
    /// `linux/amd64`; empty is this machine's.
    pub platforms: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartSource {
    /// Folder of the chart, relative to the file.
    pub path: String,
    /// Value files, relative to the file, in order.
    pub values: Vec<String>,
    /// As helm's `--set`.
    pub set: Vec<String>,
    /// Which values receive the image.
    pub image: ImageValues,
}

/// Paths of chart values, with dots, that receive the image; those that are `None` are left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageValues {
    /// The whole reference, `hub/name:tag@digest`.
    pub whole: Option<String>,
    /// The registry, with what stands before the repository.
    pub hub: Option<String>,
    /// The repository; with the registry before it when there is no `hub`.
    pub image: Option<String>,
    pub tag: Option<String>,
    pub digest: Option<String>,
}

/// A check of the deployed service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smoke {
    pub name: String,
    pub protocol: SmokeProtocol,
    /// Name or number of the Service's port; `None` is its first.
    pub port: Option<String>,
    /// Whether it goes through the ingress when there is one.
    pub through_ingress: bool,
    pub timeout_s: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SmokeProtocol {
    Http {
        path: String,
        /// Host header; `None` is the address's.
        host: Option<String>,
        status: u16,
        /// Text that the body must contain.
        contains: Option<String>,
    },
    Tcp,
    Grpc {
        /// Name of the health service; empty is the whole server.
        service: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    pub name: String,
    /// Context of a kubeconfig; `None` is the embedded cluster.
    pub context: Option<String>,
    /// `None` is what `KUBECONFIG` or the home folder say.
    pub kubeconfig: Option<String>,
    pub namespace: String,
    /// Where images are pushed; `None` pushes nothing.
    pub registry: Option<Registry>,
    /// Address of the ingress where its status tells none.
    pub address: Option<String>,
    pub timeout_s: Option<u64>,
    /// By service.
    pub services: BTreeMap<String, Overlay>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// Host, port and perhaps a path: `10.0.0.1:5000`, `ghcr.io/team`.
    pub hub: String,
    /// Whether it is spoken to without TLS.
    pub is_plain_http: bool,
}

/// What an environment adds to a service's chart values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overlay {
    pub values: Vec<String>,
    pub set: Vec<String>,
}

pub(crate) const ENVIRONMENT_DEFAULT: &str = "dev";

impl Environment {
    pub(crate) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            context: None,
            kubeconfig: None,
            namespace: name.to_owned(),
            registry: None,
            address: None,
            timeout_s: None,
            services: BTreeMap::new(),
        }
    }
}
