//! Kinds that Kubernetes has given up, or is about to.

/// One line a kind: `apiVersion kind deprecated removed [replacement]`.
const KINDS: &str = include_str!("deprecated.txt");

/// What the API server would warn of, when the kind is deprecated in that version.
pub(super) fn warning(api_version: &str, kind: &str, version: (u64, u64)) -> Option<String> {
    let line = KINDS.lines().find(|line| {
        let mut words = line.split(' ');
        words.next() == Some(api_version) && words.next() == Some(kind)
    })?;
    let mut words = line.split(' ').skip(2);
    let (deprecated, removed) = (words.next()?, words.next()?);
    if version < parse(deprecated)? {
        return None;
    }
    let mut text =
        format!("{api_version} {kind} is deprecated in v{deprecated}+, unavailable in v{removed}+");
    let replacement: Vec<&str> = words.collect();
    if !replacement.is_empty() {
        text.extend(["; use ", &replacement.join(" ")]);
    }
    Some(text)
}

fn parse(version: &str) -> Option<(u64, u64)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
