//! The addresses and node ports of Services.
//!
//! Source: kubernetes 1.34, `pkg/registry/core/service/storage/alloc.go`, `pkg/registry/core/service/strategy.go`.

use std::{collections::BTreeSet, net::Ipv4Addr};

use kobject::{Resource, meta, validate::FieldError};
use serde_json::{Value, json};

use crate::{
    api::Api,
    config::ServiceNetwork,
    error::{ApiError, invalid},
};

const SERVICES: &str = "/core/services/";

/// Gives a Service what it needs and does not have; refuses what another one has.
///
/// The caller holds the allocation lock until the Service is written.
pub(crate) fn allocate(api: &Api, resource: &Resource, service: Value) -> Result<Value, ApiError> {
    let mut used = Used::default();
    let (entries, _) = api.store.list(SERVICES);
    for other in entries.iter().map(store::Entry::object) {
        if meta::uid(&other) != meta::uid(&service) {
            used.add(&other);
        }
    }
    let name = meta::name(&service).to_owned();
    assign(&api.config.services, used, service)
        .map_err(|error| ApiError::invalid(resource, &name, vec![error]))
}

/// What the other Services have.
#[derive(Clone, Debug, Default)]
struct Used {
    addresses: BTreeSet<Ipv4Addr>,
    ports: BTreeSet<u16>,
}

impl Used {
    fn add(&mut self, service: &Value) {
        let spec = &service["spec"];
        self.addresses.extend(address(&spec["clusterIP"]));
        let ports = spec["ports"].as_array().into_iter().flatten();
        self.ports.extend(ports.filter_map(|it| port(&it["nodePort"])));
        self.ports.extend(port(&spec["healthCheckNodePort"]));
    }
}

fn address(value: &Value) -> Option<Ipv4Addr> {
    value.as_str()?.parse().ok()
}

fn port(value: &Value) -> Option<u16> {
    u16::try_from(value.as_u64()?).ok().filter(|it| *it != 0)
}

fn assign(
    network: &ServiceNetwork,
    mut used: Used,
    mut service: Value,
) -> Result<Value, FieldError> {
    let kind = service["spec"]["type"].as_str().unwrap_or("ClusterIP").to_owned();
    if kind == "ExternalName" {
        return Ok(service);
    }
    assign_address(network, &used, &mut service)?;
    let spec = &mut service["spec"];
    // Nobody knows which addresses a headless service without selector will be given.
    let has_selector = spec["selector"].as_object().is_some_and(|it| !it.is_empty());
    let is_open = spec["clusterIP"] == "None" && !has_selector;
    let (policy, families) = match is_open {
        true => ("RequireDualStack", json!(["IPv4", "IPv6"])),
        false => ("SingleStack", json!(["IPv4"])),
    };
    if spec["ipFamilyPolicy"].is_null() {
        spec["ipFamilyPolicy"] = policy.into();
    }
    spec["ipFamilies"] = families;
    if needs_node_ports(spec, &kind) {
        assign_node_ports(network, &mut used, spec)?;
    } else {
        check_ports(network, &mut used, spec)?;
    }
    let is_local = spec["externalTrafficPolicy"] == "Local";
    if kind == "LoadBalancer" && is_local && port(&spec["healthCheckNodePort"]).is_none() {
        let free = free_port(network, &used)
            .ok_or_else(|| invalid("spec.healthCheckNodePort", 0, "no node port is left"))?;
        spec["healthCheckNodePort"] = free.into();
    }
    Ok(service)
}

fn needs_node_ports(spec: &Value, kind: &str) -> bool {
    kind == "NodePort" || kind == "LoadBalancer" && spec["allocateLoadBalancerNodePorts"] != false
}

fn assign_address(
    network: &ServiceNetwork,
    used: &Used,
    service: &mut Value,
) -> Result<(), FieldError> {
    let wanted = service["spec"]["clusterIP"].as_str().unwrap_or_default().to_owned();
    let found = match wanted.as_str() {
        "None" => wanted,
        "" => {
            let seed = format!("{}/{}", meta::namespace(service), meta::name(service));
            let free = free_address(network, used, &seed);
            free.ok_or_else(|| invalid("spec.clusterIPs", "", "no service address is left"))?
                .to_string()
        }
        text => {
            let refused = |why: &str| {
                let what = format!("failed to allocate IP {text}: {why}");
                invalid("spec.clusterIPs", json!([text]), &what)
            };
            let address: Ipv4Addr = text.parse().map_err(|_| refused("not an IPv4 address"))?;
            if !contains(network, address) {
                let range = format!("{}/{}", network.base, network.prefix_bits);
                return Err(refused(&format!(
                    "the provided IP ({address}) is not in the valid range. The range of valid IPs is {range}"
                )));
            }
            if used.addresses.contains(&address) {
                return Err(refused("provided IP is already allocated"));
            }
            wanted
        }
    };
    service["spec"]["clusterIPs"] = json!([found]);
    service["spec"]["clusterIP"] = found.into();
    Ok(())
}

fn contains(network: &ServiceNetwork, address: Ipv4Addr) -> bool {
    let mask = u32::MAX << (32 - u32::from(network.prefix_bits));
    address.to_bits() & mask == network.base.to_bits() & mask
}

/// A free address in the upper part of the range; the lower 256 are for those who choose theirs.
///
/// The same name finds the same address again as long as it is free.
fn free_address(network: &ServiceNetwork, used: &Used, seed: &str) -> Option<Ipv4Addr> {
    let size = 1_u32 << (32 - u32::from(network.prefix_bits));
    let first = if size > 1024 { 256 } else { 1 };
    let n_addresses = size - first - 1;
    let start = hash(seed) % n_addresses;
    (0..n_addresses)
        .map(|step| first + (start + step) % n_addresses)
        .map(|offset| Ipv4Addr::from_bits(network.base.to_bits() + offset))
        .find(|it| !used.addresses.contains(it))
}

/// FNV-1a.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn free_port(network: &ServiceNetwork, used: &Used) -> Option<u16> {
    (network.node_port_first..=network.node_port_last).find(|it| !used.ports.contains(it))
}

/// Takes the ports that are asked for first, so that none is given away.
fn assign_node_ports(
    network: &ServiceNetwork,
    used: &mut Used,
    spec: &mut Value,
) -> Result<(), FieldError> {
    check_ports(network, used, spec)?;
    for (idx, item) in ports_mut(spec).enumerate() {
        if port(&item["nodePort"]).is_some() {
            continue;
        }
        let field = format!("spec.ports[{idx}].nodePort");
        let free =
            free_port(network, used).ok_or_else(|| invalid(&field, 0, "no node port is left"))?;
        used.ports.insert(free);
        item["nodePort"] = free.into();
    }
    Ok(())
}

/// The same node port may be used for TCP and for UDP of one Service.
fn check_ports(network: &ServiceNetwork, used: &mut Used, spec: &Value) -> Result<(), FieldError> {
    let mut own = BTreeSet::new();
    for (idx, item) in spec["ports"].as_array().into_iter().flatten().enumerate() {
        let Some(wanted) = port(&item["nodePort"]) else { continue };
        let refused = |what: &str| invalid(&format!("spec.ports[{idx}].nodePort"), wanted, what);
        if !(network.node_port_first..=network.node_port_last).contains(&wanted) {
            return Err(refused(&format!(
                "provided port is not in the valid range. The range of valid ports is {}-{}",
                network.node_port_first, network.node_port_last
            )));
        }
        let is_new = own.insert((wanted, item["protocol"].as_str().unwrap_or("TCP").to_owned()));
        if used.ports.contains(&wanted) || !is_new {
            return Err(refused("provided port is already allocated"));
        }
    }
    used.ports.extend(own.into_iter().map(|(port, _)| port));
    Ok(())
}

/// Carries over what an update leaves out, and drops what another type does not have.
pub(crate) fn keep(old: &Value, new: &mut Value) {
    let kind = |service: &Value| service["spec"]["type"].as_str().unwrap_or("ClusterIP").to_owned();
    let (was, is) = (kind(old), kind(new));
    let (old, spec) = (&old["spec"], &mut new["spec"]);
    if is == "ExternalName" {
        if was != "ExternalName" {
            for name in
                ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"]
            {
                if spec[name] == old[name] {
                    remove(spec, name);
                }
            }
        }
        return;
    }
    if was != "ExternalName" && spec["clusterIP"].as_str().unwrap_or_default().is_empty() {
        for name in ["clusterIP", "clusterIPs"] {
            if let Some(value) = old.get(name) {
                spec[name] = value.clone();
            }
        }
    }
    let is_external = |kind: &str| matches!(kind, "NodePort" | "LoadBalancer");
    if is_external(&was) && is_external(&is) {
        keep_node_ports(old, spec);
    }
    if is_external(&was) && is == "ClusterIP" {
        drop_node_ports(old, spec);
    }
    if is == "LoadBalancer"
        && spec["healthCheckNodePort"].is_null()
        && spec["externalTrafficPolicy"] == "Local"
        && let Some(port) = port(&old["healthCheckNodePort"])
    {
        spec["healthCheckNodePort"] = port.into();
    }
}

/// The ports of a Service that may have none; indexing would make the list.
fn ports_mut(spec: &mut Value) -> impl Iterator<Item = &mut Value> {
    spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten()
}

fn keep_node_ports(old: &Value, spec: &mut Value) {
    let same = |left: &Value, right: &Value| {
        left["port"] == right["port"]
            && left["protocol"].as_str().unwrap_or("TCP")
                == right["protocol"].as_str().unwrap_or("TCP")
    };
    for item in ports_mut(spec) {
        if port(&item["nodePort"]).is_some() {
            continue;
        }
        let mut ports = old["ports"].as_array().into_iter().flatten();
        if let Some(kept) = ports.find(|it| same(it, item)).and_then(|it| port(&it["nodePort"])) {
            item["nodePort"] = kept.into();
        }
    }
}

fn drop_node_ports(old: &Value, spec: &mut Value) {
    let had: Vec<u16> = old["ports"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|it| port(&it["nodePort"]))
        .collect();
    for item in ports_mut(spec) {
        if port(&item["nodePort"]).is_some_and(|it| had.contains(&it)) {
            remove(item, "nodePort");
        }
    }
    for name in ["externalTrafficPolicy", "healthCheckNodePort", "allocateLoadBalancerNodePorts"] {
        if spec[name] == old[name] {
            remove(spec, name);
        }
    }
}

fn remove(object: &mut Value, name: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assigned(used: Used, spec: &Value) -> Result<Value, String> {
        let service = json!({ "metadata": { "name": "web", "namespace": "dev" }, "spec": spec });
        assign(&ServiceNetwork::STANDARD, used, service)
            .map(|it| it["spec"].clone())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_service_gets_the_same_free_address_again() {
        let first = assigned(Used::default(), &json!({})).unwrap();
        assert_eq!(first["ipFamilies"], json!(["IPv4"]));
        let again = assigned(Used::default(), &json!({})).unwrap();
        assert_eq!(first, again);
        let taken = Used {
            addresses: address(&first["clusterIP"]).into_iter().collect(),
            ..Used::default()
        };
        assert_ne!(assigned(taken, &json!({})).unwrap()["clusterIP"], first["clusterIP"]);
    }

    #[test]
    fn an_address_may_be_chosen_unless_it_is_taken_or_outside() {
        let spec = json!({ "clusterIP": "10.96.0.10" });
        assert_eq!(assigned(Used::default(), &spec).unwrap()["clusterIPs"], json!(["10.96.0.10"]));
        let used = Used { addresses: [Ipv4Addr::new(10, 96, 0, 10)].into(), ..Used::default() };
        let error = assigned(used, &spec).unwrap_err();
        assert!(error.contains("provided IP is already allocated"), "{error}");
        let error = assigned(Used::default(), &json!({ "clusterIP": "10.97.0.1" })).unwrap_err();
        assert!(error.contains("10.96.0.0/16"), "{error}");
        assert_eq!(
            assigned(Used::default(), &json!({ "clusterIP": "None" })).unwrap()["clusterIP"],
            "None"
        );
    }

    #[test]
    fn node_ports_are_the_first_free_ones() {
        let used = Used { ports: [30000].into(), ..Used::default() };
        let spec = json!({ "type": "NodePort", "ports": [{ "port": 80 }, { "port": 81, "nodePort": 30001 }] });
        let spec = assigned(used, &spec).unwrap();
        assert_eq!(spec["ports"][0]["nodePort"], 30002);
        let spec = json!({ "type": "NodePort", "ports": [{ "port": 80, "nodePort": 80 }] });
        let error = assigned(Used::default(), &spec).unwrap_err();
        assert!(error.contains("30000-32767"), "{error}");
    }

    #[test]
    fn an_update_keeps_what_it_leaves_out() {
        let old = json!({ "spec": {
            "type": "NodePort", "clusterIP": "10.96.9.9", "clusterIPs": ["10.96.9.9"],
            "ports": [{ "port": 80, "nodePort": 30005 }],
        } });
        let mut new = json!({ "spec": { "type": "NodePort", "ports": [{ "port": 80 }] } });
        keep(&old, &mut new);
        assert_eq!(new, old);
        let mut inner = old.clone();
        inner["spec"]["type"] = "ClusterIP".into();
        keep(&old, &mut inner);
        assert_eq!(inner["spec"]["ports"], json!([{ "port": 80 }]));
        assert_eq!(inner["spec"]["clusterIP"], "10.96.9.9");
    }
}
