//! Which Service an HTTP request is for: hosts and paths of Ingresses.

use k8s_openapi::{
    api::networking::v1::{Ingress, IngressBackend},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::{Backends, Routes};

/// The class of ingresses that are served here.
const CLASS: &str = "zarpa";
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
/// `NAME.localhost` resolves to this machine wherever RFC 6761 is followed.
const LOCALHOST: &str = ".localhost";

/// One path of one host of one Ingress.
#[derive(Debug)]
pub(super) struct Rule {
    namespace: String,
    ingress: String,
    host: Option<String>,
    path: String,
    is_exact: bool,
    service: String,
    port: IntOrString,
}

/// What an Ingress says of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum IngressMatch<'a> {
    /// No rule is for this host and path.
    None,
    /// A rule is, but its Service or its port is not there.
    NoService {
        namespace: &'a str,
        service: &'a str,
    },
    Service {
        namespace: &'a str,
        service: &'a str,
        backends: Backends<'a>,
    },
}

/// The rules of every Ingress of our class, the most specific first.
pub(super) fn rules(ingresses: &[Ingress]) -> Vec<Rule> {
    let mut rules: Vec<Rule> = ingresses.iter().filter(|it| is_ours(it)).flat_map(of).collect();
    // Stable: of equal rules the first Ingress by namespace and name wins.
    rules.sort_by_key(|it| {
        let host_rank = match it.host.as_deref() {
            Some(host) if !host.starts_with("*.") => 0,
            Some(_) => 1,
            None => 2,
        };
        (host_rank, !it.is_exact, usize::MAX - it.path.len())
    });
    rules
}

fn is_ours(ingress: &Ingress) -> bool {
    let class = ingress.spec.as_ref().and_then(|it| it.ingress_class_name.as_deref());
    let annotations = ingress.metadata.annotations.as_ref();
    let older = annotations.and_then(|it| it.get(CLASS_ANNOTATION)).map(String::as_str);
    class.or(older).is_none_or(|it| it == CLASS)
}

fn of(ingress: &Ingress) -> Vec<Rule> {
    let namespace = ingress.metadata.namespace.clone().unwrap_or_default();
    let name = ingress.metadata.name.clone().unwrap_or_default();
    let Some(spec) = &ingress.spec else { return Vec::new() };
    let rule = |host: Option<&String>, path: &str, is_exact: bool, backend: &IngressBackend| {
        let service = backend.service.as_ref()?;
        let port = service.port.as_ref()?;
        let by_name = port.name.clone().map(IntOrString::String);
        Some(Rule {
            namespace: namespace.clone(),
            ingress: name.clone(),
            host: host.filter(|it| !it.is_empty()).cloned(),
            path: path.to_owned(),
            is_exact,
            service: service.name.clone(),
            port: by_name.or(port.number.map(IntOrString::Int))?,
        })
    };
    let mut rules = Vec::new();
    for it in spec.rules.iter().flatten() {
        for path in it.http.iter().flat_map(|it| &it.paths) {
            let text = path.path.as_deref().unwrap_or("/");
            let is_exact = path.path_type == "Exact";
            rules.extend(rule(it.host.as_ref(), text, is_exact, &path.backend));
        }
    }
    rules.extend(spec.default_backend.as_ref().and_then(|it| rule(None, "/", false, it)));
    rules
}

impl Rule {
    fn matches(&self, host: &str, path: &str) -> bool {
        self.matches_host(host) && self.matches_path(path)
    }

    fn matches_host(&self, host: &str) -> bool {
        match &self.host {
            None => match host.strip_suffix(LOCALHOST) {
                Some(name) => {
                    name == self.ingress || name == format!("{}.{}", self.ingress, self.namespace)
                }
                None => true,
            },
            Some(rule) => match rule.strip_prefix('*') {
                // `*.example.com` stands for exactly one label.
                Some(suffix) => {
                    host.strip_suffix(suffix).is_some_and(|it| !it.is_empty() && !it.contains('.'))
                }
                None => rule.eq_ignore_ascii_case(host),
            },
        }
    }

    /// A prefix matches whole path elements: `/a` is for `/a/b`, not for `/ab`.
    fn matches_path(&self, path: &str) -> bool {
        if self.is_exact {
            return path == self.path;
        }
        let prefix = self.path.trim_end_matches('/');
        path.strip_prefix(prefix).is_some_and(|it| it.is_empty() || it.starts_with('/'))
    }
}

impl Routes {
    /// Finds the Service for a request; `host` is without its port.
    pub(crate) fn ingress(&self, host: &str, path: &str) -> IngressMatch<'_> {
        let Some(rule) = self.ingresses.iter().find(|it| it.matches(host, path)) else {
            return IngressMatch::None;
        };
        let (namespace, service) = (rule.namespace.as_str(), rule.service.as_str());
        match self.by_service(namespace, service, &rule.port) {
            Some(backends) => IngressMatch::Service { namespace, service, backends },
            None => IngressMatch::NoService { namespace, service },
        }
    }
}
