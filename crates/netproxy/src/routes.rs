//! Where everything goes: a value that is made anew whenever the cluster changes.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use k8s_openapi::api::{
    core::v1::{Service, ServicePort},
    discovery::v1::EndpointSlice,
    networking::v1::Ingress,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

mod ingress;
mod names;

pub(crate) use ingress::IngressMatch;
pub(crate) use names::Answer;

/// `namespace/name` of a Service.
type ServiceKey = (String, String);

/// Everything that routing needs to know of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    services: BTreeMap<ServiceKey, ServiceRoute>,
    by_address: BTreeMap<(IpAddr, u16), (ServiceKey, usize)>,
    by_node_port: BTreeMap<u16, (ServiceKey, usize)>,
    ingresses: Vec<ingress::Rule>,
}

#[derive(Debug)]
struct ServiceRoute {
    cluster_ip: Option<IpAddr>,
    is_headless: bool,
    external_name: Option<String>,
    is_sticky: bool,
    ports: Vec<PortRoute>,
    /// Of every endpoint that DNS may name: address, and hostname when it has one.
    named: Vec<(IpAddr, Option<String>)>,
}

#[derive(Debug)]
struct PortRoute {
    name: String,
    number: u16,
    protocol: String,
    ready: Vec<SocketAddr>,
}

/// The endpoints that may serve a connection now; may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backends<'a> {
    pub(crate) ready: &'a [SocketAddr],
    /// Whether a client keeps its endpoint.
    pub(crate) is_sticky: bool,
}

impl Routes {
    pub(crate) fn new(services: &[Service], slices: &[EndpointSlice], all: &[Ingress]) -> Self {
        let mut routes = Self::default();
        for service in services {
            let key = key_of(&service.metadata);
            let slices = slices.iter().filter(|it| belongs_to(it, &key));
            routes.add_service(key.clone(), service, &slices.collect::<Vec<_>>());
        }
        routes.ingresses = ingress::rules(all);
        routes
    }

    fn add_service(&mut self, key: ServiceKey, service: &Service, slices: &[&EndpointSlice]) {
        let Some(spec) = &service.spec else { return };
        let cluster_ip = spec.cluster_ip.as_ref().and_then(|it| it.parse().ok());
        let mut ports = Vec::new();
        for (port_idx, port) in spec.ports.iter().flatten().enumerate() {
            let number = u16::try_from(port.port).unwrap_or_default();
            if let Some(ip) = cluster_ip {
                self.by_address.insert((ip, number), (key.clone(), port_idx));
            }
            if let Some(node_port) = port.node_port.and_then(|it| u16::try_from(it).ok()) {
                self.by_node_port.insert(node_port, (key.clone(), port_idx));
            }
            ports.push(PortRoute {
                name: port.name.clone().unwrap_or_default(),
                number,
                protocol: protocol_of(port),
                ready: ready_endpoints(port, slices),
            });
        }
        let route = ServiceRoute {
            cluster_ip,
            is_headless: spec.cluster_ip.as_deref() == Some("None"),
            external_name: spec.external_name.clone(),
            is_sticky: spec.session_affinity.as_deref() == Some("ClientIP"),
            ports,
            named: named_endpoints(slices, spec.publish_not_ready_addresses.unwrap_or_default()),
        };
        self.services.insert(key, route);
    }

    /// The Service that has this cluster address, if any.
    pub(crate) fn by_address(&self, address: SocketAddr) -> Option<Backends<'_>> {
        let (key, port_idx) = self.by_address.get(&(address.ip(), address.port()))?;
        self.backends(key, *port_idx)
    }

    pub(crate) fn by_node_port(&self, port: u16) -> Option<Backends<'_>> {
        let (key, port_idx) = self.by_node_port.get(&port)?;
        self.backends(key, *port_idx)
    }

    pub(crate) fn node_ports(&self) -> Vec<u16> {
        self.by_node_port.keys().copied().collect()
    }

    /// A Service's port by name or number.
    pub(crate) fn by_service(
        &self,
        namespace: &str,
        name: &str,
        port: &IntOrString,
    ) -> Option<Backends<'_>> {
        let key = (namespace.to_owned(), name.to_owned());
        let service = self.services.get(&key)?;
        let port_idx = service.ports.iter().position(|it| match port {
            IntOrString::Int(number) => i32::from(it.number) == *number,
            IntOrString::String(name) => it.name == *name,
        })?;
        self.backends(&key, port_idx)
    }

    fn backends(&self, key: &ServiceKey, port_idx: usize) -> Option<Backends<'_>> {
        let service = self.services.get(key)?;
        let port = service.ports.get(port_idx)?;
        Some(Backends { ready: &port.ready, is_sticky: service.is_sticky })
    }
}

fn key_of(metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) -> ServiceKey {
    (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}

fn belongs_to(slice: &EndpointSlice, key: &ServiceKey) -> bool {
    let labels = slice.metadata.labels.as_ref();
    slice.metadata.namespace.as_ref() == Some(&key.0)
        && labels.and_then(|it| it.get("kubernetes.io/service-name")) == Some(&key.1)
}

fn protocol_of(port: &ServicePort) -> String {
    port.protocol.clone().unwrap_or_else(|| "TCP".to_owned())
}

/// Ready endpoints of a port, in a stable order; those that end are used when there is no other.
///
/// Source: KEP-1669, "Proxy Terminating Endpoints".
fn ready_endpoints(port: &ServicePort, slices: &[&EndpointSlice]) -> Vec<SocketAddr> {
    let (mut ready, mut terminating) = (Vec::new(), Vec::new());
    for slice in slices {
        let found = slice.ports.iter().flatten().find(|it| {
            it.name.as_deref().unwrap_or_default() == port.name.as_deref().unwrap_or_default()
        });
        let number = found.and_then(|it| it.port).and_then(|it| u16::try_from(it).ok());
        let Some(number) = number else { continue };
        for endpoint in &slice.endpoints {
            let conditions = endpoint.conditions.clone().unwrap_or_default();
            let addresses = endpoint.addresses.iter().filter_map(|it| it.parse().ok());
            let addresses = addresses.map(|ip| SocketAddr::new(ip, number));
            if conditions.ready.unwrap_or(true) {
                ready.extend(addresses);
            } else if conditions.serving.unwrap_or_default() {
                terminating.extend(addresses);
            }
        }
    }
    let mut found = if ready.is_empty() { terminating } else { ready };
    found.sort_unstable();
    found.dedup();
    found
}

fn named_endpoints(
    slices: &[&EndpointSlice],
    publishes_not_ready: bool,
) -> Vec<(IpAddr, Option<String>)> {
    let mut named = Vec::new();
    for endpoint in slices.iter().flat_map(|it| &it.endpoints) {
        let is_ready = endpoint.conditions.as_ref().is_none_or(|it| it.ready.unwrap_or(true));
        if is_ready || publishes_not_ready {
            let addresses = endpoint.addresses.iter().filter_map(|it| it.parse().ok());
            named.extend(addresses.map(|ip| (ip, endpoint.hostname.clone())));
        }
    }
    named.sort_unstable();
    named
}

#[cfg(test)]
mod tests;
