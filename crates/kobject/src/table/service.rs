//! Columns of services, ingresses and the endpoints behind them.

use jiff::Timestamp;
use serde_json::Value;

use super::{Printer, age, joined, labels, list, name, number, selector, text, text_or};

pub(super) fn printer(kind: &str) -> Option<Printer> {
    Some(match kind {
        "Service" => Printer {
            columns: "Name|Type|Cluster-IP|External-IP|Port(s)|Age|+Selector",
            cells: service,
        },
        "Endpoints" => Printer {
            columns: "Name|Endpoints|Age",
            cells: |object, now| {
                vec![name(object), endpoints(&object["subsets"]).into(), age(object, now)]
            },
        },
        "EndpointSlice" => {
            Printer { columns: "Name|AddressType|Ports|Endpoints|Age", cells: endpoint_slice }
        }
        "Ingress" => Printer { columns: "Name|Class|Hosts|Address|Ports|Age", cells: ingress },
        "IngressClass" => {
            Printer { columns: "Name|Controller|Parameters|Age", cells: ingress_class }
        }
        "NetworkPolicy" => Printer {
            columns: "Name|Pod-Selector|Age",
            cells: |policy, now| {
                vec![
                    name(policy),
                    selector(&policy["spec"]["podSelector"]).into(),
                    age(policy, now),
                ]
            },
        },
        "ServiceCIDR" => Printer {
            columns: "Name|CIDRs|Age",
            cells: |object, now| {
                let cidrs: Vec<&str> = list(&object["spec"]["cidrs"]).iter().map(text).collect();
                vec![name(object), cidrs.join(",").into(), age(object, now)]
            },
        },
        "IPAddress" => Printer {
            columns: "Name|ParentRef",
            cells: |object, _| vec![name(object), parent(&object["spec"]["parentRef"]).into()],
        },
        _ => return None,
    })
}

fn service(service: &Value, now: Timestamp) -> Vec<Value> {
    let spec = &service["spec"];
    let cluster_ip = text_or(&spec["clusterIPs"][0], text_or(&spec["clusterIP"], "<none>"));
    let ports: Vec<String> = list(&spec["ports"]).iter().map(port).collect();
    vec![
        name(service),
        spec["type"].clone(),
        cluster_ip.into(),
        external_ip(service).into(),
        joined(ports.iter().map(String::as_str)).into(),
        age(service, now),
        labels(&spec["selector"]).into(),
    ]
}

fn port(port: &Value) -> String {
    let (number, protocol) = (number(&port["port"]), text(&port["protocol"]));
    match port["nodePort"].as_i64() {
        Some(node_port @ 1..) => format!("{number}:{node_port}/{protocol}"),
        _ => format!("{number}/{protocol}"),
    }
}

fn external_ip(service: &Value) -> String {
    let spec = &service["spec"];
    let external = list(&spec["externalIPs"]).iter().map(text);
    match text(&spec["type"]) {
        "ClusterIP" | "NodePort" => joined(external),
        "LoadBalancer" => {
            let ingress = load_balancer(&service["status"]["loadBalancer"]);
            let all: Vec<&str> = ingress.iter().map(String::as_str).chain(external).collect();
            if all.is_empty() { "<pending>".to_owned() } else { all.join(",") }
        }
        "ExternalName" => text(&spec["externalName"]).to_owned(),
        _ => "<unknown>".to_owned(),
    }
}

/// Addresses of a load balancer, sorted, each once.
fn load_balancer(status: &Value) -> Vec<String> {
    let mut addresses: Vec<String> = list(&status["ingress"])
        .iter()
        .map(|it| text_or(&it["ip"], text(&it["hostname"])).to_owned())
        .filter(|it| !it.is_empty())
        .collect();
    addresses.sort();
    addresses.dedup();
    addresses
}

/// The first three, and how many more there are.
fn first_three(all: &[String], none: &str) -> String {
    const SHOWN_MAX: usize = 3;
    match all.len() {
        0 => none.to_owned(),
        n if SHOWN_MAX < n => format!("{} + {} more...", all[..SHOWN_MAX].join(","), n - SHOWN_MAX),
        _ => all.join(","),
    }
}

fn endpoints(subsets: &Value) -> String {
    let mut all = Vec::new();
    for subset in list(subsets) {
        let addresses = list(&subset["addresses"]).iter().map(|it| text(&it["ip"]));
        let ports = list(&subset["ports"]);
        if ports.is_empty() {
            all.extend(addresses.map(str::to_owned));
            continue;
        }
        for port in ports {
            let number = number(&port["port"]);
            all.extend(addresses.clone().map(|it| match it.contains(':') {
                true => format!("[{it}]:{number}"),
                false => format!("{it}:{number}"),
            }));
        }
    }
    first_three(&all, if list(subsets).is_empty() { "<none>" } else { "" })
}

fn endpoint_slice(slice: &Value, now: Timestamp) -> Vec<Value> {
    let ports: Vec<String> = list(&slice["ports"])
        .iter()
        .map(|it| {
            it["port"].as_i64().map_or(text_or(&it["name"], "*").to_owned(), |it| it.to_string())
        })
        .collect();
    let addresses: Vec<String> = list(&slice["endpoints"])
        .iter()
        .flat_map(|it| list(&it["addresses"]))
        .map(|it| text(it).to_owned())
        .collect();
    vec![
        name(slice),
        slice["addressType"].clone(),
        first_three(&ports, "<unset>").into(),
        first_three(&addresses, "<unset>").into(),
        age(slice, now),
    ]
}

fn ingress(ingress: &Value, now: Timestamp) -> Vec<Value> {
    let spec = &ingress["spec"];
    let ports = if list(&spec["tls"]).is_empty() { "80" } else { "80, 443" };
    vec![
        name(ingress),
        text_or(&spec["ingressClassName"], "<none>").into(),
        hosts(list(&spec["rules"])).into(),
        load_balancer(&ingress["status"]["loadBalancer"]).join(",").into(),
        ports.into(),
        age(ingress, now),
    ]
}

/// Hosts of the rules; when three are shown, every further rule counts as one more.
fn hosts(rules: &[Value]) -> String {
    const SHOWN_MAX: usize = 3;
    let mut shown = Vec::new();
    let mut is_more = false;
    for host in rules.iter().map(|it| text(&it["host"])) {
        is_more |= shown.len() == SHOWN_MAX;
        if !is_more && !host.is_empty() {
            shown.push(host);
        }
    }
    match (shown.is_empty(), is_more) {
        (true, _) => "*".to_owned(),
        (false, true) => format!("{} + {} more...", shown.join(","), rules.len() - SHOWN_MAX),
        (false, false) => shown.join(","),
    }
}

fn ingress_class(class: &Value, now: Timestamp) -> Vec<Value> {
    let spec = &class["spec"];
    let parameters = &spec["parameters"];
    let parameters = if parameters.is_null() {
        "<none>".to_owned()
    } else {
        let group = parameters["apiGroup"].as_str().map(|it| format!(".{it}")).unwrap_or_default();
        format!("{}{group}/{}", text(&parameters["kind"]), text(&parameters["name"]))
    };
    vec![name(class), spec["controller"].clone(), parameters.into(), age(class, now)]
}

fn parent(reference: &Value) -> String {
    if reference.is_null() {
        return "<none>".to_owned();
    }
    let (resource, group) = (text(&reference["resource"]), text(&reference["group"]));
    let resource =
        if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
    let namespace = text(&reference["namespace"]);
    let namespace = if namespace.is_empty() { String::new() } else { format!("/{namespace}") };
    format!("{}{namespace}/{}", resource.to_lowercase(), text(&reference["name"]))
}
