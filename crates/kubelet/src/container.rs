//! A container as the sandbox starts it, from pod, image and what was mounted.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use k8s_openapi::api::core::v1::{Container, Pod};
use oci::ImageConfig;
use sandbox::{ContainerSpec, Mount, MountSource, Seccomp};

use crate::{
    environment::{self, EnvironmentError, Facts},
    expansion, resources,
    security::{self, ImageUsers, SecurityError},
};

const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const TERMINATION_LOG_DEFAULT: &str = "/dev/termination-log";
/// Generous, but no pod can take all processes of the machine.
const PIDS_MAX: u64 = 32_768;

/// An image that was unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    /// `NAME@DIGEST`.
    pub(crate) id: String,
    pub(crate) config: ImageConfig,
    /// Bottom first.
    pub(crate) layers: Vec<PathBuf>,
    pub(crate) users: ImageUsers,
}

/// A volume as it can be mounted into containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mounted {
    pub(crate) source: MountSource,
    pub(crate) is_read_only: bool,
}

/// Files of the pod that every container sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PodFiles {
    pub(crate) hosts: PathBuf,
    pub(crate) hostname: PathBuf,
    pub(crate) resolv_conf: PathBuf,
}

/// Everything that a container is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) pod: &'a Pod,
    pub(crate) container: &'a Container,
    pub(crate) image: &'a Image,
    /// By the volume's name.
    pub(crate) volumes: &'a BTreeMap<String, Mounted>,
    pub(crate) files: &'a PodFiles,
    pub(crate) hostname: &'a str,
    pub(crate) facts: Facts<'a>,
    pub(crate) id: &'a str,
    pub(crate) log_path: &'a Path,
    /// Where the container's last words are written, on the host.
    pub(crate) termination_log: &'a Path,
}

/// Why a container cannot be described; reported as `CreateContainerConfigError`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContainerError {
    #[error(transparent)]
    Environment(EnvironmentError),
    #[error(transparent)]
    Security(SecurityError),
    #[error("no command specified")]
    NoCommand,
    #[error("no volume named \"{0}\" is mounted")]
    NoVolume(String),
    #[error(
        "failed to expand subPathExpr of volume \"{volume}\": variable `{variable}` is not set"
    )]
    SubPath { volume: String, variable: String },
    #[error("subPath `{0}` must be relative and stay inside its volume")]
    SubPathLeaves(String),
    #[error("{0} is not supported")]
    Unsupported(&'static str),
}

/// Describes a container completely.
pub(crate) fn container_spec(parts: &Parts<'_>) -> Result<ContainerSpec, ContainerError> {
    let Parts { pod, container, image, .. } = *parts;
    refuse_unsupported(container)?;
    let variables = environment::variables(pod, container, &parts.facts)
        .map_err(ContainerError::Environment)?;
    let security =
        security::security(pod, container, &image.users).map_err(ContainerError::Security)?;
    let cgroup = resources::cgroup(container);
    let cwd = [container.working_dir.as_deref(), Some(image.config.working_dir.as_str())]
        .into_iter()
        .flatten()
        .find(|it| !it.is_empty())
        .unwrap_or("/");
    Ok(ContainerSpec {
        id: parts.id.to_owned(),
        layers: image.layers.clone(),
        read_only_root: security.has_read_only_root,
        args: args(container, &image.config, &variables)?,
        cwd: Path::new("/").join(cwd),
        mounts: mounts(parts, &variables)?,
        env: env(parts, &variables, &security.home),
        uid: security.uid,
        gid: security.gid,
        additional_gids: security.additional_gids,
        capabilities: security.capabilities,
        no_new_privileges: security.no_new_privileges,
        privileged: security.is_privileged,
        seccomp: if security.is_confined { Seccomp::RuntimeDefault } else { Seccomp::Unconfined },
        memory_limit_bytes: cgroup.memory_limit_bytes,
        cpu_shares_milli: cgroup.cpu_shares_milli,
        cpu_limit_milli: cgroup.cpu_limit_milli,
        pids_max: Some(PIDS_MAX),
        oom_score_adj: resources::oom_score_adj(pod, container, parts.facts.machine),
        log_path: parts.log_path.to_owned(),
        tty: container.tty == Some(true),
        stdin: container.stdin == Some(true),
        stdin_once: container.stdin_once == Some(true),
    })
}

fn refuse_unsupported(container: &Container) -> Result<(), ContainerError> {
    if container.volume_devices.as_ref().is_some_and(|it| !it.is_empty()) {
        return Err(ContainerError::Unsupported("volumeDevices (a block volume)"));
    }
    let mounts = container.volume_mounts.iter().flatten();
    if mounts.into_iter().any(|it| it.mount_propagation.as_deref() == Some("Bidirectional")) {
        return Err(ContainerError::Unsupported("mountPropagation `Bidirectional`"));
    }
    Ok(())
}

/// The pod's `command` replaces the image's entrypoint and arguments, `args` the arguments alone.
fn args(
    container: &Container,
    config: &ImageConfig,
    variables: &[(String, String)],
) -> Result<Vec<String>, ContainerError> {
    let expanded = |words: &[String]| -> Vec<String> {
        words.iter().map(|it| expansion::expand(it, |name| lookup(variables, name))).collect()
    };
    let command = container.command.as_deref().filter(|it| !it.is_empty());
    let args = container.args.as_deref().filter(|it| !it.is_empty());
    let mut words = match command {
        Some(command) => expanded(command),
        None => config.entrypoint.clone(),
    };
    match (args, command) {
        (Some(args), _) => words.extend(expanded(args)),
        (None, None) => words.extend(config.cmd.iter().cloned()),
        (None, Some(_)) => {}
    }
    if words.is_empty() { Err(ContainerError::NoCommand) } else { Ok(words) }
}

fn lookup<'a>(variables: &'a [(String, String)], name: &str) -> Option<&'a str> {
    variables.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
}

/// The image's variables, then the pod's, which win.
fn env(parts: &Parts<'_>, variables: &[(String, String)], home: &str) -> Vec<(String, String)> {
    let mut env: Vec<(String, String)> = vec![
        ("PATH".to_owned(), PATH_DEFAULT.to_owned()),
        ("HOSTNAME".to_owned(), parts.hostname.to_owned()),
    ];
    if parts.container.tty == Some(true) {
        env.push(("TERM".to_owned(), "xterm".to_owned()));
    }
    let of_image = parts.image.config.env.iter().filter_map(|it| it.split_once('='));
    for (name, value) in of_image {
        set(&mut env, name, value);
    }
    for (name, value) in variables {
        set(&mut env, name, value);
    }
    if lookup(&env, "HOME").is_none() {
        set(&mut env, "HOME", home);
    }
    env
}

fn set(env: &mut Vec<(String, String)>, name: &str, value: &str) {
    match env.iter_mut().find(|(it, _)| it == name) {
        Some((_, old)) => value.clone_into(old),
        None => env.push((name.to_owned(), value.to_owned())),
    }
}

/// The pod's files first, so that a volume may cover them; deeper targets after those above them.
fn mounts(parts: &Parts<'_>, variables: &[(String, String)]) -> Result<Vec<Mount>, ContainerError> {
    let PodFiles { hosts, hostname, resolv_conf } = parts.files;
    let termination_log = parts
        .container
        .termination_message_path
        .as_deref()
        .filter(|it| !it.is_empty())
        .unwrap_or(TERMINATION_LOG_DEFAULT);
    let has_read_only_root =
        parts.container.security_context.as_ref().and_then(|it| it.read_only_root_filesystem);
    let file = |source: &Path, target: &str, read_only: bool| Mount {
        source: MountSource::HostPath(source.to_owned()),
        sub_path: None,
        target: PathBuf::from(target),
        read_only,
    };
    let is_fixed = has_read_only_root == Some(true);
    let mut mounts = vec![
        file(hosts, "/etc/hosts", is_fixed),
        file(hostname, "/etc/hostname", is_fixed),
        file(resolv_conf, "/etc/resolv.conf", is_fixed),
        file(parts.termination_log, termination_log, false),
    ];
    for mount in parts.container.volume_mounts.iter().flatten() {
        let volume = parts
            .volumes
            .get(&mount.name)
            .ok_or_else(|| ContainerError::NoVolume(mount.name.clone()))?;
        let expression = mount.sub_path_expr.as_deref().filter(|it| !it.is_empty());
        let sub_path = match expression {
            Some(expression) => Some(expand_sub_path(&mount.name, expression, variables)?),
            None => mount.sub_path.clone().filter(|it| !it.is_empty()),
        };
        let target = Path::new("/").join(&mount.mount_path);
        mounts.retain(|it| it.target != target);
        mounts.push(Mount {
            source: volume.source.clone(),
            sub_path: sub_path.map(checked_sub_path).transpose()?,
            target,
            read_only: mount.read_only == Some(true) || volume.is_read_only,
        });
    }
    mounts.sort_by_key(|it| it.target.components().count());
    Ok(mounts)
}

fn expand_sub_path(
    volume: &str,
    expression: &str,
    variables: &[(String, String)],
) -> Result<String, ContainerError> {
    let missing =
        expansion::references(expression).into_iter().find(|it| lookup(variables, it).is_none());
    match missing {
        Some(variable) => Err(ContainerError::SubPath {
            volume: volume.to_owned(),
            variable: variable.to_owned(),
        }),
        None => Ok(expansion::expand(expression, |name| lookup(variables, name))),
    }
}

fn checked_sub_path(path: String) -> Result<PathBuf, ContainerError> {
    use std::path::Component;
    let is_inside = Path::new(&path)
        .components()
        .all(|it| matches!(it, Component::Normal(_) | Component::CurDir));
    if is_inside { Ok(PathBuf::from(path)) } else { Err(ContainerError::SubPathLeaves(path)) }
}

#[cfg(test)]
#[path = "container/tests.rs"]
mod tests;
