//! Carries out a worker's actions; each answers with an event.

use std::{path::Path, sync::Arc};

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};
use sandbox::{PodConfig, PodError, StartError};
use serde_json::{Value, json};

use super::{Event, HookKind, StartFailure, Worker};
use crate::{
    check::{self, Target},
    clock,
    container::{self, Image, Parts},
    disk, environment,
    environment::Facts,
    images, mount, names, objects,
    plan::TERM,
    probe::ProbeKind,
    text::chain,
    volume::{self, Kind},
};

/// Logs of runs before the last one are removed.
const LOGS_KEPT: u32 = 2;

/// The id of a run in the sandbox.
pub(super) fn run_id(name: &str, attempt: u32) -> String {
    format!("{name}.{attempt}")
}

/// The container and attempt that a run's id names.
pub(super) fn parse_run_id(id: &str) -> Option<(&str, u32)> {
    let (name, attempt) = id.rsplit_once('.')?;
    Some((name, attempt.parse().ok()?))
}

impl Worker {
    pub(super) fn create_sandbox(&mut self) {
        self.take_address();
        self.note_unsupported();
        let config = self.sandbox_config();
        let node = self.ctx.node.clone();
        self.tasks.spawn(async move {
            let made = match config {
                Ok(config) => make_sandbox(&node, &config).await,
                Err(message) => Err(message),
            };
            Event::SandboxMade(made)
        });
    }

    fn sandbox_config(&self) -> Result<PodConfig, String> {
        let spec = self.known.spec();
        let is_on_host = spec.host_network == Some(true);
        if let Some(feature) = unsupported(&self.known.pod) {
            return Err(format!("{feature} is not supported"));
        }
        let volumes = spec.volumes.iter().flatten();
        let memory_volumes = volumes.filter_map(|it| match volume::kind(&self.known.pod, it) {
            Kind::Memory { size_bytes } => Some((it.name.clone(), size_bytes)),
            _ => None,
        });
        let memory_volumes = memory_volumes.collect();
        let security = spec.security_context.as_ref();
        let sysctls = security.and_then(|it| it.sysctls.as_ref()).into_iter().flatten();
        let sysctls = sysctls.map(|it| (it.name.clone(), it.value.clone())).collect();
        let share_process_namespace = spec.share_process_namespace == Some(true);
        let hostname = names::host_name(&self.known.pod, &self.ctx.workshop.dns.domain).name;
        let id = self.known.uid().to_owned();
        let address = if is_on_host {
            self.ctx.host_address
        } else {
            self.known.address.ok_or("no address of the pod network is free")?
        };
        Ok(PodConfig {
            id,
            hostname,
            address,
            dir: self.dir.0.clone(),
            sysctls,
            memory_volumes,
            share_process_namespace,
            host_network: is_on_host,
        })
    }

    pub(super) fn mount_volumes(&mut self, now: jiff::Timestamp) {
        let site = mount::Site {
            workshop: self.ctx.workshop.clone(),
            pod: Arc::clone(&self.known.pod),
            addresses: self.addresses(),
            dir: self.dir.clone(),
            now,
        };
        let before = self.prepared.clone();
        self.is_stale = false;
        self.tasks.spawn(async move {
            Event::Prepared(mount::prepare(&site, before).await.map(Box::new))
        });
    }

    pub(super) fn resolve_image(&mut self, idx: usize) {
        let container = &self.known.containers[idx].spec;
        let image = container.image.clone().unwrap_or_default();
        let policy =
            container.image_pull_policy.clone().unwrap_or_else(|| "IfNotPresent".to_owned());
        let ctx = Arc::clone(&self.ctx);
        let namespace = self.known.pod.metadata.namespace.clone().unwrap_or_default();
        let secrets = self.known.spec().image_pull_secrets.iter().flatten();
        let secrets: Vec<String> = secrets.map(|it| it.name.clone()).collect();
        let is_pulled = !ctx.images.is_present(&image) && policy != "Never";
        if is_pulled && image.parse::<oci::Reference>().is_ok() {
            self.note_pulling(idx, &image);
        }
        let recorder = self.note_taker(None);
        self.tasks.spawn(async move {
            let secrets = if is_pulled { secrets } else { vec![] };
            let (credentials, useless) =
                objects::pull_credentials(&ctx.client, &namespace, &secrets).await;
            if !useless.is_empty() {
                let names = useless.join(", ");
                recorder.warn(
                    "FailedToRetrieveImagePullSecret",
                    format!("Unable to retrieve some image pull secrets ({names}); attempting to pull the image may not succeed."),
                );
            }
            let request = images::Request { image, policy, credentials };
            Event::Image(idx, ctx.images.resolve(&request).await)
        });
    }

    pub(super) fn start(&mut self, idx: usize) {
        let Some(start) = self.start_of(idx) else {
            let gone = StartFailure::SandboxGone("the pod has no sandbox".to_owned());
            self.tasks.spawn(async move { Event::Started(idx, Err(gone)) });
            return;
        };
        self.tasks.spawn(async move { Event::Started(idx, start.run().await) });
    }

    fn start_of(&self, idx: usize) -> Option<Start> {
        let container = &self.known.containers[idx];
        Some(Start {
            ctx: Arc::clone(&self.ctx),
            pod: Arc::clone(&self.known.pod),
            container: Arc::clone(&container.spec),
            attempt: container.attempt,
            image: Arc::clone(self.images.get(&idx)?),
            sandbox: self.sandbox.clone()?,
            dir: self.dir.clone(),
            prepared: self.prepared.clone(),
            addresses: self.addresses(),
        })
    }

    /// Runs the hook of a container when it has one of this kind.
    pub(super) fn run_hook(&mut self, idx: usize, kind: HookKind) {
        let container = &self.known.containers[idx];
        let lifecycle = container.spec.lifecycle.as_ref();
        let handler = lifecycle.and_then(|it| match kind {
            HookKind::PostStart => it.post_start.clone(),
            HookKind::PreStop => it.pre_stop.clone(),
        });
        let is_wanted = kind == HookKind::PostStart || container.is_in_pre_stop();
        let attempt = container.attempt;
        let (Some(handler), Some(target), true) = (handler, self.target(idx), is_wanted) else {
            return;
        };
        self.tasks.spawn(async move {
            Event::HookEnded(idx, attempt, kind, check::hook(&target, &handler).await)
        });
    }

    pub(super) fn probe(&mut self, idx: usize, kind: ProbeKind) {
        let container = &self.known.containers[idx];
        let attempt = container.attempt;
        let probe = kind.of(&container.spec).cloned();
        let (Some(probe), Some(target)) = (probe, self.target(idx)) else { return };
        self.tasks.spawn(async move {
            Event::Probed(idx, attempt, kind, check::probe(&target, &probe).await)
        });
    }

    fn target(&self, idx: usize) -> Option<Target> {
        let container = &self.known.containers[idx];
        let is_on_host = self.known.spec().host_network == Some(true);
        let address = self.known.address.filter(|_| !is_on_host).unwrap_or(self.ctx.host_address);
        Some(Target {
            node: self.ctx.node.clone(),
            pod: self.sandbox.clone()?,
            address,
            container_id: run_id(&container.spec.name, container.attempt),
            container: Arc::clone(&container.spec),
        })
    }

    /// `SIGTERM` means the signal that the image asks for.
    pub(super) fn signal(&mut self, idx: usize, signal: i32) {
        let container = &self.known.containers[idx];
        let id = run_id(&container.spec.name, container.attempt);
        let stop_signal = self.images.get(&idx).map(|it| it.config.stop_signal.as_str());
        let signal = if signal == TERM {
            stop_signal.and_then(signal_number).unwrap_or(TERM)
        } else {
            signal
        };
        let Some(sandbox) = self.sandbox.clone() else { return };
        self.tasks.spawn(async move {
            match sandbox.signal(&id, signal).await {
                Ok(()) | Err(PodError::NotRunning { .. } | PodError::NoSuchContainer { .. }) => {}
                Err(error) => {
                    tracing::warn!(%id, signal, error = %chain(&error), "could not signal");
                }
            }
            Event::Nothing
        });
    }

    pub(super) fn destroy_sandbox(&mut self) {
        let sandbox = self.sandbox.take();
        self.tasks.spawn(async move {
            let destroyed = match sandbox {
                Some(sandbox) => sandbox.destroy().await.map_err(|it| chain(&it)),
                None => Ok(()),
            };
            Event::SandboxDestroyed(destroyed)
        });
    }

    pub(super) fn patch_status(&mut self, status: Value) {
        let (api, name) = self.pod_api();
        let body = status_patch(self.known.uid(), &self.writer.sent, &status);
        self.tasks.spawn(async move {
            let params = PatchParams { field_manager: manager(), ..PatchParams::default() };
            let result = api.patch_status(&name, &params, &Patch::Strategic(body)).await;
            Event::StatusWritten(status, result.map(drop))
        });
    }

    pub(super) fn delete_pod(&mut self) {
        let (api, name) = self.pod_api();
        let uid = Some(self.known.uid().to_owned());
        let params = DeleteParams::default()
            .grace_period(0)
            .preconditions(Preconditions { resource_version: None, uid });
        self.tasks.spawn(async move { Event::Deleted(api.delete(&name, &params).await.map(drop)) });
    }

    fn pod_api(&self) -> (Api<Pod>, String) {
        let metadata = &self.known.pod.metadata;
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let api = Api::namespaced(self.ctx.client.clone(), namespace);
        (api, metadata.name.clone().unwrap_or_default())
    }

    /// Gives back what the pod had on this node.
    pub(super) async fn clean_up(&mut self) {
        self.tasks.abort_all();
        let dir = self.dir.0.clone();
        let removed = tokio::task::spawn_blocking(move || disk::remove_tree(&dir)).await;
        if let Ok(Err(error)) = removed {
            tracing::warn!(error = %chain(&error), "could not remove a pod's folder");
        }
        self.ctx.addresses.release(self.known.uid());
    }

    pub(super) fn take_address(&mut self) {
        if self.known.address.is_none() && self.known.spec().host_network != Some(true) {
            self.known.address = self.ctx.addresses.take(self.known.uid());
        }
    }
}

fn manager() -> Option<String> {
    Some("kubelet".to_owned())
}

/// What a pod asks for that no sandbox of ours gives.
fn unsupported(pod: &Pod) -> Option<String> {
    let spec = pod.spec.as_ref()?;
    let flags = [
        (spec.host_pid == Some(true), "hostPID"),
        (spec.host_ipc == Some(true), "hostIPC"),
        (spec.host_users == Some(false), "hostUsers: false"),
    ];
    let flag = flags.into_iter().find(|(is_set, _)| *is_set).map(|(_, name)| name.to_owned());
    let runtime = spec.runtime_class_name.as_deref().filter(|it| !it.is_empty());
    flag.or_else(|| runtime.map(|it| format!("runtimeClassName `{it}`")))
}

/// What is left of an earlier sandbox of this pod is taken away first.
async fn make_sandbox(node: &sandbox::Node, config: &PodConfig) -> Result<sandbox::Pod, String> {
    sandbox::Pod::discard(&config.dir).await.map_err(|it| chain(&it))?;
    sandbox::Pod::create(node, config).await.map_err(|it| chain(&it))
}

/// `SIGQUIT`, `QUIT` or `3`.
fn signal_number(name: &str) -> Option<i32> {
    const NAMES: [(&str, i32); 8] = [
        ("HUP", 1),
        ("INT", 2),
        ("QUIT", 3),
        ("KILL", 9),
        ("USR1", 10),
        ("USR2", 12),
        ("TERM", 15),
        ("WINCH", 28),
    ];
    let short = name.strip_prefix("SIG").unwrap_or(name);
    let named = NAMES.iter().find(|(it, _)| *it == short).map(|(_, number)| *number);
    named.or_else(|| short.parse().ok().filter(|it| (1..=64).contains(it)))
}

/// A strategic merge patch from one status to the other: what is gone is null.
fn status_patch(uid: &str, before: &Value, after: &Value) -> Value {
    let mut status = after.as_object().cloned().unwrap_or_default();
    for key in before.as_object().into_iter().flat_map(|it| it.keys()) {
        status.entry(key.clone()).or_insert(Value::Null);
    }
    if let Some(before) = before.as_object() {
        status.retain(|key, value| before.get(key) != Some(value));
    }
    // Conditions are merged one by one: what is not said would stay.
    for condition in
        status.get_mut("conditions").and_then(Value::as_array_mut).into_iter().flatten()
    {
        if let Some(condition) = condition.as_object_mut() {
            for key in ["reason", "message"] {
                condition.entry(key).or_insert(Value::Null);
            }
        }
    }
    json!({"metadata": {"uid": uid}, "status": status})
}

/// Everything that starting one container takes.
struct Start {
    ctx: Arc<super::Context>,
    pod: Arc<Pod>,
    container: Arc<k8s_openapi::api::core::v1::Container>,
    attempt: u32,
    image: Arc<Image>,
    sandbox: sandbox::Pod,
    dir: mount::PodDir,
    prepared: mount::Prepared,
    addresses: crate::fields::Addresses,
}

impl Start {
    async fn run(self) -> Result<jiff::Timestamp, StartFailure> {
        let name = &self.container.name;
        if self.ctx.services.wait_until_ready().await.is_err() {
            return Err(StartFailure::Config("services cannot be read".to_owned()));
        }
        let log_path = self.dir.log(name, self.attempt);
        let termination_log = self.dir.termination_log(name, self.attempt);
        let folder = termination_log.parent().unwrap_or(Path::new("/"));
        disk::make_dir(folder)
            .and_then(|()| disk::make_writable_file(&termination_log))
            .map_err(|it| StartFailure::Run(chain(&it)))?;
        let spec = self
            .spec(&log_path, &termination_log)
            .map_err(|it| StartFailure::Config(chain(&it)))?;
        self.sandbox.start(&spec).await.map_err(|error| match error {
            StartError::Shim { .. } => StartFailure::SandboxGone(chain(&error)),
            _ => StartFailure::Run(chain(&error)),
        })?;
        let started_at = clock::now();
        self.forget_last_run().await;
        Ok(started_at)
    }

    fn spec(
        &self,
        log_path: &Path,
        termination_log: &Path,
    ) -> Result<sandbox::ContainerSpec, container::ContainerError> {
        let namespace = self.pod.metadata.namespace.as_deref().unwrap_or_default();
        let spec = self.pod.spec.as_ref();
        let links = spec.and_then(|it| it.enable_service_links).unwrap_or(true);
        let services = self.ctx.services.state();
        let services =
            environment::service_variables(services.iter().map(AsRef::as_ref), namespace, links);
        let id = run_id(&self.container.name, self.attempt);
        let domain = &self.ctx.workshop.dns.domain;
        container::container_spec(&Parts {
            pod: &self.pod,
            container: &self.container,
            image: &self.image,
            volumes: &self.prepared.mounted,
            files: &self.dir.files(),
            hostname: &names::host_name(&self.pod, domain).name,
            facts: Facts {
                sources: &self.prepared.sources,
                services: &services,
                addresses: self.addresses,
                machine: &self.ctx.workshop.machine,
            },
            id: &id,
            log_path,
            termination_log,
        })
    }

    /// The run before is not needed any more; its log is, and none before that.
    async fn forget_last_run(&self) {
        let name = &self.container.name;
        let Some(last) = self.attempt.checked_sub(1) else { return };
        if let Err(error) = self.sandbox.remove(&run_id(name, last)).await {
            tracing::debug!(error = %chain(&error), "an ended container could not be removed");
        }
        disk::remove_file(&self.dir.termination_log(name, last));
        if let Some(old) = self.attempt.checked_sub(LOGS_KEPT) {
            disk::remove_log(&self.dir.log(name, old));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_patch_has_only_what_changed() {
        let before = json!({"phase": "Pending", "reason": "x", "podIP": "1"});
        let after = json!({"phase": "Running", "podIP": "1"});
        let want =
            json!({"metadata": {"uid": "u"}, "status": {"phase": "Running", "reason": null}});
        assert_eq!(status_patch("u", &before, &after), want);
        assert_eq!(status_patch("u", &Value::Null, &after)["status"], after);
        let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
        let patch = status_patch("u", &Value::Null, &ready);
        let want = json!([{"type": "Ready", "status": "True", "reason": null, "message": null}]);
        assert_eq!(patch["status"]["conditions"], want);
    }

    #[test]
    fn runs_are_named_by_container_and_attempt() {
        assert_eq!(parse_run_id(&run_id("web", 3)), Some(("web", 3)));
        assert_eq!(parse_run_id("web"), None);
    }

    #[test]
    fn stop_signals_are_read_by_name_and_number() {
        assert_eq!(signal_number("SIGQUIT"), Some(3));
        assert_eq!(signal_number("USR1"), Some(10));
        assert_eq!(signal_number("9"), Some(9));
        assert_eq!(signal_number(""), None);
    }
}
