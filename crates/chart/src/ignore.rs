//! `.helmignore` (Helm 4.1.4, `pkg/ignore`).

use std::collections::BTreeMap;

use crate::{glob::match_path, pathname};

/// The rules of a `.helmignore`, in order, with Helm's own last.
#[derive(Clone, Debug)]
pub(crate) struct Rules(Vec<Rule>);

/// A line of a `.helmignore` that is no rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IgnoreError {
    #[error("double-star (**) syntax is not supported")]
    DoubleStar,
    #[error("syntax error in pattern")]
    Pattern,
}

#[derive(Clone, Debug)]
struct Rule {
    pattern: String,
    is_negative: bool,
    is_for_folders: bool,
    /// Whether the pattern is held against the whole path, not only its last element.
    is_for_path: bool,
    shape: Shape,
}

/// What a pattern holds, as most need no search.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// Nothing special.
    Literal,
    /// A star, and then nothing special.
    Suffix,
    /// Anything behind so many bytes that are nothing special.
    Any { n_literal: usize },
}

impl Rules {
    /// The rules of a file, which may be missing.
    pub(crate) fn parse(text: Option<&[u8]>) -> Result<Self, IgnoreError> {
        let text = String::from_utf8_lossy(text.unwrap_or_default());
        let text = text.trim_start_matches('\u{feff}');
        let mut rules = Vec::new();
        for line in text.lines().chain(["templates/.?*"]) {
            rules.extend(parse_rule(line)?);
        }
        Ok(Self(rules))
    }

    /// Whether a file is left out: it or a folder above it matches. What was found out about folders
    /// is kept for the next file.
    pub(crate) fn ignores(&self, path: &str, folders: &mut BTreeMap<String, bool>) -> bool {
        let mut above = path.match_indices('/').map(|(place, _)| &path[..place]);
        above.any(|folder| match folders.get(folder) {
            Some(is_ignored) => *is_ignored,
            None => {
                let is_ignored = self.matches(folder, true);
                folders.insert(folder.to_owned(), is_ignored);
                is_ignored
            }
        }) || self.matches(path, false)
    }

    fn matches(&self, path: &str, is_folder: bool) -> bool {
        let name = pathname::base(path);
        for rule in &self.0 {
            let is_kind = !rule.is_for_folders || is_folder;
            if rule.is_negative {
                // What a negative rule does not name is ignored there and then.
                if !is_kind || !rule.matches(path, name) {
                    return true;
                }
            } else if is_kind && rule.matches(path, name) {
                return true;
            }
        }
        false
    }
}

impl Rule {
    fn matches(&self, path: &str, name: &str) -> bool {
        let path = if self.is_for_path { path } else { name };
        match self.shape {
            Shape::Literal => self.pattern == path,
            Shape::Suffix => {
                let suffix = &self.pattern[1..];
                // Most rules end otherwise than most paths.
                suffix.bytes().next_back().is_none_or(|last| path.bytes().next_back() == Some(last))
                    && path.strip_suffix(suffix).is_some_and(|covered| !covered.contains('/'))
            }
            Shape::Any { n_literal } => {
                path.starts_with(&self.pattern[..n_literal])
                    && match_path(&self.pattern, path).unwrap_or(false)
            }
        }
    }
}

fn parse_rule(line: &str) -> Result<Option<Rule>, IgnoreError> {
    let rule = line.trim();
    if rule.is_empty() || rule.starts_with('#') {
        return Ok(None);
    }
    if rule.contains("**") {
        return Err(IgnoreError::DoubleStar);
    }
    match_path(rule, "abc").map_err(|_| IgnoreError::Pattern)?;
    let (rule, is_negative) = rule.strip_prefix('!').map_or((rule, false), |rule| (rule, true));
    let (rule, is_for_folders) = rule.strip_suffix('/').map_or((rule, false), |rule| (rule, true));
    let (pattern, is_for_path) = match rule.strip_prefix('/') {
        Some(rule) => (rule, true),
        None => (rule, rule.contains('/')),
    };
    let special = |text: &str| text.find(['*', '?', '[', '\\']);
    let shape = match (special(pattern), pattern.strip_prefix('*')) {
        (None, _) => Shape::Literal,
        (Some(_), Some(suffix)) if special(suffix).is_none() => Shape::Suffix,
        (Some(n_literal), _) => Shape::Any { n_literal },
    };
    let pattern = pattern.to_owned();
    Ok(Some(Rule { pattern, is_negative, is_for_folders, is_for_path, shape }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignores(rules: &str, path: &str) -> bool {
        Rules::parse(Some(rules.as_bytes())).unwrap().ignores(path, &mut BTreeMap::new())
    }

    #[test]
    fn rules_match_as_in_helm() {
        assert!(ignores("*.txt\n", "a/b.txt"));
        assert!(ignores("*\n", "a/b.txt"));
        assert!(ignores("x*\n", "a/xb.txt"));
        assert!(!ignores("a/x*\n", "b/xb.txt"));
        assert!(ignores("/*.txt\n", ".txt"));
        assert!(!ignores("/*.txt\n", "a/b.txt"));
        assert!(ignores("ci/", "ci/values.yaml"));
        assert!(!ignores("ci/", "ci"));
        assert!(ignores("/a.txt", "a.txt"));
        assert!(!ignores("/a.txt", "b/a.txt"));
        assert!(ignores("", "templates/.x"));
        assert!(!ignores("", "templates/sub/.x"));
        assert!(ignores("!keep", "Chart.yaml"));
        assert!(!ignores("# *\n", "Chart.yaml"));
        assert_eq!(Rules::parse(Some(b"a/**")).unwrap_err(), IgnoreError::DoubleStar);
    }
}
