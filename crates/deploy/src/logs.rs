//! The logs of a release's pods, as they are and as they come.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, pin_mut};
use release::{
    ObjectId, Owner, World,
    manifest::{self, ManifestError},
    object,
};
use serde_json::Value;
use thiserror::Error;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{self, ApiError},
    cluster::Cluster,
    records::{RecordError, Records},
    wait::pods_of,
    watch::{self, Watch},
};

/// So many lines wait to be printed before the pods' streams are held back.
const LINES_MAX: usize = 1024;

#[derive(Debug, Error)]
pub enum LogsError {
    #[error("could not read the release")]
    Record(#[source] RecordError),
    #[error("could not read the manifest of revision {revision}")]
    Manifest { revision: u32, source: ManifestError },
    #[error("could not read the cluster")]
    Live(#[source] ApiError),
}

/// Which lines are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Go on until cancelled, also with pods that are yet to come.
    pub follow: bool,
    pub previous: bool,
    /// The last lines of each container; all when nothing is said.
    pub tail_lines: Option<u64>,
    pub since_seconds: Option<u64>,
    pub timestamps: bool,
    /// Only containers of this name.
    pub container: Option<String>,
}

/// One line of a container's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub pod: String,
    pub container: String,
    pub line: String,
}

/// Hands on the lines of every container of a release, in the order of each container.
///
/// Without `follow` it returns at the end of the logs; with it, when it is cancelled.
pub async fn logs(
    cluster: &Cluster,
    owner: &Owner,
    options: &LogOptions,
    on_line: &mut (dyn FnMut(LogLine) + Send),
    cancel: &CancellationToken,
) -> Result<(), LogsError> {
    let objects = objects(cluster, owner).await?;
    let ids: Vec<ObjectId> = objects.iter().map(ObjectId::of).collect();
    let sources = watch::sources(cluster, &objects).await.map_err(LogsError::Live)?;
    let (mut watch, mut world) = Watch::start(cluster, sources).await.map_err(LogsError::Live)?;
    let (tx, mut lines) = mpsc::channel(LINES_MAX);
    let mut tasks = JoinSet::new();
    let mut streamed = BTreeSet::new();
    loop {
        for (pod, container, run) in containers(&ids, &world, options) {
            if streamed.insert((object::uid(pod).to_owned(), container.clone(), run)) {
                let stream = Stream {
                    cluster: cluster.clone(),
                    pod: pod.clone(),
                    container,
                    tx: tx.clone(),
                };
                tasks.spawn(stream.run(options.clone()));
            }
        }
        tokio::select! {
            Some(line) = lines.recv() => on_line(line),
            () = watch.update(&mut world), if options.follow => {}
            Some(_) = tasks.join_next(), if !options.follow => {}
            () = cancel.cancelled() => return Ok(()),
        }
        if !options.follow && tasks.is_empty() {
            while let Ok(line) = lines.try_recv() {
                on_line(line);
            }
            return Ok(());
        }
    }
}

async fn objects(cluster: &Cluster, owner: &Owner) -> Result<Vec<Value>, LogsError> {
    let record = Records::of(cluster, owner).current().await.map_err(LogsError::Record)?;
    let mut objects = manifest::objects(&record.manifest)
        .map_err(|source| LogsError::Manifest { revision: record.revision, source })?;
    objects.retain(|it| {
        let id = ObjectId::of(it);
        id.kind == "Pod"
            || release::verdict::watched_with(&id).iter().any(|(_, kind)| *kind == "Pod")
    });
    objects.retain(|it| object::kind(it) != "PersistentVolumeClaim");
    cluster.place(&mut objects, &owner.namespace).await.map_err(LogsError::Live)?;
    Ok(objects)
}

/// The containers that have run, each with the number of its run, so that a restart is streamed anew.
fn containers<'w>(
    ids: &[ObjectId],
    world: &'w World,
    options: &LogOptions,
) -> Vec<(&'w Value, String, i64)> {
    let mut found = Vec::new();
    for pod in ids.iter().flat_map(|it| pods_of(it, world)) {
        let statuses = object::items(&pod["status"]["initContainerStatuses"])
            .chain(object::items(&pod["status"]["containerStatuses"]));
        for status in statuses {
            let name = status["name"].as_str().unwrap_or_default();
            let state = if options.previous { &status["lastState"] } else { &status["state"] };
            let has_run = !state["running"].is_null() || !state["terminated"].is_null();
            if has_run && options.container.as_deref().is_none_or(|it| it == name) {
                found.push((
                    pod,
                    name.to_owned(),
                    status["restartCount"].as_i64().unwrap_or_default(),
                ));
            }
        }
    }
    found
}

struct Stream {
    cluster: Cluster,
    pod: Value,
    container: String,
    tx: mpsc::Sender<LogLine>,
}

impl Stream {
    async fn run(self, options: LogOptions) {
        if let Err(error) = self.follow(&options).await {
            tracing::warn!(%error, pod = object::name(&self.pod), container = self.container, "no log");
        }
    }

    async fn follow(&self, options: &LogOptions) -> Result<(), ApiError> {
        let path = format!("{}/log", self.cluster.path(&self.pod).await?);
        let tail = options.tail_lines.map(|it| it.to_string());
        let since = options.since_seconds.map(|it| it.to_string());
        let mut query = vec![("container", self.container.as_str())];
        query.extend(tail.as_deref().map(|it| ("tailLines", it)));
        query.extend(since.as_deref().map(|it| ("sinceSeconds", it)));
        query.extend(options.follow.then_some(("follow", "true")));
        query.extend(options.previous.then_some(("previous", "true")));
        query.extend(options.timestamps.then_some(("timestamps", "true")));
        let lines = api::lines(self.cluster.client(), &path, &query).await?;
        pin_mut!(lines);
        while let Some(line) = lines.next().await {
            let Ok(line) = line else { break };
            let line = LogLine {
                pod: object::name(&self.pod).to_owned(),
                container: self.container.clone(),
                line,
            };
            if self.tx.send(line).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}
