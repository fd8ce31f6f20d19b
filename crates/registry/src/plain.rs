//! The list of registries without TLS: a text with a line for each.

use std::collections::BTreeSet;

/// Reads the list; blank lines, and what follows `#`, say nothing.
pub fn plain_http(text: &str) -> BTreeSet<String> {
    let names = text.lines().map(|it| it.split('#').next().unwrap_or_default().trim());
    names.filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

/// The list with one registry more; `None` when it has that already.
pub fn with_plain_http(text: &str, registry: &str) -> Option<String> {
    if plain_http(text).contains(registry) {
        return None;
    }
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    Some(format!("{text}{gap}{registry}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_added_once_and_comments_stay() {
        let text = "# ours\n10.0.0.1:5000  # the old one";
        let more = with_plain_http(text, "r.test").unwrap();
        assert_eq!(more, "# ours\n10.0.0.1:5000  # the old one\nr.test\n");
        assert_eq!(with_plain_http(&more, "10.0.0.1:5000"), None);
        let names: Vec<String> = plain_http(&more).into_iter().collect();
        assert_eq!(names, ["10.0.0.1:5000", "r.test"]);
    }
}
