//! Volumes as values: what each kind is made of, and the files of those that show API objects.

use std::{collections::BTreeMap, path::PathBuf};

use k8s_openapi::api::core::v1::{
    ConfigMap, DownwardAPIVolumeFile, KeyToPath, Pod, PodSpec, Secret,
    ServiceAccountTokenProjection, Volume, VolumeProjection,
};

use crate::{
    environment::Sources,
    fields::{self, Addresses, FieldError},
    resources::{self, Machine, ResourceFieldError},
};

const MODE_DEFAULT: u32 = 0o644;
const TOKEN_SECONDS_DEFAULT: i64 = 3600;

/// What a volume is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An empty folder on disk.
    Empty,
    /// A tmpfs; 0 is no limit of its own.
    Memory { size_bytes: u64 },
    /// A path of the machine, with its `type`: empty, `DirectoryOrCreate`, `File` and so on.
    Host { path: PathBuf, kind: String },
    /// A PersistentVolumeClaim of the pod's namespace.
    Claim { name: String, is_read_only: bool },
    /// Files made of API objects: [`files`].
    Files,
    /// With the field's name.
    Unsupported(String),
}

/// Says what a volume of this pod is.
pub(crate) fn kind(pod: &Pod, volume: &Volume) -> Kind {
    if let Some(empty) = &volume.empty_dir {
        return match empty.medium.as_deref() {
            None | Some("") => Kind::Empty,
            Some("Memory") => Kind::Memory {
                size_bytes: empty.size_limit.as_ref().and_then(resources::whole).unwrap_or(0),
            },
            Some(other) => Kind::Unsupported(format!("emptyDir with medium `{other}`")),
        };
    }
    if let Some(host) = &volume.host_path {
        let kind = host.type_.clone().unwrap_or_default();
        return Kind::Host { path: PathBuf::from(&host.path), kind };
    }
    if let Some(claim) = &volume.persistent_volume_claim {
        let is_read_only = claim.read_only == Some(true);
        return Kind::Claim { name: claim.claim_name.clone(), is_read_only };
    }
    if volume.ephemeral.is_some() {
        let pod = pod.metadata.name.as_deref().unwrap_or_default();
        return Kind::Claim { name: format!("{pod}-{}", volume.name), is_read_only: false };
    }
    let shows_objects = volume.config_map.is_some()
        || volume.secret.is_some()
        || volume.downward_api.is_some()
        || volume.projected.is_some();
    if shows_objects { Kind::Files } else { Kind::Unsupported(field_name(volume)) }
}

/// The field that says what the volume is, as the manifest spells it.
fn field_name(volume: &Volume) -> String {
    let value = serde_json::to_value(volume).unwrap_or_default();
    let mut fields = value.as_object().into_iter().flat_map(|it| it.keys());
    fields.find(|it| *it != "name").cloned().unwrap_or_else(|| "none".to_owned())
}

/// The API objects that a pod reads, by name; the tokens it is to be given, by volume and path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) config_maps: Vec<String>,
    pub(crate) secrets: Vec<String>,
    pub(crate) claims: Vec<String>,
    pub(crate) tokens: Vec<TokenNeed>,
}

/// A service account token to ask for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TokenNeed {
    /// `None` is the API server's own.
    pub(crate) audience: Option<String>,
    pub(crate) expiration_s: i64,
}

impl TokenNeed {
    fn of(projection: &ServiceAccountTokenProjection) -> Self {
        Self {
            audience: projection.audience.clone().filter(|it| !it.is_empty()),
            expiration_s: projection.expiration_seconds.unwrap_or(TOKEN_SECONDS_DEFAULT),
        }
    }
}

/// Lists what a pod's volumes and environment read from the API, each once, sorted.
pub(crate) fn needs(pod: &Pod) -> Needs {
    let mut needs = Needs::default();
    let Some(spec) = &pod.spec else { return needs };
    for volume in spec.volumes.iter().flatten() {
        needs.config_maps.extend(volume.config_map.iter().map(|it| it.name.clone()));
        needs.secrets.extend(volume.secret.iter().filter_map(|it| it.secret_name.clone()));
        let sources = volume.projected.iter().flat_map(|it| it.sources.iter().flatten());
        for source in sources {
            needs.config_maps.extend(source.config_map.iter().map(|it| it.name.clone()));
            needs.secrets.extend(source.secret.iter().map(|it| it.name.clone()));
            needs.tokens.extend(source.service_account_token.iter().map(TokenNeed::of));
        }
        if let Kind::Claim { name, .. } = kind(pod, volume) {
            needs.claims.push(name);
        }
    }
    environment_needs(&mut needs, spec);
    needs.secrets.extend(spec.image_pull_secrets.iter().flatten().map(|it| it.name.clone()));
    for names in [&mut needs.config_maps, &mut needs.secrets, &mut needs.claims] {
        names.sort();
        names.dedup();
    }
    needs.tokens.sort();
    needs.tokens.dedup();
    needs
}

fn environment_needs(needs: &mut Needs, spec: &PodSpec) {
    for container in spec.init_containers.iter().flatten().chain(&spec.containers) {
        for source in container.env_from.iter().flatten() {
            needs.config_maps.extend(source.config_map_ref.iter().map(|it| it.name.clone()));
            needs.secrets.extend(source.secret_ref.iter().map(|it| it.name.clone()));
        }
        for source in container.env.iter().flatten().filter_map(|it| it.value_from.as_ref()) {
            needs.config_maps.extend(source.config_map_key_ref.iter().map(|it| it.name.clone()));
            needs.secrets.extend(source.secret_key_ref.iter().map(|it| it.name.clone()));
        }
    }
}

/// One file of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) content: Vec<u8>,
    pub(crate) mode: u32,
}

/// The files of a volume by relative path.
pub(crate) type Files = BTreeMap<String, File>;

/// Why a volume's files cannot be made; the text follows `MountVolume.SetUp failed for volume …`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum FilesError {
    #[error("configmap \"{0}\" not found")]
    NoConfigMap(String),
    #[error("secret \"{0}\" not found")]
    NoSecret(String),
    #[error("{kind} references non-existent {kind} key: {key}")]
    NoKey { kind: &'static str, key: String },
    #[error("no token was given for the service account")]
    NoToken,
    #[error("{0}")]
    Field(FieldError),
    #[error("{0}")]
    Resource(ResourceFieldError),
    #[error("path `{0}` must be relative and stay inside its volume")]
    Leaves(String),
    #[error("projected source `{0}` is not supported")]
    Unsupported(String),
}

/// What the files of a volume may show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) pod: &'a Pod,
    pub(crate) sources: &'a Sources,
    pub(crate) tokens: &'a BTreeMap<TokenNeed, String>,
    pub(crate) addresses: Addresses,
    pub(crate) machine: &'a Machine,
}

/// Makes the files of a volume of [`Kind::Files`].
pub(crate) fn files(volume: &Volume, shown: &Shown<'_>) -> Result<Files, FilesError> {
    let mut files = Files::new();
    if let Some(it) = &volume.config_map {
        let mode = mode(it.default_mode);
        let is_optional = it.optional == Some(true);
        let from = config_map(shown.sources, &it.name, is_optional)?;
        add_config_map(&mut files, from, it.items.as_deref(), mode, is_optional)?;
    } else if let Some(it) = &volume.secret {
        let mode = mode(it.default_mode);
        let is_optional = it.optional == Some(true);
        let name = it.secret_name.as_deref().unwrap_or_default();
        let from = secret(shown.sources, name, is_optional)?;
        add_secret(&mut files, from, it.items.as_deref(), mode, is_optional)?;
    } else if let Some(it) = &volume.downward_api {
        add_downward(&mut files, it.items.as_deref(), mode(it.default_mode), shown)?;
    } else if let Some(it) = &volume.projected {
        for source in it.sources.iter().flatten() {
            add_projection(&mut files, source, mode(it.default_mode), shown)?;
        }
    }
    let leaves = |path: &&String| path.starts_with('/') || path.split('/').any(|it| it == "..");
    match files.keys().find(leaves) {
        Some(path) => Err(FilesError::Leaves(path.clone())),
        None => Ok(files),
    }
}

fn mode(mode: Option<i32>) -> u32 {
    mode.and_then(|it| u32::try_from(it).ok()).unwrap_or(MODE_DEFAULT) & 0o777
}

fn config_map<'a>(
    sources: &'a Sources,
    name: &str,
    is_optional: bool,
) -> Result<Option<&'a ConfigMap>, FilesError> {
    match sources.config_maps.get(name) {
        None if !is_optional => Err(FilesError::NoConfigMap(name.to_owned())),
        found => Ok(found),
    }
}

fn secret<'a>(
    sources: &'a Sources,
    name: &str,
    is_optional: bool,
) -> Result<Option<&'a Secret>, FilesError> {
    match sources.secrets.get(name) {
        None if !is_optional => Err(FilesError::NoSecret(name.to_owned())),
        found => Ok(found),
    }
}

fn add_config_map(
    files: &mut Files,
    from: Option<&ConfigMap>,
    items: Option<&[KeyToPath]>,
    mode: u32,
    is_optional: bool,
) -> Result<(), FilesError> {
    let mut content: BTreeMap<&str, &[u8]> = BTreeMap::new();
    if let Some(from) = from {
        let text = from.data.iter().flatten().map(|(key, it)| (key.as_str(), it.as_bytes()));
        let bytes = from.binary_data.iter().flatten().map(|(key, it)| (key.as_str(), &it.0[..]));
        content.extend(text.chain(bytes));
    }
    add_items(files, &content, items, mode, (is_optional, "configmap"))
}

fn add_secret(
    files: &mut Files,
    from: Option<&Secret>,
    items: Option<&[KeyToPath]>,
    mode: u32,
    is_optional: bool,
) -> Result<(), FilesError> {
    let data = from.and_then(|it| it.data.as_ref()).into_iter().flatten();
    let content = data.map(|(key, it)| (key.as_str(), &it.0[..])).collect();
    add_items(files, &content, items, mode, (is_optional, "secret"))
}

/// Adds every key, or those that `items` names, at their paths.
fn add_items(
    files: &mut Files,
    content: &BTreeMap<&str, &[u8]>,
    items: Option<&[KeyToPath]>,
    default_mode: u32,
    (is_optional, kind): (bool, &'static str),
) -> Result<(), FilesError> {
    let Some(items) = items.filter(|it| !it.is_empty()) else {
        let all = content.iter().map(|(key, bytes)| {
            ((*key).to_owned(), File { content: bytes.to_vec(), mode: default_mode })
        });
        files.extend(all);
        return Ok(());
    };
    for item in items {
        let Some(bytes) = content.get(item.key.as_str()) else {
            if is_optional {
                continue;
            }
            return Err(FilesError::NoKey { kind, key: item.key.clone() });
        };
        let mode = item.mode.map_or(default_mode, |it| mode(Some(it)));
        files.insert(item.path.clone(), File { content: bytes.to_vec(), mode });
    }
    Ok(())
}

fn add_downward(
    files: &mut Files,
    items: Option<&[DownwardAPIVolumeFile]>,
    default_mode: u32,
    shown: &Shown<'_>,
) -> Result<(), FilesError> {
    for item in items.unwrap_or_default() {
        let text = match (&item.field_ref, &item.resource_field_ref) {
            (Some(field), _) => fields::value(shown.pod, shown.addresses, &field.field_path)
                .map_err(FilesError::Field)?,
            (None, Some(field)) => {
                let name = field.container_name.as_deref().unwrap_or_default();
                let spec = shown.pod.spec.as_ref();
                let container =
                    spec.and_then(|it| resources::container(it, name)).ok_or_else(|| {
                        FilesError::Resource(ResourceFieldError::NoContainer(name.to_owned()))
                    })?;
                resources::resource_field(field, container, shown.machine)
                    .map_err(FilesError::Resource)?
            }
            (None, None) => String::new(),
        };
        let mode = item.mode.map_or(default_mode, |it| mode(Some(it)));
        files.insert(item.path.clone(), File { content: text.into_bytes(), mode });
    }
    Ok(())
}

fn add_projection(
    files: &mut Files,
    source: &VolumeProjection,
    mode: u32,
    shown: &Shown<'_>,
) -> Result<(), FilesError> {
    if let Some(it) = &source.config_map {
        let is_optional = it.optional == Some(true);
        let from = config_map(shown.sources, &it.name, is_optional)?;
        add_config_map(files, from, it.items.as_deref(), mode, is_optional)
    } else if let Some(it) = &source.secret {
        let is_optional = it.optional == Some(true);
        let from = secret(shown.sources, &it.name, is_optional)?;
        add_secret(files, from, it.items.as_deref(), mode, is_optional)
    } else if let Some(it) = &source.downward_api {
        add_downward(files, it.items.as_deref(), mode, shown)
    } else if let Some(it) = &source.service_account_token {
        let token = shown.tokens.get(&TokenNeed::of(it)).ok_or(FilesError::NoToken)?;
        // With a group of its own the file need not be open to everyone.
        let security = shown.pod.spec.as_ref().and_then(|it| it.security_context.as_ref());
        let has_group = security.is_some_and(|it| it.fs_group.is_some());
        let mode = if has_group { 0o600 } else { mode };
        files.insert(it.path.clone(), File { content: token.clone().into_bytes(), mode });
        Ok(())
    } else {
        let kind = if source.cluster_trust_bundle.is_some() {
            "clusterTrustBundle"
        } else {
            "podCertificate"
        };
        Err(FilesError::Unsupported(kind.to_owned()))
    }
}

#[cfg(test)]
#[path = "volume/tests.rs"]
mod tests;
