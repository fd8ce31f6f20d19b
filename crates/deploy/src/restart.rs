//! Restarts the workloads of a release, as `kubectl rollout restart` does, and waits for them.

use release::{Owner, Want, manifest, object};
use serde_json::json;
use thiserror::Error;

use crate::{
    api::{self, ApiError, PatchKind},
    apply::target,
    cluster::Cluster,
    machine,
    progress::Context,
    records::{RecordError, Records},
    wait::{Wait, WaitError},
    watch::{self, Watch},
};

/// The annotation and the manager that kubectl writes a restart with.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
const MANAGER: &str = "kubectl-rollout";

#[derive(Debug, Error)]
pub enum RestartError {
    #[error("could not read the release")]
    Record(#[source] RecordError),
    #[error("could not read the manifest of revision {revision}")]
    Manifest { revision: u32, source: manifest::ManifestError },
    #[error("release `{release}` has no Deployment, StatefulSet or DaemonSet to restart")]
    Nothing { release: String },
    #[error("could not restart {id}: {}", source.summary())]
    Restart { id: release::ObjectId, source: ApiError },
    #[error("could not read the cluster")]
    Live(#[source] ApiError),
    #[error(transparent)]
    Wait(WaitError),
}

/// Restarts every workload of the deployed revision; how many there are.
pub async fn restart(
    cluster: &Cluster,
    owner: &Owner,
    timeout: std::time::Duration,
    ctx: Context<'_>,
) -> Result<usize, RestartError> {
    let records = Records::of(cluster, owner);
    let record = records.current().await.map_err(RestartError::Record)?;
    let mut objects = manifest::objects(&record.manifest)
        .map_err(|source| RestartError::Manifest { revision: record.revision, source })?;
    objects.retain(|it| {
        object::group(it) == "apps"
            && matches!(object::kind(it), "Deployment" | "StatefulSet" | "DaemonSet")
    });
    cluster.place(&mut objects, &owner.namespace).await.map_err(RestartError::Live)?;
    if objects.is_empty() {
        return Err(RestartError::Nothing { release: owner.name.clone() });
    }
    let sources = watch::sources(cluster, &objects).await.map_err(RestartError::Live)?;
    let (mut watch, mut world) =
        Watch::start(cluster, sources).await.map_err(RestartError::Live)?;
    let annotations = json!({ RESTARTED_AT: format!("{:.0}", machine::now()) });
    let patch = json!({ "spec": { "template": { "metadata": { "annotations": annotations } } } });
    let mut targets = Vec::new();
    for object in &objects {
        let failed = |source| RestartError::Restart { id: release::ObjectId::of(object), source };
        let path = cluster.path(object).await.map_err(failed)?;
        let patched =
            api::patch(cluster.client(), &path, PatchKind::Strategic, MANAGER, &patch).await;
        targets.push(target(&patched.map_err(failed)?, Want::Ready));
    }
    let wait = Wait::new(&targets, timeout);
    wait.until_ready(&mut watch, &mut world, ctx).await.map_err(RestartError::Wait)?;
    Ok(targets.len())
}
