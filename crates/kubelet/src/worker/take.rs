//! How events change what a worker knows.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use sandbox::Exit;
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;

use super::{
    Event, HookKind, ObjectKind, STATUS_RETRY, StartFailure, Worker,
    act::{parse_run_id, run_id},
};
use crate::{
    clock, cri, disk,
    images::{ImageError, Resolved},
    mount::{MountError, Prepared},
    plan,
    probe::{Answer, ProbeKind},
    state::{Failure, Hook, KillStage, Run, Sandbox, Step, Terminated},
    status::container_id,
    text::{chain, duration},
    volume,
};

/// Until these have passed, nothing but a change in the API makes us look again.
const MOUNT_RETRY: SignedDuration = SignedDuration::from_secs(30);
/// What has no watch of ours, tokens among it, is asked for again soon.
const READ_RETRY: SignedDuration = SignedDuration::from_secs(1);
const CONFIG_RETRY: SignedDuration = SignedDuration::from_secs(10);
const SANDBOX_RETRY: SignedDuration = SignedDuration::from_secs(2);
/// Source: Kubernetes 1.34, `pkg/kubelet/container/runtime.go`.
const LAST_WORDS_BYTES_MAX: u64 = 4096;
const LAST_LOG_BYTES_MAX: usize = 2048;
const LAST_LOG_LINES_MAX: usize = 80;
/// As containerd reports a program that could not be run.
const START_ERROR_CODE: i32 = 128;

impl Worker {
    pub(super) fn take(&mut self, event: Event) {
        let now = clock::now();
        tracing::debug!(pod = self.known.uid(), event = event.name());
        match event {
            Event::Pod(pod) => self.take_pod(pod),
            Event::Removed => self.known.is_removed = true,
            Event::Changed(kind, name) => self.take_change(kind, &name),
            Event::SandboxMade(made) => self.take_sandbox(made, now),
            Event::SandboxDestroyed(destroyed) => {
                if let Err(error) = destroyed {
                    self.note_taker(None)
                        .warn("FailedKillPod", format!("error killing pod: {error}"));
                }
                self.exits = None;
                self.known.sandbox = Sandbox::Destroyed;
            }
            Event::Prepared(result) => self.take_prepared(result, now),
            Event::Image(idx, result) => self.take_image(idx, result, now),
            Event::Started(idx, result) => self.take_start(idx, result, now),
            Event::HookEnded(idx, attempt, kind, result) => {
                if self.known.containers[idx].attempt == attempt {
                    self.take_hook(idx, kind, result);
                }
            }
            Event::Probed(idx, attempt, kind, answer) => {
                if self.known.containers[idx].attempt == attempt {
                    self.take_answer(idx, kind, &answer, now);
                }
            }
            Event::StatusWritten(status, result) => self.take_written(status, result, now),
            Event::Deleted(result) => self.take_deleted(result, now),
            Event::Nothing => {}
        }
    }

    fn take_pod(&mut self, pod: Arc<Pod>) {
        self.needs = volume::needs(&pod);
        self.known.update(pod);
    }

    fn take_change(&mut self, kind: ObjectKind, name: &str) {
        let names = match kind {
            ObjectKind::ConfigMap => &self.needs.config_maps,
            ObjectKind::Secret => &self.needs.secrets,
            ObjectKind::Claim => &self.needs.claims,
        };
        if !names.iter().any(|it| it == name) {
            return;
        }
        match self.known.volumes {
            Step::Doing => self.is_stale = true,
            Step::Todo => {}
            // A claim that is mounted stays mounted, whatever is noted on it.
            Step::Done if kind == ObjectKind::Claim => {}
            Step::Done | Step::Failed(_) => self.known.volumes = Step::Todo,
        }
    }

    fn take_sandbox(&mut self, made: Result<sandbox::Pod, String>, now: Timestamp) {
        match made {
            Ok(sandbox) => {
                self.exits = Some(sandbox.exits());
                self.sandbox = Some(sandbox);
                self.known.sandbox = Sandbox::Ready;
            }
            Err(message) => {
                let message = format!("Failed to create pod sandbox: {message}");
                self.note_taker(None).warn("FailedCreatePodSandBox", message.clone());
                let failure = Failure::new("FailedCreatePodSandBox", message, now, SANDBOX_RETRY);
                self.known.sandbox = Sandbox::Failed(failure);
            }
        }
    }

    fn take_prepared(&mut self, result: Result<Box<Prepared>, MountError>, now: Timestamp) {
        match result {
            Ok(prepared) => {
                self.prepared = *prepared;
                self.known.volumes = if self.is_stale { Step::Todo } else { Step::Done };
                self.known.retry(now);
            }
            Err(error) => {
                let reason =
                    if error.is_unsupported() { "UnsupportedVolume" } else { "FailedMount" };
                let message = chain(&error);
                self.note_taker(None).warn("FailedMount", message.clone());
                let delay = match error {
                    _ if self.is_stale => SignedDuration::ZERO,
                    MountError::Needs(_) => READ_RETRY,
                    _ => MOUNT_RETRY,
                };
                self.known.volumes = Step::Failed(Failure::new(reason, message, now, delay));
            }
        }
    }

    fn take_image(&mut self, idx: usize, result: Result<Resolved, ImageError>, now: Timestamp) {
        let notes = self.note_taker(Some(idx));
        let container = &mut self.known.containers[idx];
        let name = container.spec.image.clone().unwrap_or_default();
        match result {
            Ok(resolved) => {
                let message = match resolved.pulled {
                    None => format!("Container image \"{name}\" already present on machine"),
                    Some(pulled) => {
                        let took = duration(pulled.took);
                        format!(
                            "Successfully pulled image \"{name}\" in {took} ({took} including waiting). Image size: {} bytes.",
                            pulled.bytes
                        )
                    }
                };
                notes.normal("Pulled", message);
                plan::image_ready(container, resolved.image.id.clone());
                self.images.insert(idx, resolved.image);
            }
            Err(error) => {
                let message = chain(&error);
                let reason = error.reason();
                match reason {
                    "ErrImageNeverPull" => notes.warn("ErrImageNeverPull", message.clone()),
                    "InvalidImageName" => notes.warn("InspectFailed", message.clone()),
                    _ => {
                        notes.warn("Failed", format!("Failed to pull image \"{name}\": {message}"));
                    }
                }
                notes.warn("Failed", format!("Error: {reason}"));
                plan::image_failed(container, reason, message, now);
            }
        }
    }

    fn take_start(&mut self, idx: usize, result: Result<Timestamp, StartFailure>, now: Timestamp) {
        let notes = self.note_taker(Some(idx));
        let uid = self.known.uid().to_owned();
        let container = &mut self.known.containers[idx];
        let name = container.spec.name.clone();
        // The end of a quick program may be known before its start is.
        let has_ended = matches!(container.run, Run::Exited(_));
        match result {
            Ok(started_at) => {
                notes.normal("Created", format!("Created container: {name}"));
                notes.normal("Started", format!("Started container {name}"));
                if has_ended {
                    if let Run::Exited(end) = &mut container.run {
                        end.started_at = end.started_at.or(Some(started_at));
                    }
                } else {
                    plan::started(container, started_at);
                }
            }
            Err(StartFailure::Config(message)) => {
                notes.warn("Failed", format!("Error: {message}"));
                let failure =
                    Failure::new("CreateContainerConfigError", message, now, CONFIG_RETRY);
                container.run = Run::Waiting(Some(failure));
            }
            Err(StartFailure::Run(message)) => {
                notes.warn("Failed", format!("Error: {message}"));
                let image_id = self.images.get(&idx).map(|it| it.id.clone()).unwrap_or_default();
                container.end(Terminated {
                    exit_code: START_ERROR_CODE,
                    reason: "StartError".to_owned(),
                    message,
                    started_at: None,
                    finished_at: Some(now),
                    container_id: container_id(&uid, &name, container.attempt),
                    image_id,
                });
            }
            Err(StartFailure::SandboxGone(message)) => {
                tracing::warn!(%message, "a pod's shim has ended");
                container.run = Run::Waiting(None);
                self.lose_sandbox();
            }
        }
    }

    /// The shim was killed: everything that ran is reported ended by the sandbox.
    fn lose_sandbox(&mut self) {
        let message = "Pod sandbox changed, it will be killed and re-created.";
        self.note_taker(None).normal("SandboxChanged", message.to_owned());
        self.sandbox = None;
        self.known.sandbox = Sandbox::Absent;
    }

    fn take_hook(&mut self, idx: usize, kind: HookKind, result: Result<(), String>) {
        let notes = self.note_taker(Some(idx));
        let Some(running) = self.known.containers[idx].running_mut() else { return };
        match kind {
            HookKind::PostStart => {
                if result.is_err() {
                    notes.warn("FailedPostStartHook", "PostStartHook failed".to_owned());
                }
                running.post_start = match result {
                    Ok(()) => Hook::Done,
                    Err(message) => Hook::Failed(message),
                };
            }
            HookKind::PreStop => {
                if result.is_err() {
                    notes.warn("FailedPreStopHook", "PreStopHook failed".to_owned());
                }
                if let Some(kill) =
                    running.kill.as_mut().filter(|it| it.stage == KillStage::PreStop)
                {
                    kill.stage = KillStage::ToTerminate;
                }
            }
        }
    }

    fn take_answer(&mut self, idx: usize, kind: ProbeKind, answer: &Answer, now: Timestamp) {
        let notes = self.note_taker(Some(idx));
        let counts = plan::answered(&mut self.known.containers[idx], kind, answer, now);
        if let Answer::Failure(said) = answer
            && counts
        {
            notes.warn("Unhealthy", format!("{} probe failed: {said}", kind.title()));
        }
    }

    fn take_written(&mut self, status: Value, result: Result<(), kube::Error>, now: Timestamp) {
        self.writer.is_writing = false;
        self.writer.retry_at = None;
        match result {
            Ok(()) => self.writer.sent = status,
            // The pod is gone or another one has its name: the watch will tell.
            Err(kube::Error::Api(error)) if matches!(error.code, 404 | 409) => {
                self.writer.sent = status;
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "could not write a pod's status");
                self.writer.retry_at = Some(now + STATUS_RETRY);
            }
        }
    }

    /// The object stays until its finalizers are gone; its removal comes by the watch.
    fn take_deleted(&mut self, result: Result<(), kube::Error>, now: Timestamp) {
        match result {
            Ok(()) => {}
            Err(kube::Error::Api(error)) if matches!(error.code, 404 | 409) => {}
            Err(error) => {
                tracing::warn!(error = %chain(&error), "could not delete a pod");
                self.writer.is_deleting = false;
                self.writer.retry_at = Some(now + STATUS_RETRY);
            }
        }
    }

    pub(super) async fn take_exit(&mut self, exit: Result<(String, Exit), RecvError>) {
        match exit {
            Ok((id, exit)) => self.end_run(&id, &exit),
            Err(RecvError::Closed) => self.exits = None,
            Err(RecvError::Lagged(_)) => self.look_again().await,
        }
    }

    /// Exits were missed: asks for all of them.
    async fn look_again(&mut self) {
        let Some(sandbox) = self.sandbox.clone() else { return };
        for status in sandbox.containers().await.unwrap_or_default() {
            if let sandbox::ContainerState::Exited { exit, .. } = &status.state {
                self.end_run(&status.id, exit);
            }
        }
    }

    /// Takes in that a run has ended; one that is not the present one is old news.
    pub(super) fn end_run(&mut self, id: &str, exit: &Exit) {
        let Some((name, attempt)) = parse_run_id(id) else { return };
        let Some(idx) = self.known.position(name) else { return };
        let container = &self.known.containers[idx];
        if container.attempt != attempt || !container.is_alive() {
            return;
        }
        let policy = container.spec.termination_message_policy.as_deref();
        let reason = match exit {
            _ if exit.oom_killed => "OOMKilled",
            Exit { code: 0, .. } => "Completed",
            _ => "Error",
        };
        let falls_back = policy == Some("FallbackToLogsOnError") && exit.code != 0;
        let (started_at, image_id) = match &container.run {
            Run::Running(running) => (Some(running.started_at), running.image_id.clone()),
            _ => (None, self.images.get(&idx).map(|it| it.id.clone()).unwrap_or_default()),
        };
        let ended = Terminated {
            exit_code: exit.code,
            reason: reason.to_owned(),
            message: self.last_words(name, attempt, falls_back),
            started_at,
            finished_at: Some(exit.finished_at),
            container_id: container_id(self.known.uid(), name, attempt),
            image_id,
        };
        self.known.containers[idx].end(ended);
    }

    fn last_words(&self, name: &str, attempt: u32, falls_back: bool) -> String {
        let said = disk::last_bytes(&self.dir.termination_log(name, attempt), LAST_WORDS_BYTES_MAX);
        if !said.is_empty() || !falls_back {
            return String::from_utf8_lossy(&said).into_owned();
        }
        let log = disk::last_bytes(&self.dir.log(name, attempt), 16 * LAST_WORDS_BYTES_MAX);
        cri::last_words(&log, LAST_LOG_LINES_MAX, LAST_LOG_BYTES_MAX)
    }

    /// The sandbox's id of the present run.
    pub(super) fn present_run(&self, idx: usize) -> String {
        let container = &self.known.containers[idx];
        run_id(&container.spec.name, container.attempt)
    }
}
