//! Which cluster a command is for, and the way to it.

use std::path::PathBuf;

use cluster::control::{self, Running};
use deploy::Cluster;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use pipeline::{Environment, Selection, Service};
use release::Owner;
use runner::{Connected, Target, Workspace};

use super::cluster::ensure;
use crate::{
    args::{Services, Where},
    context::Context,
    failure::{Failure, chain},
};

const EMBEDDED: &str = "embedded";

/// What is done about an embedded cluster that does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    Start,
    Fail,
}

/// A project, and what of it a command is about.
pub(crate) struct Chosen<'a> {
    pub(crate) selection: Selection<'a>,
    pub(crate) namespace: String,
}

pub(crate) fn open(context: &Context) -> Result<Workspace, Failure> {
    Ok(Workspace::open(&context.directory)?)
}

pub(crate) fn choose<'a>(
    workspace: &'a Workspace,
    services: &Services,
    place: &Where,
) -> Result<Chosen<'a>, Failure> {
    let selection = pipeline::select(&workspace.project, &services.services, Some(&place.env))
        .map_err(|it| {
            let hint = it.hint();
            Failure::usage(it).with_hint(hint)
        })?;
    let namespace = place.namespace.clone();
    let namespace = namespace.unwrap_or_else(|| selection.environment.namespace.clone());
    Ok(Chosen { selection, namespace })
}

/// The one service of a project, or the one that is named.
pub(crate) fn one<'a>(
    workspace: &'a Workspace,
    name: Option<&String>,
    place: &Where,
) -> Result<(&'a Service, Chosen<'a>), Failure> {
    let services = Services { services: name.cloned().into_iter().collect() };
    let chosen = choose(workspace, &services, place)?;
    let service = match (name, chosen.selection.services.as_slice()) {
        (None, [_, _, ..]) => {
            let known: Vec<&str> = workspace.project.services.keys().map(String::as_str).collect();
            return Err(Failure::usage("the project has several services: name one")
                .with_hint(Some(format!("known: {}", known.join(", ")))));
        }
        (_, services) => services.last().copied(),
    };
    let service = service.ok_or_else(|| Failure::usage("the project has no service"))?;
    Ok((service, chosen))
}

impl Chosen<'_> {
    pub(crate) fn owner(&self, service: &Service) -> Owner {
        Owner { name: service.name.clone(), namespace: self.namespace.clone() }
    }
}

/// Connects to the cluster of a command, beside whatever comes before it is needed.
///
/// It is the embedded one unless the command line or the environment names another: what `KUBECONFIG`
/// says alone never decides.
pub(crate) fn target(
    context: &Context,
    environment: &Environment,
    place: &Where,
    absent: Absent,
) -> Target {
    let name = place.context.clone().or_else(|| environment.context.clone());
    let kubeconfig = place.kubeconfig.as_ref().map(|it| context.path(it));
    let kubeconfig = kubeconfig.or_else(|| environment.kubeconfig.as_ref().map(PathBuf::from));
    let address = environment.address.as_ref().and_then(|it| host_and_port(it));
    if name.is_none() && kubeconfig.is_none() {
        let context = context.clone();
        return Target::new(
            EMBEDDED.to_owned(),
            true,
            async move { embedded(context, absent).await },
        );
    }
    let path = kubeconfig.or_else(|| context.kubeconfig.clone());
    let shown = name.clone().unwrap_or_else(|| "the kubeconfig's current context".to_owned());
    Target::new(shown, false, async move {
        let path = path.ok_or("there is no kubeconfig")?;
        Ok(Connected { client: client(path, name).await?, ingress: address })
    })
}

/// Connects at once, for commands that need nothing else first.
pub(crate) async fn connect(
    context: &Context,
    environment: &Environment,
    place: &Where,
    absent: Absent,
) -> Result<(Cluster, Connected), Failure> {
    let target = target(context, environment, place, absent);
    let connected = target.connecting.await.map_err(|cause| {
        let hint = cause.contains("not running").then(|| "start it: zarpa up".to_owned());
        Failure::work(format!("could not reach the cluster `{}`: {cause}", target.name))
            .with_hint(hint)
    })?;
    Ok((Cluster::new(connected.client.clone()), connected))
}

async fn embedded(context: Context, absent: Absent) -> Result<Connected, String> {
    let running = tokio::task::spawn_blocking(move || match absent {
        Absent::Start => ensure(&context),
        Absent::Fail => control::status(&context.layout)
            .map_err(Failure::from)?
            .ok_or_else(|| Failure::work("the embedded cluster is not running")),
    });
    let running: Running =
        running.await.map_err(|it| it.to_string())?.map_err(|it| it.one_line())?;
    let ingress = Some(("127.0.0.1".to_owned(), running.settings.ingress_port));
    Ok(Connected { client: client(running.kubeconfig, None).await?, ingress })
}

async fn client(path: PathBuf, context: Option<String>) -> Result<Client, String> {
    let told = |error: &(dyn std::error::Error + 'static)| {
        let mut text = format!("{error}");
        for cause in chain(error) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        text
    };
    let kubeconfig = Kubeconfig::read_from(&path).map_err(|it| told(&it))?;
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    let config =
        Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|it| told(&it))?;
    Client::try_from(config).map_err(|it| told(&it))
}

/// `http://host:port/`, `host:port`, `host`.
fn host_and_port(address: &str) -> Option<(String, u16)> {
    let rest = address.strip_prefix("http://").unwrap_or(address).trim_end_matches('/');
    match rest.rsplit_once(':') {
        Some((host, port)) => Some((host.to_owned(), port.parse().ok()?)),
        None => Some((rest.to_owned(), 80)),
    }
}
