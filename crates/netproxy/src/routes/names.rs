//! What the cluster's DNS knows: names of Services and endpoints, and addresses back to names.

use std::net::{IpAddr, Ipv4Addr};

use super::{Routes, ServiceRoute};

/// What a name means within the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The name is not ours: ask the machine's resolver.
    Elsewhere,
    /// The name is ours, and there is no such thing.
    Unknown,
    /// Addresses, perhaps none: the name exists but has no address of this family.
    Addresses(Vec<IpAddr>),
    /// Another name that stands for it.
    Alias(String),
    /// Port and target of a service's port.
    Ports(Vec<(u16, String)>),
    /// The name of an address.
    Name(String),
}

impl Routes {
    /// Looks a name up; `domain` is the cluster's, without dots at its ends.
    ///
    /// Source: Kubernetes DNS-Based Service Discovery, version 1.1.0.
    pub(crate) fn lookup(&self, name: &str, domain: &str) -> Answer {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if let Some(reverse) = name.strip_suffix(".in-addr.arpa") {
            return self.lookup_reverse(reverse, domain);
        }
        let Some(within) = name.strip_suffix(domain).and_then(|it| it.strip_suffix('.')) else {
            return Answer::Elsewhere;
        };
        let labels: Vec<&str> = within.split('.').collect();
        match labels.as_slice() {
            ["svc"] | [_, "svc"] => Answer::Addresses(Vec::new()),
            [service, namespace, "svc"] => {
                self.named(namespace, service, |it, _| it.addresses(None))
            }
            [endpoint, service, namespace, "svc"] => {
                self.named(namespace, service, |it, _| it.addresses(Some(endpoint)))
            }
            [port, protocol, service, namespace, "svc"] => {
                let (port, protocol) = (port.strip_prefix('_'), protocol.strip_prefix('_'));
                let (Some(port), Some(protocol)) = (port, protocol) else { return Answer::Unknown };
                let target = format!("{service}.{namespace}.svc.{domain}.");
                self.named(namespace, service, |it, _| it.ports(port, protocol, &target))
            }
            [address, _, "pod"] => match address.replace('-', ".").parse::<Ipv4Addr>() {
                Ok(ip) => Answer::Addresses(vec![IpAddr::V4(ip)]),
                Err(_) => Answer::Unknown,
            },
            _ => Answer::Unknown,
        }
    }

    fn named(
        &self,
        namespace: &str,
        service: &str,
        answer: impl FnOnce(&ServiceRoute, &Self) -> Answer,
    ) -> Answer {
        let key = (namespace.to_owned(), service.to_owned());
        self.services.get(&key).map_or(Answer::Unknown, |it| answer(it, self))
    }

    /// `1.0.96.10` is 10.96.0.1.
    fn lookup_reverse(&self, reverse: &str, domain: &str) -> Answer {
        let forward: Vec<&str> = reverse.split('.').rev().collect();
        let Ok(ip) = forward.join(".").parse::<IpAddr>() else { return Answer::Elsewhere };
        let found = self.services.iter().find(|(_, it)| it.cluster_ip == Some(ip));
        match found {
            Some(((namespace, name), _)) => {
                Answer::Name(format!("{name}.{namespace}.svc.{domain}."))
            }
            None => Answer::Elsewhere,
        }
    }
}

impl ServiceRoute {
    fn addresses(&self, endpoint: Option<&str>) -> Answer {
        if let (None, Some(alias)) = (endpoint, &self.external_name) {
            return Answer::Alias(format!("{}.", alias.trim_end_matches('.')));
        }
        let ips: Vec<IpAddr> = match (endpoint, self.is_headless) {
            (None, false) => self.cluster_ip.into_iter().collect(),
            (None, true) => self.named.iter().map(|it| it.0).collect(),
            (Some(endpoint), _) => {
                let is_named = |it: &&(IpAddr, Option<String>)| {
                    it.1.as_deref() == Some(endpoint) || dashed(it.0) == endpoint
                };
                self.named.iter().filter(is_named).map(|it| it.0).collect()
            }
        };
        if ips.is_empty() { Answer::Unknown } else { Answer::Addresses(ips) }
    }

    fn ports(&self, name: &str, protocol: &str, target: &str) -> Answer {
        let is_asked =
            |it: &&super::PortRoute| it.name == name && it.protocol.eq_ignore_ascii_case(protocol);
        let found: Vec<(u16, String)> =
            self.ports.iter().filter(is_asked).map(|it| (it.number, target.to_owned())).collect();
        if found.is_empty() { Answer::Unknown } else { Answer::Ports(found) }
    }
}

fn dashed(ip: IpAddr) -> String {
    ip.to_string().replace('.', "-")
}
