//! Makes a pod's volumes and its own files on the disk, ready to be mounted.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{PersistentVolume, Pod, Volume};
use kube::Client;
use sandbox::MountSource;

use crate::{
    container::{Mounted, PodFiles},
    disk::{self, Access, DiskError},
    environment::Sources,
    fields::Addresses,
    names::{self, Dns, HostName},
    objects::{self, ReadError, Token},
    resources::Machine,
    text::chain,
    volume::{self, Files, FilesError, Kind, Needs, Shown, TokenNeed},
};

/// The folders of one pod.
#[derive(Debug, Clone)]
pub(crate) struct PodDir(pub(crate) PathBuf);

impl PodDir {
    pub(crate) fn volume(&self, name: &str) -> PathBuf {
        self.0.join("volumes").join(name)
    }

    pub(crate) fn files(&self) -> PodFiles {
        let etc = self.0.join("etc");
        PodFiles {
            hosts: etc.join("hosts"),
            hostname: etc.join("hostname"),
            resolv_conf: etc.join("resolv.conf"),
        }
    }

    pub(crate) fn log(&self, container: &str, attempt: u32) -> PathBuf {
        self.0.join("logs").join(container).join(format!("{attempt}.log"))
    }

    pub(crate) fn termination_log(&self, container: &str, attempt: u32) -> PathBuf {
        self.0.join("termination").join(format!("{container}.{attempt}"))
    }
}

/// What was made for a pod.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prepared {
    pub(crate) mounted: BTreeMap<String, Mounted>,
    pub(crate) sources: Sources,
    pub(crate) tokens: BTreeMap<TokenNeed, Token>,
    /// What was last written into each volume of files.
    pub(crate) written: BTreeMap<String, Files>,
}

/// What every pod's volumes are made with.
#[derive(Clone)]
pub(crate) struct Workshop {
    pub(crate) client: Client,
    pub(crate) machine: Machine,
    pub(crate) dns: Dns,
}

/// Why a volume is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MountError {
    #[error("MountVolume.SetUp failed for volume \"{volume}\" : {}", chain(cause))]
    Files { volume: String, cause: FilesError },
    #[error("MountVolume.SetUp failed for volume \"{volume}\" : {}", chain(cause))]
    Read { volume: String, cause: ReadError },
    #[error("MountVolume.SetUp failed for volume \"{volume}\" : {}", chain(cause))]
    Disk { volume: String, cause: DiskError },
    #[error("volume \"{volume}\" is of a kind that this node does not support: {kind}")]
    Unsupported { volume: String, kind: String },
    #[error("could not read what the pod needs: {}", chain(.0))]
    Needs(ReadError),
    #[error("could not write the pod's files: {}", chain(.0))]
    PodFiles(DiskError),
}

impl MountError {
    pub(crate) fn is_unsupported(&self) -> bool {
        matches!(self, Self::Unsupported { .. })
    }
}

/// Where and when the volumes of one pod are made.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) workshop: Workshop,
    pub(crate) pod: Arc<Pod>,
    pub(crate) addresses: Addresses,
    pub(crate) dir: PodDir,
    pub(crate) now: Timestamp,
}

/// Makes everything that the pod's containers may mount; done again, it changes only what differs.
pub(crate) async fn prepare(site: &Site, mut before: Prepared) -> Result<Prepared, MountError> {
    let Site { workshop, pod, addresses, dir, now } = site;
    let needs = volume::needs(pod);
    write_pod_files(workshop, pod, *addresses, dir).map_err(MountError::PodFiles)?;
    refresh_objects(workshop, pod, &needs, &mut before, *now).await?;
    let volumes = pod.spec.as_ref().and_then(|it| it.volumes.as_deref()).unwrap_or_default();
    for volume in volumes {
        let mounted = site.mount(volume, &mut before).await?;
        before.mounted.insert(volume.name.clone(), mounted);
    }
    Ok(before)
}

async fn refresh_objects(
    workshop: &Workshop,
    pod: &Pod,
    needs: &Needs,
    prepared: &mut Prepared,
    now: Timestamp,
) -> Result<(), MountError> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    prepared.sources =
        objects::sources(&workshop.client, namespace, needs).await.map_err(MountError::Needs)?;
    let is_fresh =
        |it: &&TokenNeed| prepared.tokens.get(it).is_none_or(|token| renew_at(it, token) <= now);
    let wanted: Vec<TokenNeed> = needs.tokens.iter().filter(is_fresh).cloned().collect();
    let tokens =
        objects::tokens(&workshop.client, pod, &wanted).await.map_err(MountError::Needs)?;
    prepared.tokens.extend(tokens);
    Ok(())
}

/// A token is renewed when four fifths of its life are over, or after a day.
///
/// Source: Kubernetes 1.34, `pkg/kubelet/token/token_manager.go`.
pub(crate) fn renew_at(need: &TokenNeed, token: &Token) -> Timestamp {
    let life_s = need.expiration_s.max(0);
    let issued_at = token.expires_at - jiff::SignedDuration::from_secs(life_s);
    issued_at + jiff::SignedDuration::from_secs((life_s * 4 / 5).min(24 * 3600))
}

fn write_pod_files(
    workshop: &Workshop,
    pod: &Pod,
    addresses: Addresses,
    dir: &PodDir,
) -> Result<(), DiskError> {
    let HostName { name, domain } = names::host_name(pod, &workshop.dns.domain);
    let files = dir.files();
    let spec = pod.spec.as_ref();
    let is_on_host = spec.is_some_and(|it| it.host_network == Some(true));
    let address = if is_on_host { Some(addresses.host) } else { addresses.pod };
    disk::make_dir(files.hosts.parent().unwrap_or(&dir.0))?;
    let host_name = HostName { name: name.clone(), domain };
    let hosts = names::hosts(pod, address.unwrap_or(addresses.host), &host_name);
    disk::write(&files.hosts, hosts.as_bytes(), 0o644)?;
    disk::write(&files.hostname, format!("{name}\n").as_bytes(), 0o644)?;
    let resolv_conf = names::resolv_conf(pod, &workshop.dns);
    disk::write(&files.resolv_conf, resolv_conf.as_bytes(), 0o644)
}

impl Site {
    async fn mount(&self, volume: &Volume, prepared: &mut Prepared) -> Result<Mounted, MountError> {
        let disk = |cause| MountError::Disk { volume: volume.name.clone(), cause };
        let path = self.dir.volume(&volume.name);
        match volume::kind(&self.pod, volume) {
            Kind::Empty => {
                disk::make_shared_dir(&path, self.group()).map_err(disk)?;
                Ok(writable(path))
            }
            Kind::Memory { .. } => Ok(Mounted {
                source: MountSource::Memory(volume.name.clone()),
                is_read_only: false,
            }),
            Kind::Host { path, kind } => {
                disk::check_host_path(&path, &kind).map_err(disk)?;
                Ok(writable(path))
            }
            Kind::Claim { name, is_read_only } => self.claim(volume, &name, is_read_only).await,
            Kind::Files => {
                let files = self.files(volume, prepared)?;
                if prepared.written.get(&volume.name) != Some(&files) {
                    disk::write_volume(&path, &files, self.group(), self.now).map_err(disk)?;
                    prepared.written.insert(volume.name.clone(), files);
                }
                let source = MountSource::HostPath(path);
                Ok(Mounted { source, is_read_only: true })
            }
            Kind::Unsupported(kind) => {
                Err(MountError::Unsupported { volume: volume.name.clone(), kind })
            }
        }
    }

    fn files(&self, volume: &Volume, prepared: &Prepared) -> Result<Files, MountError> {
        let tokens = prepared.tokens.iter().map(|(need, it)| (need.clone(), it.text.clone()));
        let shown = Shown {
            pod: &self.pod,
            sources: &prepared.sources,
            tokens: &tokens.collect(),
            addresses: self.addresses,
            machine: &self.workshop.machine,
        };
        let failed = |cause| MountError::Files { volume: volume.name.clone(), cause };
        volume::files(volume, &shown).map_err(failed)
    }

    async fn claim(
        &self,
        volume: &Volume,
        claim: &str,
        is_read_only: bool,
    ) -> Result<Mounted, MountError> {
        let namespace = self.pod.metadata.namespace.as_deref().unwrap_or_default();
        let found = objects::volume_of_claim(&self.workshop.client, namespace, claim)
            .await
            .map_err(|cause| MountError::Read { volume: volume.name.clone(), cause })?;
        let path = path_of(&found).ok_or_else(|| MountError::Unsupported {
            volume: volume.name.clone(),
            kind: "a PersistentVolume that is neither hostPath nor local".to_owned(),
        })?;
        let disk = |cause| MountError::Disk { volume: volume.name.clone(), cause };
        if !disk::is_dir(&path) {
            disk::make_shared_dir(&path, None).map_err(disk)?;
        }
        if let Some(group) = self.group()
            && !is_read_only
            && !disk::belongs_to_group(&path, group)
        {
            disk::give_to_group(&path, group, Access::Write).map_err(disk)?;
        }
        Ok(Mounted { source: MountSource::HostPath(path), is_read_only })
    }

    fn group(&self) -> Option<u32> {
        let security = self.pod.spec.as_ref()?.security_context.as_ref()?;
        security.fs_group.and_then(|it| u32::try_from(it).ok())
    }
}

fn writable(path: PathBuf) -> Mounted {
    Mounted { source: MountSource::HostPath(path), is_read_only: false }
}

fn path_of(volume: &PersistentVolume) -> Option<PathBuf> {
    let spec = volume.spec.as_ref()?;
    let host = spec.host_path.as_ref().map(|it| it.path.as_str());
    let path = host.or_else(|| spec.local.as_ref().map(|it| it.path.as_str()))?;
    Some(Path::new(path).to_owned())
}
