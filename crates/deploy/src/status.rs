//! How a release stands: its revisions, its objects and its pods.

use jiff::Timestamp;
use release::{
    Budgets, ObjectId, Owner, Record, Status, Target, Verdict, Want, World,
    manifest::{self, ManifestError},
    object,
    verdict::{self, PodState},
};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::{
    api::ApiError,
    cluster::Cluster,
    machine,
    records::{RecordError, Records},
    wait::pods_of,
    watch::{self, Watch},
};

#[derive(Debug, Error)]
pub enum StatusError {
    #[error("could not read the release")]
    Record(#[source] RecordError),
    #[error("could not read the manifest of revision {revision}")]
    Manifest { revision: u32, source: ManifestError },
    #[error("could not read the cluster")]
    Live(#[source] ApiError),
}

/// One revision, as `helm history` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Revision {
    pub revision: u32,
    pub updated: Option<Timestamp>,
    pub status: Status,
    /// `faro-0.1.0`.
    pub chart: String,
    pub app_version: String,
    pub description: String,
}

/// A release as it is now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReleaseStatus {
    pub owner: Owner,
    pub current: Revision,
    pub notes: String,
    /// The objects that can be ready or not, in install order.
    pub objects: Vec<ObjectStatus>,
    pub pods: Vec<PodStatus>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectStatus {
    pub id: ObjectId,
    pub is_ready: bool,
    /// Why it is not ready, or empty.
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PodStatus {
    pub name: String,
    pub target: ObjectId,
    #[serde(flatten)]
    pub state: PodState,
    pub n_restarts: i64,
    pub started: Option<Timestamp>,
}

/// The revisions of a release, oldest first; empty when there is none.
pub async fn history(cluster: &Cluster, owner: &Owner) -> Result<Vec<Revision>, StatusError> {
    let records = Records::of(cluster, owner).load_all().await.map_err(StatusError::Record)?;
    Ok(records.iter().map(revision).collect())
}

/// Reads a release and judges each of its objects.
pub async fn status(cluster: &Cluster, owner: &Owner) -> Result<ReleaseStatus, StatusError> {
    let record = Records::of(cluster, owner).current().await.map_err(StatusError::Record)?;
    let mut objects = manifest::objects(&record.manifest)
        .map_err(|source| StatusError::Manifest { revision: record.revision, source })?;
    cluster.learn_definitions(&objects);
    cluster.place(&mut objects, &owner.namespace).await.map_err(StatusError::Live)?;
    let sources = watch::sources(cluster, &objects).await.map_err(StatusError::Live)?;
    let (_, world) = Watch::start(cluster, sources).await.map_err(StatusError::Live)?;
    let ids: Vec<ObjectId> = objects.iter().map(ObjectId::of).filter(verdict::is_watched).collect();
    Ok(ReleaseStatus {
        owner: owner.clone(),
        current: revision(&record),
        notes: record.info.notes.clone(),
        pods: ids.iter().flat_map(|it| pods(it, &world)).collect(),
        objects: ids.into_iter().map(|it| object_status(it, &world)).collect(),
    })
}

fn object_status(id: ObjectId, world: &World) -> ObjectStatus {
    let now = machine::now();
    let target = Target { id: id.clone(), want: Want::Ready, generation: None };
    let message = match verdict::judge(&[target], world, &Budgets::starting(now), now) {
        Verdict::Ready => return ObjectStatus { id, is_ready: true, message: String::new() },
        _ if world.get(&id).is_none() => "missing".to_owned(),
        Verdict::Progressing { what, .. } => what,
        Verdict::Failed(cause) => cause.text,
    };
    ObjectStatus { id, is_ready: false, message }
}

fn pods(id: &ObjectId, world: &World) -> Vec<PodStatus> {
    let status = |pod: &Value| PodStatus {
        name: object::name(pod).to_owned(),
        target: id.clone(),
        state: verdict::pod_state(pod, world),
        n_restarts: object::items(&pod["status"]["containerStatuses"])
            .filter_map(|it| it["restartCount"].as_i64())
            .sum(),
        started: pod["status"]["startTime"].as_str().and_then(|it| it.parse().ok()),
    };
    pods_of(id, world).into_iter().map(status).collect()
}

fn revision(record: &Record) -> Revision {
    Revision {
        revision: record.revision,
        updated: record.info.last_deployed,
        status: record.info.status,
        chart: format!("{}-{}", record.chart.name(), record.chart.version()),
        app_version: record.chart.app_version().to_owned(),
        description: record.info.description.clone(),
    }
}
