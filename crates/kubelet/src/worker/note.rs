//! A worker's events, in upstream's words.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

use super::Worker;
use crate::{
    plan::Action,
    recorder::{Note, Recorder},
    security::pod_name,
    state::{Container, Hook, ImageStep, KillReason, Role},
    status::DEADLINE_MESSAGE,
};

/// Notes events of one pod, or of one of its containers.
#[derive(Debug, Clone)]
pub(super) struct NoteTaker {
    recorder: Recorder,
    pod: Arc<Pod>,
    field_path: Option<String>,
}

impl NoteTaker {
    pub(super) fn normal(&self, reason: &'static str, message: String) {
        self.note(false, reason, message);
    }

    pub(super) fn warn(&self, reason: &'static str, message: String) {
        self.note(true, reason, message);
    }

    fn note(&self, is_warning: bool, reason: &'static str, message: String) {
        let (pod, field_path) = (Arc::clone(&self.pod), self.field_path.clone());
        self.recorder.record(Note { pod, field_path, is_warning, reason, message });
    }
}

impl Worker {
    /// For the pod, or for the container at `idx`.
    pub(super) fn note_taker(&self, idx: Option<usize>) -> NoteTaker {
        let field_path = idx.map(|idx| field_path(&self.known.containers[idx]));
        let pod = Arc::clone(&self.known.pod);
        NoteTaker { recorder: self.ctx.recorder.clone(), pod, field_path }
    }

    pub(super) fn note_deadline(&self) {
        self.note_taker(None).normal("DeadlineExceeded", DEADLINE_MESSAGE.to_owned());
    }

    /// What the pod asks for and will not get, although it runs.
    pub(super) fn note_unsupported(&self) {
        let containers = self.known.containers.iter();
        let ports = containers.flat_map(|it| it.spec.ports.iter().flatten());
        for port in ports.filter_map(|it| it.host_port).filter(|it| *it > 0) {
            let message = format!(
                "hostPort {port} is not supported on this node: use a Service of type NodePort or LoadBalancer"
            );
            self.note_taker(None).warn("HostPortNotSupported", message);
        }
    }

    pub(super) fn note_pulling(&self, idx: usize, image: &str) {
        self.note_taker(Some(idx)).normal("Pulling", format!("Pulling image \"{image}\""));
    }

    /// Tells what an action means for the user, before it is carried out.
    pub(super) fn note_action(&self, action: Action) {
        match action {
            Action::Kill { idx, reason, .. } => self.note_kill(idx, reason),
            Action::ReportBackOff { idx } => self.note_backoff(idx),
            _ => {}
        }
    }

    fn note_kill(&self, idx: usize, reason: KillReason) {
        let notes = self.note_taker(Some(idx));
        let container = &self.known.containers[idx];
        let name = &container.spec.name;
        let message = match reason {
            KillReason::PodEnds => format!("Stopping container {name}"),
            KillReason::Liveness => {
                format!("Container {name} failed liveness probe, will be restarted")
            }
            KillReason::Startup => {
                format!("Container {name} failed startup probe, will be restarted")
            }
            KillReason::Changed => {
                format!("Container {name} definition changed, will be restarted")
            }
            KillReason::PostStart => {
                if let Some(Hook::Failed(said)) = container.running().map(|it| &it.post_start) {
                    tracing::debug!(%name, %said, "a postStart hook failed");
                }
                "FailedPostStartHook".to_owned()
            }
        };
        notes.normal("Killing", message);
    }

    fn note_backoff(&self, idx: usize) {
        let notes = self.note_taker(Some(idx));
        let container = &self.known.containers[idx];
        if matches!(&container.image, ImageStep::Failed(failure) if !failure.is_reported) {
            let image = container.spec.image.as_deref().unwrap_or_default();
            notes.normal("BackOff", format!("Back-off pulling image \"{image}\""));
            notes.warn("Failed", "Error: ImagePullBackOff".to_owned());
            return;
        }
        let (name, pod) = (&container.spec.name, pod_name(&self.known.pod));
        let message = format!("Back-off restarting failed container {name} in pod {pod}");
        notes.warn("BackOff", message);
    }
}

fn field_path(container: &Container) -> String {
    let list = match container.role {
        Role::Init | Role::Sidecar => "initContainers",
        Role::Main => "containers",
        Role::Ephemeral => "ephemeralContainers",
    };
    format!("spec.{list}{{{}}}", container.spec.name)
}
