//! From a request and the cluster to a plan, or to the proof that nothing need be done.

use std::collections::BTreeMap;

use release::{
    Budgets, History, Operation, Plan, Record, Status, Target, Verdict, Want, World, digest,
    history::Entry,
    manifest::{self, ManifestError},
    plan::{self, Inputs, PlanError},
    record::{ApplyMethod, Info},
    verdict,
};
use serde_json::Value;
use thiserror::Error;

use crate::{
    api::ApiError,
    cluster::Cluster,
    live, machine,
    records::{RecordError, Records},
    request::Request,
};

#[derive(Debug, Error)]
pub enum PrepareError {
    #[error("could not read the release's history")]
    History(#[source] RecordError),
    #[error("could not read the new manifest")]
    Manifest(#[source] ManifestError),
    #[error("could not read the manifest of revision {revision}")]
    Stored { revision: u32, source: ManifestError },
    #[error("could not read the cluster")]
    Live(#[source] ApiError),
    #[error(transparent)]
    Plan(PlanError),
}

/// A plan, and what it was made from.
#[derive(Debug)]
pub struct Prepared {
    pub plan: Plan,
    pub standing: Standing,
    pub history: History,
    /// The revision to write.
    pub(crate) record: Record,
    /// The revisions that the plan starts from, oldest first; empty when nothing changed.
    pub(crate) earlier: Vec<Record>,
}

/// How the release stands to what is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The deployed revision was made from exactly this, and everything of it is there and ready.
    Current { revision: u32 },
    /// The same, but something of it is not ready.
    Unready { revision: u32, what: String },
    /// A new revision is needed.
    Changed,
}

/// Where a release stands before it is rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    pub history: History,
    /// `.Release.IsInstall` of what comes next; an upgrade otherwise.
    pub is_install: bool,
    /// `.Release.Revision` of what comes next.
    pub revision: u32,
}

/// Asks where a release stands, by one request.
///
/// To ask whether anything changed, render as the deployed revision was rendered, so that templates which name
/// the revision do not change by being looked at: revision 1 was an install.
pub async fn situation(
    cluster: &Cluster,
    owner: &release::Owner,
) -> Result<Situation, RecordError> {
    let history = Records::of(cluster, owner).history().await?;
    Ok(Situation { is_install: history.is_install(), revision: history.next_revision(), history })
}

/// Plans a deploy without changing anything.
///
/// When the digest of what is asked for stands on the deployed revision, only one list for each kind is read.
pub async fn prepare(cluster: &Cluster, request: &Request) -> Result<Prepared, PrepareError> {
    let records = Records::of(cluster, &request.owner);
    let history = records.history().await.map_err(PrepareError::History)?;
    let mut desired = manifest::objects(&request.manifest).map_err(PrepareError::Manifest)?;
    cluster.learn_definitions(request.crds.iter().chain(&desired));
    cluster.place(&mut desired, &request.owner.namespace).await.map_err(PrepareError::Live)?;
    let mut record = new_record(request, &history);

    let deployed = history.deployed().filter(|it| Some(*it) == history.last());
    let is_proven =
        |it: &&Entry| digest::is_proven(&it.labels, it.revision, &record, &request.images);
    if let Some(deployed) = deployed.filter(is_proven) {
        let revision = deployed.revision;
        let previous = Previous { objects: &desired, was_applied: true };
        let (plan, live) = plan(cluster, request, &record, (&desired, previous)).await?;
        if plan.is_empty() {
            let standing = match readiness(&plan, live) {
                None => Standing::Current { revision },
                Some(what) => Standing::Unready { revision, what },
            };
            return Ok(Prepared { plan, standing, history, record, earlier: Vec::new() });
        }
    }

    let earlier = earlier(records, &history).await.map_err(PrepareError::History)?;
    let objects = previous_objects(cluster, &earlier, &request.owner.namespace).await?;
    let previous = Previous { objects: &objects, was_applied: was_applied(&earlier) };
    let (plan, _) = plan(cluster, request, &record, (&desired, previous)).await?;
    inherit(&mut record, &earlier);
    digest::label(&mut record, &request.images);
    Ok(Prepared { plan, standing: Standing::Changed, history, record, earlier })
}

/// The objects of the earlier revisions.
#[derive(Clone, Copy)]
struct Previous<'a> {
    objects: &'a [Value],
    was_applied: bool,
}

/// Says that the earlier revisions are one that was deployed, and none that failed after it.
pub(crate) fn was_applied(earlier: &[Record]) -> bool {
    matches!(earlier, [only] if only.info.status == Status::Deployed)
}

async fn plan(
    cluster: &Cluster,
    request: &Request,
    record: &Record,
    (desired, previous): (&[Value], Previous<'_>),
) -> Result<(Plan, BTreeMap<release::ObjectId, Value>), PrepareError> {
    let live = live::read(cluster, desired, previous.objects).await.map_err(PrepareError::Live)?;
    let operation = if record.info.status == Status::PendingInstall {
        Operation::Install
    } else {
        Operation::Upgrade
    };
    let plan = plan::plan(&Inputs {
        owner: &request.owner,
        operation,
        revision: record.revision,
        desired,
        previous: previous.objects,
        previous_was_applied: previous.was_applied,
        live: &live,
        hooks: if request.options.runs_hooks { &record.hooks } else { &[] },
        takes_ownership: request.options.takes_ownership,
    });
    Ok((plan.map_err(PrepareError::Plan)?, live))
}

/// What is not ready, judged from the objects alone.
fn readiness(plan: &Plan, live: BTreeMap<release::ObjectId, Value>) -> Option<String> {
    let targets: Vec<Target> = targets(&plan.objects);
    let mut world = World::default();
    live.into_values().for_each(|it| world.insert(it));
    let now = machine::now();
    match verdict::judge(&targets, &world, &Budgets::starting(now), now) {
        Verdict::Ready => None,
        Verdict::Progressing { what, .. } => Some(what),
        Verdict::Failed(cause) => Some(cause.to_string()),
    }
}

/// Everything of a manifest that can be ready.
pub(crate) fn targets(objects: &[Value]) -> Vec<Target> {
    let ids = objects.iter().map(release::ObjectId::of).filter(verdict::is_watched);
    ids.map(|id| Target { id, want: Want::Ready, generation: None }).collect()
}

/// The revisions whose objects may be in the cluster: the baseline, and what failed after it.
pub(crate) async fn earlier(
    records: Records<'_>,
    history: &History,
) -> Result<Vec<Record>, RecordError> {
    let Some(baseline) = history.baseline().map(|it| it.revision) else { return Ok(Vec::new()) };
    if history.is_install() {
        return Ok(Vec::new());
    }
    let mut earlier = Vec::new();
    for entry in history.entries.iter().filter(|it| it.revision >= baseline) {
        earlier.push(records.load(entry.revision).await?);
    }
    Ok(earlier)
}

/// The objects of stored manifests, each in its namespace; those of kinds that are gone are left out.
pub(crate) async fn previous_objects(
    cluster: &Cluster,
    records: &[Record],
    namespace: &str,
) -> Result<Vec<Value>, PrepareError> {
    let mut previous = Vec::new();
    for record in records {
        let objects = manifest::objects(&record.manifest)
            .map_err(|source| PrepareError::Stored { revision: record.revision, source })?;
        cluster.learn_definitions(&objects);
        for mut object in objects {
            match cluster.place(std::slice::from_mut(&mut object), namespace).await {
                Ok(()) => previous.push(object),
                Err(ApiError::UnknownKind { .. }) => {}
                Err(error) => return Err(PrepareError::Live(error)),
            }
        }
    }
    Ok(previous)
}

fn new_record(request: &Request, history: &History) -> Record {
    let now = machine::now();
    let (status, description) = if history.is_install() {
        (Status::PendingInstall, "Initial install underway")
    } else {
        (Status::PendingUpgrade, "Preparing upgrade")
    };
    Record {
        name: request.owner.name.clone(),
        info: Info {
            first_deployed: Some(now),
            last_deployed: Some(now),
            deleted: None,
            description: description.to_owned(),
            status,
            notes: request.notes.clone(),
            rest: Default::default(),
        },
        chart: request.chart.clone(),
        config: request.values.clone(),
        manifest: request.manifest.clone(),
        hooks: request.hooks.clone(),
        revision: history.next_revision(),
        namespace: request.owner.namespace.clone(),
        apply_method: Some(ApplyMethod::ServerSide),
        labels: BTreeMap::new(),
        rest: Default::default(),
    }
}

/// What an upgrade takes over: when the release was first deployed, and the user's labels.
fn inherit(record: &mut Record, earlier: &[Record]) {
    if let Some(last) = earlier.last() {
        record.info.first_deployed = last.info.first_deployed.or(record.info.first_deployed);
        record.labels.clone_from(&last.labels);
        digest::remove(record);
    }
}
