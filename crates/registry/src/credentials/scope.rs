//! The keys of `auths`: a registry in one of its spellings, perhaps with a path, perhaps with `*`.

/// Whether a key of `auths` is for a repository; a higher number is more exact.
///
/// `*` stands for one part of a host's name or of a port, as in image pull secrets; a path counts by
/// whole parts.
/// Source: Kubernetes 1.34, `pkg/credentialprovider/keyring.go`.
pub(super) fn rank(key: &str, registry: &str, repository: &str) -> Option<usize> {
    let (host, path) = split(key);
    if !host_fits(canonical(host), canonical(registry)) {
        return None;
    }
    let rest = repository.strip_prefix(path)?;
    let is_whole = path.is_empty() || rest.is_empty() || rest.starts_with('/');
    is_whole.then(|| 2 * path.len() + usize::from(!host.contains('*')))
}

/// Docker Hub has more than one name.
fn canonical(host: &str) -> &str {
    match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        _ => host,
    }
}

/// Host and path; the addresses that docker writes end in the version of the API, which is no path.
fn split(key: &str) -> (&str, &str) {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    let path = path.trim_matches('/');
    (host, if matches!(path, "v1" | "v2") { "" } else { path })
}

fn host_fits(pattern: &str, host: &str) -> bool {
    if pattern == host {
        return true;
    }
    let (patterns, parts) = (pattern.split(['.', ':']), host.split(['.', ':']));
    let has_same_form = pattern.matches('.').count() == host.matches('.').count()
        && pattern.matches(':').count() == host.matches(':').count();
    has_same_form && patterns.zip(parts).all(|(pattern, part)| part_fits(pattern, part))
}

fn part_fits(pattern: &str, part: &str) -> bool {
    let Some((start, end)) = pattern.split_once('*') else { return pattern == part };
    let Some(rest) = part.strip_prefix(start) else { return false };
    (0..=rest.len()).filter(|it| rest.is_char_boundary(*it)).any(|it| part_fits(end, &rest[it..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_for_its_registry_in_every_spelling() {
        let fits = |key: &str, registry: &str| rank(key, registry, "team/web").is_some();
        for key in ["r.io:5000", "https://r.io:5000", "http://r.io:5000/v2/", "r.io:5000/v1/"] {
            assert!(fits(key, "r.io:5000"), "{key}");
        }
        for key in ["r.io", "r.io:5001", "xr.io:5000", ""] {
            assert!(!fits(key, "r.io:5000"), "{key}");
        }
        for key in ["https://index.docker.io/v1/", "docker.io", "registry-1.docker.io"] {
            assert!(fits(key, "docker.io"), "{key}");
        }
    }

    #[test]
    fn a_path_counts_by_whole_parts_and_the_longest_is_the_most_exact() {
        let of = |key: &str| rank(key, "r.io", "team/web");
        assert!(of("r.io/team/web") > of("r.io/team"));
        assert!(of("r.io/team") > of("r.io"));
        assert!(of("r.io") > of("*.io"));
        assert_eq!(of("r.io/te"), None);
        assert_eq!(of("r.io/team/web/more"), None);
    }

    #[test]
    fn a_star_stands_for_one_part_of_a_name() {
        let fits = |key: &str, registry: &str| rank(key, registry, "web").is_some();
        assert!(fits("*.azurecr.io", "mine.azurecr.io"));
        assert!(fits("pre*fix.r.io", "pre-some-fix.r.io"));
        assert!(!fits("*.azurecr.io", "a.b.azurecr.io"));
        assert!(!fits("*.azurecr.io", "mine.azurecr.io:5000"));
    }
}
