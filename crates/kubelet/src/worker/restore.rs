//! A worker that starts anew finds again what an earlier process has left of its pod.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus};
use sandbox::{ContainerState, PodError};

use super::{Worker, act::parse_run_id};
use crate::{
    clock, disk, plan,
    state::{Container, ImageStep, Run, Sandbox, Terminated},
    text::chain,
};

/// Source: Kubernetes 1.34, `convertToAPIContainerStatuses`.
const LOST_REASON: &str = "ContainerStatusUnknown";
const LOST_MESSAGE: &str = "The container could not be located when the pod was terminated";
const LOST_CODE: i32 = 137;

impl Worker {
    /// Takes over the pod's shim when it lives, and what the API says of ended runs.
    pub(super) async fn restore(&mut self) {
        self.restore_statuses();
        if disk::is_dir(&self.dir.0) {
            match sandbox::Pod::adopt(&self.ctx.node, &self.dir.0).await {
                Ok(sandbox) => self.adopt(sandbox).await,
                Err(PodError::Gone { .. }) => {}
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "could not adopt a pod");
                }
            }
        }
        if self.known.sandbox != Sandbox::Ready {
            self.end_lost_runs(clock::now());
        }
        self.take_address();
    }

    fn restore_statuses(&mut self) {
        let status = self.known.pod.status.clone().unwrap_or_default();
        let lists = [
            status.init_container_statuses,
            status.container_statuses,
            status.ephemeral_container_statuses,
        ];
        for status in lists.into_iter().flatten().flatten() {
            if let Some(idx) = self.known.position(&status.name) {
                restore_container(&mut self.known.containers[idx], &status);
            }
        }
    }

    async fn adopt(&mut self, sandbox: sandbox::Pod) {
        let address = sandbox.config().address;
        if self.known.spec().host_network != Some(true) {
            self.ctx.addresses.claim(self.known.uid(), address);
            self.known.address = Some(address);
        }
        self.exits = Some(sandbox.exits());
        let containers = sandbox.containers().await.unwrap_or_default();
        self.sandbox = Some(sandbox);
        self.known.sandbox = Sandbox::Ready;
        for status in &containers {
            self.adopt_run(&status.id, &status.state);
        }
        self.end_lost_runs_except(&containers.iter().map(|it| it.id.as_str()).collect::<Vec<_>>());
    }

    fn adopt_run(&mut self, id: &str, state: &ContainerState) {
        let Some((name, attempt)) = parse_run_id(id) else { return };
        let Some(idx) = self.known.position(name) else { return };
        let container = &mut self.known.containers[idx];
        if attempt < container.attempt {
            return;
        }
        if attempt > container.attempt
            && let Run::Exited(end) = &container.run
        {
            container.last = Some(end.clone());
        }
        container.attempt = attempt;
        let (ContainerState::Running { started_at, .. }
        | ContainerState::Exited { started_at, .. }) = state;
        if container.exited().is_none() || matches!(state, ContainerState::Running { .. }) {
            plan::started(container, *started_at);
            // The hook ran when the container started, in another life of ours.
            if let Some(running) = container.running_mut() {
                running.post_start = crate::state::Hook::Done;
            }
        }
        if let ContainerState::Exited { exit, .. } = state {
            self.end_run(id, exit);
        }
    }

    fn end_lost_runs(&mut self, now: Timestamp) {
        for container in &mut self.known.containers {
            if container.is_alive() {
                end_lost(container, now);
            }
        }
    }

    fn end_lost_runs_except(&mut self, found: &[&str]) {
        let now = clock::now();
        for idx in 0..self.known.containers.len() {
            let id = self.present_run(idx);
            if self.known.containers[idx].is_alive() && !found.contains(&id.as_str()) {
                end_lost(&mut self.known.containers[idx], now);
            }
        }
    }
}

fn end_lost(container: &mut Container, now: Timestamp) {
    let started_at = container.running().map(|it| it.started_at);
    container.end(Terminated {
        exit_code: LOST_CODE,
        reason: LOST_REASON.to_owned(),
        message: LOST_MESSAGE.to_owned(),
        started_at,
        finished_at: Some(now),
        container_id: String::new(),
        image_id: String::new(),
    });
}

fn restore_container(container: &mut Container, status: &ContainerStatus) {
    container.attempt = u32::try_from(status.restart_count).unwrap_or(0);
    let image_id = &status.image_id;
    let last = status.last_state.as_ref().and_then(|it| it.terminated.as_ref());
    container.last = last.map(|it| restore_end(it, image_id));
    let state = status.state.clone().unwrap_or_default();
    if let Some(end) = &state.terminated {
        container.run = Run::Exited(restore_end(end, image_id));
    } else if let Some(running) = &state.running {
        container.image = ImageStep::Ready(image_id.clone());
        let started_at = running.started_at.as_ref().map(|it| it.0);
        plan::started(container, started_at.unwrap_or_else(clock::now));
        if let Some(running) = container.running_mut() {
            running.post_start = crate::state::Hook::Done;
        }
    } else if let Some(last) = container.last.clone().filter(|_| state.waiting.is_some()) {
        // It waits to be restarted: its run has ended and none has begun.
        container.run = Run::Exited(last);
        container.last = None;
    }
}

fn restore_end(end: &ContainerStateTerminated, image_id: &str) -> Terminated {
    Terminated {
        exit_code: end.exit_code,
        reason: end.reason.clone().unwrap_or_default(),
        message: end.message.clone().unwrap_or_default(),
        started_at: end.started_at.as_ref().map(|it| it.0),
        finished_at: end.finished_at.as_ref().map(|it| it.0),
        container_id: end.container_id.clone().unwrap_or_default(),
        image_id: image_id.to_owned(),
    }
}
