//! The plan and deploy stages: what the chart rendered to, compared with the cluster, and carried out.

use std::time::Duration;

use chart::Capabilities;
use deploy::{
    Cluster, Context, EvidenceSink, Failed, Options, Prepared, Request, Situation, Standing,
    prepare,
    prepare::PrepareError,
    situation,
    smoke::{BodyRule, Check, Expect, Probe, Route},
};
use futures_util::future::join_all;
use pipeline::{Smoke, SmokeProtocol};
use release::{Owner, manifest, record};
use serde_json::Value;

use crate::{
    Event, Outcome, StageError,
    addresses::{self, addresses_of},
    chart::{For, Loaded},
    image::BuiltImage,
    lookup::{self, Answers},
    record::RunFolder,
    service::ServiceRun,
    up::Connected,
};

/// A plan with what it was made from.
pub(crate) struct Planned {
    cluster: Cluster,
    connected: Connected,
    request: Request,
    prepared: Prepared,
}

/// Renders, and compares with the cluster.
///
/// Rendered first as the deployed revision was: when nothing else has changed, nothing has.
pub(crate) async fn plan(
    run: &mut ServiceRun<'_>,
    loaded: &Loaded,
    image: Option<&BuiltImage>,
) -> Result<(Outcome, String, Planned), StageError> {
    let (cluster, connected) = run.cluster().await?;
    let owner = Owner { name: run.service.name.clone(), namespace: run.namespace() };
    let place = situation(&cluster, &owner).await.map_err(StageError::History)?;
    let capabilities = capabilities(&cluster, loaded).await;
    let ingress = match &connected.ingress {
        Some(known) => Some(known.clone()),
        None => addresses::entry(&cluster, &owner).await,
    };
    let answers = Answers::default();
    let mut rendering =
        Rendering { cluster: &cluster, loaded, image, owner, capabilities, ingress, answers };
    let deployed = place.history.deployed().map(|it| it.revision);
    let mut request = rendering.request(run, deployed, &place).await?;
    let mut prepared = prepare(&cluster, &request).await.map_err(prepare_error)?;
    if deployed.is_some() && prepared.standing == Standing::Changed {
        let next = rendering.request(run, None, &place).await?;
        if next.manifest != request.manifest || next.hooks != request.hooks {
            prepared = prepare(&cluster, &next).await.map_err(prepare_error)?;
        }
        request = next;
    }
    run.plan = prepared.plan.lines();
    write(run.folder, "manifest.yaml", request.manifest.as_bytes(), &run.service.name);
    write(run.folder, "plan.txt", (run.plan.join("\n") + "\n").as_bytes(), &run.service.name);
    let (outcome, text) = match &prepared.standing {
        Standing::Current { revision } => {
            (Outcome::Unchanged, format!("revision {revision} is what is asked for"))
        }
        Standing::Unready { revision, what } => {
            (Outcome::Done, format!("revision {revision} is what is asked for, but {what}"))
        }
        Standing::Changed => (Outcome::Done, summary(&prepared)),
    };
    Ok((outcome, text, Planned { cluster, connected, request, prepared }))
}

fn prepare_error(error: PrepareError) -> StageError {
    StageError::Prepare(Box::new(error))
}

fn summary(prepared: &Prepared) -> String {
    let plan = &prepared.plan;
    let parts = [
        (plan.n_creates(), "to create"),
        (plan.n_patches(), "to change"),
        (plan.deletes.len(), "to delete"),
        (plan.unchanged.len(), "unchanged"),
    ];
    let parts = parts.iter().filter(|it| it.0 != 0).map(|(n, what)| format!("{n} {what}"));
    let parts = parts.collect::<Vec<String>>().join(", ");
    if parts.is_empty() { "nothing to change".to_owned() } else { parts }
}

/// A file of the run that nobody misses when the disk is full.
fn write(folder: &RunFolder, name: &str, content: &[u8], service: &str) {
    folder.write(&format!("{service}/{name}"), content).ok();
}

/// Carries the plan out, with its checks, and reads where the service is reached.
pub(crate) async fn deploy(
    run: &mut ServiceRun<'_>,
    planned: Planned,
) -> Result<(Outcome, String, ()), StageError> {
    let Planned { cluster, connected, request, prepared } = planned;
    let (service, report) = (run.service.name.clone(), run.report);
    let tell = |progress| report(Event::Deploy { service: service.clone(), progress });
    let evidence = EvidenceFolder { folder: run.folder, service: &service };
    let ctx = Context { report: &tell, evidence: &evidence, cancel: run.cancel };
    let outcome = deploy::deploy(&cluster, &request, prepared, ctx)
        .await
        .map_err(|it| StageError::Deploy(Box::new(it)))?;
    let (outcome, revision) = match outcome {
        deploy::Outcome::Unchanged { revision } => (Outcome::Unchanged, revision),
        deploy::Outcome::Deployed { revision } => (Outcome::Done, revision),
    };
    run.record.release_revision = Some(revision);
    let objects = manifest::objects(&request.manifest).unwrap_or_default();
    run.record.addresses =
        addresses_of(&cluster, &objects, &request.owner.namespace, &connected).await;
    run.record.pods = pods(&cluster, &request.owner).await;
    let shown = run.record.addresses.iter().map(|it| addresses::shown(it));
    run.record.shown = join_all(shown).await.into_iter().flatten().collect();
    Ok((outcome, format!("revision {revision}"), ()))
}

async fn pods(cluster: &Cluster, owner: &Owner) -> Vec<String> {
    let status = deploy::status::status(cluster, owner).await;
    let pods = status.map(|it| it.pods).unwrap_or_default();
    pods.iter().map(|it| format!("{}: {}", it.name, it.state)).collect()
}

/// What was seen of a failed deploy, for people.
pub(crate) fn evidence(failed: &Failed) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(log_of) = &failed.evidence.log_of {
        lines.push(format!("log of {log_of}:"));
        lines.extend(failed.evidence.log.iter().map(|it| format!("  {it}")));
    }
    if !failed.evidence.warnings.is_empty() {
        lines.push("events:".to_owned());
        lines.extend(failed.evidence.warnings.iter().map(|it| format!("  {it}")));
    }
    lines.push(match &failed.aftermath {
        deploy::Aftermath::RolledBack { to, revision } => {
            format!("revision {to} is back, as revision {revision}")
        }
        deploy::Aftermath::RollbackFailed { to, cause } => {
            format!("revision {to} could not be put back: {cause}")
        }
        deploy::Aftermath::Removed => {
            "it was the first install: what it created is gone".to_owned()
        }
        deploy::Aftermath::RemovalFailed { cause } => {
            format!("what it created could not be removed: {cause}")
        }
        deploy::Aftermath::Left => "everything was left as it is".to_owned(),
    });
    lines
}

struct EvidenceFolder<'a> {
    folder: &'a RunFolder,
    service: &'a str,
}

impl EvidenceSink for EvidenceFolder<'_> {
    fn write(&self, name: &str, content: &[u8]) -> std::io::Result<()> {
        let name = format!("{}/evidence/{name}", self.service);
        self.folder.write(&name, content).map_err(|it| it.source)
    }
}

/// The chart is told the cluster's version; its API versions only when it asks for them.
async fn capabilities(cluster: &Cluster, loaded: &Loaded) -> Capabilities {
    let mut capabilities = Capabilities::default();
    if let Ok(version) = cluster.client().apiserver_version().await
        && let Ok(version) = chart::KubeVersion::parse(&version.git_version)
    {
        capabilities.kube_version = version;
    }
    if loaded.mentions("APIVersions")
        && let Ok(groups) = cluster.client().list_api_groups().await
    {
        let versions = groups.groups.iter().flat_map(|it| &it.versions);
        let known: Vec<String> = versions.map(|it| it.group_version.clone()).collect();
        capabilities.api_versions = ["v1".to_owned()].into_iter().chain(known).collect();
    }
    capabilities
}

/// What all renderings of one run share.
struct Rendering<'a> {
    cluster: &'a Cluster,
    loaded: &'a Loaded,
    image: Option<&'a BuiltImage>,
    owner: Owner,
    capabilities: Capabilities,
    /// Where the ingress listens, if that is known before it is deployed.
    ingress: Option<(String, u16)>,
    answers: Answers,
}

impl Rendering<'_> {
    /// Renders for the revision that is deployed, or for the next one.
    async fn request(
        &mut self,
        run: &ServiceRun<'_>,
        deployed: Option<u32>,
        place: &Situation,
    ) -> Result<Request, StageError> {
        let revision = deployed.unwrap_or(place.revision);
        let is_install = deployed.map_or(place.is_install, |it| it == 1);
        let release = chart::Release {
            name: self.owner.name.clone(),
            namespace: self.owner.namespace.clone(),
            is_upgrade: !is_install,
            is_install,
            revision: i64::from(revision),
            service: "Helm".to_owned(),
        };
        let now = run.options.started;
        let for_ = For { release: &release, capabilities: &self.capabilities, now };
        let rendered = lookup::render(self.cluster, self.loaded, &for_, &mut self.answers).await;
        let rendered = rendered.map_err(StageError::Chart)?;
        let text = rendered.manifest_text(false);
        let objects = manifest::objects(&text).unwrap_or_default();
        let default = Options::default();
        Ok(Request {
            checks: smoke_checks(&run.service.smoke, &self.owner, &objects, self.ingress.as_ref()),
            owner: self.owner.clone(),
            chart: self.loaded.record.clone(),
            values: self.loaded.config.clone(),
            manifest: text,
            hooks: rendered.hooks.iter().map(hook).collect(),
            notes: rendered.notes.clone().unwrap_or_default(),
            crds: rendered.crds.iter().filter_map(|it| manifest::read(&it.content).ok()).collect(),
            images: self.image.iter().map(|it| it.descriptor.digest.to_string()).collect(),
            options: Options {
                timeout: run.timeout().unwrap_or(default.timeout),
                forces_conflicts: run.options.forces_conflicts,
                ..default
            },
        })
    }
}

fn hook(hook: &chart::Hook) -> record::Hook {
    record::Hook {
        name: hook.name.clone(),
        kind: hook.kind.clone(),
        path: hook.path.clone(),
        manifest: hook.manifest.clone(),
        events: hook.events.iter().filter_map(|it| record::HookEvent::of(it)).collect(),
        last_run: record::HookExecution::default(),
        weight: hook.weight,
        delete_policies: hook
            .delete_policies
            .iter()
            .filter_map(|it| record::HookDeletePolicy::of(it))
            .collect(),
        output_log_policies: hook
            .output_log_policies
            .iter()
            .filter_map(|it| record::HookOutputLogPolicy::of(it))
            .collect(),
        rest: serde_json::Map::new(),
    }
}

/// The project's smoke checks as requests: through the ingress where its address is known, else
/// through a port-forward to the release's Service.
pub fn smoke_checks(
    smoke: &[Smoke],
    owner: &Owner,
    objects: &[Value],
    ingress: Option<&(String, u16)>,
) -> Vec<Check> {
    let of_kind = |kind: &'static str| objects.iter().filter(move |it| it["kind"] == kind);
    let service = of_kind("Service")
        .find(|it| it["metadata"]["name"] == owner.name.as_str())
        .or_else(|| of_kind("Service").next());
    let ingress = ingress.filter(|_| of_kind("Ingress").next().is_some());
    let rule_host = of_kind("Ingress").find_map(|it| it["spec"]["rules"][0]["host"].as_str());
    smoke.iter().map(|it| check(it, owner, service, ingress, rule_host)).collect()
}

fn check(
    smoke: &Smoke,
    owner: &Owner,
    service: Option<&Value>,
    ingress: Option<&(String, u16)>,
    rule_host: Option<&str>,
) -> Check {
    let host_given = match &smoke.protocol {
        SmokeProtocol::Http { host, .. } => host.as_deref(),
        SmokeProtocol::Tcp | SmokeProtocol::Grpc { .. } => None,
    };
    let route = match ingress.filter(|_| smoke.through_ingress) {
        Some((host, port)) => Route::Address {
            is_https: false,
            host: host.clone(),
            port: *port,
            host_header: host_given.or(rule_host).map(str::to_owned),
        },
        None => Route::Service {
            namespace: owner.namespace.clone(),
            service: service
                .and_then(|it| it["metadata"]["name"].as_str())
                .unwrap_or(&owner.name)
                .to_owned(),
            port: smoke.port.clone().unwrap_or_else(|| first_port(service)),
        },
    };
    let probe = match &smoke.protocol {
        SmokeProtocol::Http { path, status, contains, .. } => Probe::Http {
            method: "GET".to_owned(),
            path: path.clone(),
            headers: Vec::new(),
            expect: Expect {
                status: Some(*status),
                body: contains.iter().cloned().map(BodyRule::Contains).collect(),
                ..Expect::default()
            },
        },
        SmokeProtocol::Tcp => Probe::Tcp,
        SmokeProtocol::Grpc { service } => Probe::Grpc { service: service.clone() },
    };
    let timeout = Duration::from_secs(smoke.timeout_s);
    Check { name: smoke.name.clone(), route, probe, timeout }
}

fn first_port(service: Option<&Value>) -> String {
    let port = service.and_then(|it| it["spec"]["ports"][0]["port"].as_u64());
    port.unwrap_or(80).to_string()
}
