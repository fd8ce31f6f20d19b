//! What a pod calls itself and others: host name, `/etc/hosts`, `resolv.conf`.

use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::{Pod, PodDNSConfig, PodSpec};

/// Linux limits a host name to 64 bytes; DNS labels to 63.
const HOSTNAME_BYTES_MAX: usize = 63;
/// glibc and musl read no more.
const NAMESERVERS_MAX: usize = 3;
const SEARCHES_MAX: usize = 32;

/// The pod's host name, and its domain when it has a subdomain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostName {
    pub(crate) name: String,
    /// `web.ns.svc.cluster.local`; empty without subdomain.
    pub(crate) domain: String,
}

/// What the machine and the cluster say about names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dns {
    pub(crate) server: Ipv4Addr,
    pub(crate) domain: String,
    /// The machine's own `/etc/resolv.conf`.
    pub(crate) host_resolv_conf: String,
}

/// Source: Kubernetes 1.34, `GeneratePodHostNameAndDomain`.
pub(crate) fn host_name(pod: &Pod, cluster_domain: &str) -> HostName {
    let empty = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&empty);
    let metadata_name = pod.metadata.name.as_deref().unwrap_or_default();
    if let Some(name) = spec.hostname_override.as_deref().filter(|it| !it.is_empty()) {
        return HostName { name: name.to_owned(), domain: String::new() };
    }
    let name = match spec.hostname.as_deref().filter(|it| !it.is_empty()) {
        Some(name) => name,
        None => {
            let end = metadata_name.floor_char_boundary(HOSTNAME_BYTES_MAX);
            metadata_name[..end].trim_end_matches(['-', '.'])
        }
    };
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let domain = match spec.subdomain.as_deref().filter(|it| !it.is_empty()) {
        Some(subdomain) => format!("{subdomain}.{namespace}.svc.{cluster_domain}"),
        None => String::new(),
    };
    let name = if spec.set_hostname_as_fqdn == Some(true) && !domain.is_empty() {
        format!("{name}.{domain}")
    } else {
        name.to_owned()
    };
    HostName { name, domain }
}

/// Writes the pod's `/etc/hosts`.
///
/// Source: Kubernetes 1.34, `managedHostsFileContent`.
pub(crate) fn hosts(pod: &Pod, address: Ipv4Addr, name: &HostName) -> String {
    let mut lines = vec![
        "# Kubernetes-managed hosts file.".to_owned(),
        "127.0.0.1\tlocalhost".to_owned(),
        "::1\tlocalhost ip6-localhost ip6-loopback".to_owned(),
        "fe00::0\tip6-localnet".to_owned(),
        "fe00::0\tip6-mcastprefix".to_owned(),
        "fe00::1\tip6-allnodes".to_owned(),
        "fe00::2\tip6-allrouters".to_owned(),
    ];
    let HostName { name, domain } = name;
    lines.push(if domain.is_empty() {
        format!("{address}\t{name}")
    } else {
        let short = name.strip_suffix(domain.as_str()).unwrap_or(name).trim_end_matches('.');
        format!("{address}\t{short}.{domain}\t{short}")
    });
    let aliases = pod.spec.as_ref().and_then(|it| it.host_aliases.as_deref()).unwrap_or_default();
    if !aliases.is_empty() {
        lines.extend([String::new(), "# Entries added by HostAliases.".to_owned()]);
    }
    for alias in aliases {
        let names = alias.hostnames.as_deref().unwrap_or_default().join("\t");
        lines.push(format!("{}\t{names}", alias.ip));
    }
    lines.join("\n") + "\n"
}

/// Writes the pod's `/etc/resolv.conf` by its `dnsPolicy` and `dnsConfig`.
///
/// Source: Kubernetes 1.34, `pkg/kubelet/network/dns/dns.go`.
pub(crate) fn resolv_conf(pod: &Pod, dns: &Dns) -> String {
    let empty = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&empty);
    let host = Resolver::parse(&dns.host_resolv_conf);
    let is_on_host = spec.host_network == Some(true);
    let mut resolver = match spec.dns_policy.as_deref() {
        Some("None") => Resolver::default(),
        Some("Default") => host,
        Some("ClusterFirst") | None if is_on_host => host,
        _ => {
            let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
            let domain = &dns.domain;
            let mut searches =
                vec![format!("{namespace}.svc.{domain}"), format!("svc.{domain}"), domain.clone()];
            searches.extend(host.searches);
            Resolver {
                servers: vec![dns.server.to_string()],
                searches,
                options: vec![("ndots".to_owned(), Some("5".to_owned()))],
            }
        }
    };
    if let Some(config) = &spec.dns_config {
        resolver.extend(config);
    }
    resolver.print()
}

#[derive(Default)]
struct Resolver {
    servers: Vec<String>,
    searches: Vec<String>,
    options: Vec<(String, Option<String>)>,
}

impl Resolver {
    fn parse(text: &str) -> Self {
        let mut resolver = Self::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => resolver.servers.extend(words.next().map(str::to_owned)),
                Some("search") => {
                    resolver.searches = words.filter(|it| *it != ".").map(str::to_owned).collect();
                }
                Some("options") => resolver.options = words.map(option).collect(),
                _ => {}
            }
        }
        resolver
    }

    fn extend(&mut self, config: &PodDNSConfig) {
        self.servers.extend(config.nameservers.iter().flatten().cloned());
        self.searches.extend(config.searches.iter().flatten().cloned());
        for added in config.options.iter().flatten() {
            let Some(name) = &added.name else { continue };
            let value = added.value.clone().filter(|it| !it.is_empty());
            self.options.retain(|(it, _)| it != name);
            self.options.push((name.clone(), value));
        }
    }

    fn print(&self) -> String {
        let mut text = String::new();
        let searches = without_repeats(&self.searches);
        if !searches.is_empty() {
            let searches: Vec<&str> = searches.into_iter().take(SEARCHES_MAX).collect();
            text.extend(["search ", &searches.join(" "), "\n"]);
        }
        for server in without_repeats(&self.servers).into_iter().take(NAMESERVERS_MAX) {
            text.extend(["nameserver ", server, "\n"]);
        }
        if !self.options.is_empty() {
            let options = self.options.iter().map(|(name, value)| match value {
                Some(value) => format!("{name}:{value}"),
                None => name.clone(),
            });
            let options: Vec<String> = options.collect();
            text.extend(["options ", &options.join(" "), "\n"]);
        }
        text
    }
}

fn option(word: &str) -> (String, Option<String>) {
    match word.split_once(':') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (word.to_owned(), None),
    }
}

fn without_repeats(words: &[String]) -> Vec<&str> {
    let mut unique: Vec<&str> = Vec::new();
    for word in words {
        if !unique.contains(&word.as_str()) {
            unique.push(word);
        }
    }
    unique
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(spec: &Value) -> Pod {
        let mut spec = spec.clone();
        spec["containers"] = json!([]);
        let metadata = json!({"name": "web-0", "namespace": "ns"});
        serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
    }

    #[test]
    fn host_names_follow_the_pod_and_its_subdomain() {
        let check = |spec: &Value, name: &str, domain: &str| {
            let want = HostName { name: name.to_owned(), domain: domain.to_owned() };
            assert_eq!(host_name(&pod(spec), "cluster.local"), want);
        };
        check(&json!({}), "web-0", "");
        check(&json!({"hostname": "h"}), "h", "");
        check(&json!({"subdomain": "web"}), "web-0", "web.ns.svc.cluster.local");
        let full = json!({"subdomain": "web", "setHostnameAsFQDN": true});
        check(&full, "web-0.web.ns.svc.cluster.local", "web.ns.svc.cluster.local");
    }

    #[test]
    fn hosts_names_the_pod_and_its_aliases() {
        let aliases = json!([{"ip": "1.2.3.4", "hostnames": ["a", "b"]}]);
        let pod = pod(&json!({"subdomain": "web", "hostAliases": aliases}));
        let name = host_name(&pod, "cluster.local");
        let hosts = hosts(&pod, Ipv4Addr::new(10, 244, 0, 2), &name);
        let (_, own) = hosts.split_once("ip6-allrouters\n").unwrap();
        let want = "10.244.0.2\tweb-0.web.ns.svc.cluster.local\tweb-0\n\n\
                    # Entries added by HostAliases.\n1.2.3.4\ta\tb\n";
        assert_eq!(own, want);
    }

    fn check_resolv_conf(spec: &Value, want: &str) {
        let dns = Dns {
            server: Ipv4Addr::new(10, 96, 0, 10),
            domain: "cluster.local".to_owned(),
            host_resolv_conf: "# x\nnameserver 9.9.9.9\nsearch corp.example .\noptions rotate\n"
                .to_owned(),
        };
        assert_eq!(resolv_conf(&pod(spec), &dns), want);
    }

    #[test]
    fn resolv_conf_follows_the_policy() {
        let cluster = "search ns.svc.cluster.local svc.cluster.local cluster.local corp.example\n\
                       nameserver 10.96.0.10\noptions ndots:5\n";
        check_resolv_conf(&json!({"dnsPolicy": "ClusterFirst"}), cluster);
        let host = "search corp.example\nnameserver 9.9.9.9\noptions rotate\n";
        check_resolv_conf(&json!({"dnsPolicy": "Default"}), host);
        check_resolv_conf(&json!({"dnsPolicy": "ClusterFirst", "hostNetwork": true}), host);
        let config = json!({"nameservers": ["1.1.1.1"], "searches": ["a.b"],
            "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]});
        check_resolv_conf(
            &json!({"dnsPolicy": "None", "dnsConfig": config}),
            "search a.b\nnameserver 1.1.1.1\noptions ndots:2 edns0\n",
        );
    }
}
