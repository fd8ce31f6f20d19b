//! A container's environment: services, `envFrom`, `env` with its sources.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMap, Container, EnvVar, EnvVarSource, Pod, Secret, Service,
};

use crate::{
    expansion,
    fields::{self, Addresses, FieldError},
    resources::{self, Machine, ResourceFieldError},
};

/// The ConfigMaps and Secrets of one namespace that a pod names, by name; absent ones do not exist.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    pub(crate) config_maps: BTreeMap<String, ConfigMap>,
    pub(crate) secrets: BTreeMap<String, Secret>,
}

/// Why a container's environment cannot be made; each is reported as `CreateContainerConfigError`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnvironmentError {
    #[error("configmap \"{0}\" not found")]
    NoConfigMap(String),
    #[error("secret \"{0}\" not found")]
    NoSecret(String),
    #[error("couldn't find key {key} in {kind} {namespace}/{name}")]
    NoKey { kind: &'static str, namespace: String, name: String, key: String },
    #[error("environment variable {variable}: {cause}")]
    Field { variable: String, cause: FieldError },
    #[error("environment variable {variable}: {cause}")]
    Resource { variable: String, cause: ResourceFieldError },
    #[error("environment variable {0}: fileKeyRef is not supported")]
    FileKey(String),
}

/// Everything outside the pod that its environment may show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) sources: &'a Sources,
    /// From [`service_variables`].
    pub(crate) services: &'a BTreeMap<String, String>,
    pub(crate) addresses: Addresses,
    pub(crate) machine: &'a Machine,
}

/// Makes the variables of one container: those declared in order, then the services' and `envFrom`'s.
///
/// Source: Kubernetes 1.34, `makeEnvironmentVariables`.
pub(crate) fn variables(
    pod: &Pod,
    container: &Container,
    facts: &Facts<'_>,
) -> Result<Vec<(String, String)>, EnvironmentError> {
    let mut known = from_sources(container, facts.sources)?;
    let mut declared = Vec::new();
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (Some(text), _) if !text.is_empty() => Some(expansion::expand(text, |name| {
                known.get(name).or_else(|| facts.services.get(name)).map(String::as_str)
            })),
            (_, Some(source)) => from_source(pod, container, variable, source, facts)?,
            _ => Some(String::new()),
        };
        if let Some(value) = value {
            known.insert(variable.name.clone(), value.clone());
            declared.retain(|(name, _): &(String, String)| *name != variable.name);
            declared.push((variable.name.clone(), value));
        }
    }
    for (name, value) in facts.services {
        known.entry(name.clone()).or_insert_with(|| value.clone());
    }
    for (name, _) in &declared {
        known.remove(name);
    }
    declared.extend(known);
    Ok(declared)
}

fn from_sources(
    container: &Container,
    sources: &Sources,
) -> Result<BTreeMap<String, String>, EnvironmentError> {
    let mut variables = BTreeMap::new();
    for source in container.env_from.iter().flatten() {
        let prefix = source.prefix.as_deref().unwrap_or_default();
        if let Some(reference) = &source.config_map_ref {
            match sources.config_maps.get(&reference.name) {
                Some(config_map) => variables.extend(
                    config_map
                        .data
                        .iter()
                        .flatten()
                        .map(|(key, value)| (format!("{prefix}{key}"), value.clone())),
                ),
                None if reference.optional == Some(true) => {}
                None => return Err(EnvironmentError::NoConfigMap(reference.name.clone())),
            }
        }
        if let Some(reference) = &source.secret_ref {
            match sources.secrets.get(&reference.name) {
                Some(secret) => {
                    variables.extend(secret.data.iter().flatten().map(|(key, value)| {
                        (format!("{prefix}{key}"), String::from_utf8_lossy(&value.0).into_owned())
                    }));
                }
                None if reference.optional == Some(true) => {}
                None => return Err(EnvironmentError::NoSecret(reference.name.clone())),
            }
        }
    }
    Ok(variables)
}

/// Returns `None` for an optional source that is not there.
fn from_source(
    pod: &Pod,
    container: &Container,
    variable: &EnvVar,
    source: &EnvVarSource,
    facts: &Facts<'_>,
) -> Result<Option<String>, EnvironmentError> {
    let name = || variable.name.clone();
    if let Some(field) = &source.field_ref {
        let value = fields::value(pod, facts.addresses, &field.field_path);
        return value
            .map(Some)
            .map_err(|cause| EnvironmentError::Field { variable: name(), cause });
    }
    if let Some(field) = &source.resource_field_ref {
        let other = field.container_name.as_deref().filter(|it| !it.is_empty());
        let of = match (other, &pod.spec) {
            (Some(other), Some(spec)) => resources::container(spec, other)
                .ok_or_else(|| ResourceFieldError::NoContainer(other.to_owned())),
            _ => Ok(container),
        };
        let value = of.and_then(|it| resources::resource_field(field, it, facts.machine));
        return value
            .map(Some)
            .map_err(|cause| EnvironmentError::Resource { variable: name(), cause });
    }
    from_key(pod, variable, source, facts.sources)
}

fn from_key(
    pod: &Pod,
    variable: &EnvVar,
    source: &EnvVarSource,
    sources: &Sources,
) -> Result<Option<String>, EnvironmentError> {
    let (kind, name, key, is_optional, found) = if let Some(it) = &source.config_map_key_ref {
        let config_map = sources.config_maps.get(&it.name);
        let value = config_map.map(|found| found.data.as_ref()?.get(&it.key).cloned());
        ("ConfigMap", &it.name, &it.key, it.optional, value)
    } else if let Some(it) = &source.secret_key_ref {
        let secret = sources.secrets.get(&it.name);
        let value = secret.map(|found| {
            let bytes = found.data.as_ref()?.get(&it.key)?;
            Some(String::from_utf8_lossy(&bytes.0).into_owned())
        });
        ("Secret", &it.name, &it.key, it.optional, value)
    } else {
        return Err(EnvironmentError::FileKey(variable.name.clone()));
    };
    match found {
        Some(Some(value)) => Ok(Some(value)),
        _ if is_optional == Some(true) => Ok(None),
        Some(None) => Err(EnvironmentError::NoKey {
            kind,
            namespace: pod.metadata.namespace.clone().unwrap_or_default(),
            name: name.clone(),
            key: key.clone(),
        }),
        None if kind == "Secret" => Err(EnvironmentError::NoSecret(name.clone())),
        None => Err(EnvironmentError::NoConfigMap(name.clone())),
    }
}

/// Makes `NAME_SERVICE_HOST` and its relatives for the services a pod of `namespace` sees.
///
/// The service `kubernetes` of the namespace `default` is always seen; the others of the pod's own
/// namespace when `links` is true. Headless services have no variables.
/// Source: Kubernetes 1.34, `pkg/kubelet/envvars/envvars.go`.
pub(crate) fn service_variables<'a>(
    services: impl Iterator<Item = &'a Service>,
    namespace: &str,
    links: bool,
) -> BTreeMap<String, String> {
    let mut seen: BTreeMap<&str, &Service> = BTreeMap::new();
    for service in services {
        let name = service.metadata.name.as_deref().unwrap_or_default();
        let home = service.metadata.namespace.as_deref().unwrap_or_default();
        if home == "default" && name == "kubernetes" {
            seen.entry(name).or_insert(service);
        } else if links && home == namespace {
            seen.insert(name, service);
        }
    }
    seen.into_iter().flat_map(|(name, service)| of_service(name, service)).collect()
}

fn of_service(name: &str, service: &Service) -> Vec<(String, String)> {
    let Some(spec) = &service.spec else { return vec![] };
    let Some(host) = spec.cluster_ip.as_deref().filter(|it| !matches!(*it, "" | "None")) else {
        return vec![];
    };
    let ports = spec.ports.as_deref().unwrap_or_default();
    let Some(first) = ports.first() else { return vec![] };
    let prefix = variable_name(name);
    let mut variables = vec![
        (format!("{prefix}_SERVICE_HOST"), host.to_owned()),
        (format!("{prefix}_SERVICE_PORT"), first.port.to_string()),
    ];
    for port in ports {
        if let Some(name) = port.name.as_deref().filter(|it| !it.is_empty()) {
            let name = format!("{prefix}_SERVICE_PORT_{}", variable_name(name));
            variables.push((name, port.port.to_string()));
        }
    }
    for (idx, port) in ports.iter().enumerate() {
        let protocol = port.protocol.as_deref().unwrap_or("TCP");
        let url = format!("{}://{host}:{}", protocol.to_lowercase(), port.port);
        let port_prefix = format!("{prefix}_PORT_{}_{protocol}", port.port);
        if idx == 0 {
            variables.push((format!("{prefix}_PORT"), url.clone()));
        }
        variables.extend([
            (port_prefix.clone(), url),
            (format!("{port_prefix}_PROTO"), protocol.to_lowercase()),
            (format!("{port_prefix}_PORT"), port.port.to_string()),
            (format!("{port_prefix}_ADDR"), host.to_owned()),
        ]);
    }
    variables
}

fn variable_name(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

#[cfg(test)]
#[path = "environment/tests.rs"]
mod tests;
