//! Image references: `registry/repository:tag@digest`, with Docker's short forms.

use std::{fmt, str::FromStr};

use crate::{Digest, ParseDigestError};

const DEFAULT_REGISTRY: &str = "docker.io";
const OFFICIAL: &str = "library/";
const TAG_BYTES_MAX: usize = 128;
const NAME_BYTES_MAX: usize = 255;

/// The name of an image, completed as Docker completes it: `faro` is `docker.io/library/faro`.
///
/// `tag` and `digest` may both be absent (then `latest` is meant by convention of whoever pulls).
/// Source: distribution's reference grammar, `reference.ParseNormalizedNamed`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Host and perhaps port: `docker.io`, `localhost:5000`.
    pub registry: String,
    /// Path within the registry: `library/faro`.
    pub repository: String,
    /// The tag, without its colon.
    pub tag: Option<String>,
    /// The digest of the manifest or index.
    pub digest: Option<Digest>,
}

impl Reference {
    /// Returns the name without tag and digest, in full: `docker.io/library/faro`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// Returns the shortest text that means the same: `faro:1.0`.
    pub fn familiar(&self) -> String {
        let name = if self.registry == DEFAULT_REGISTRY {
            self.repository.strip_prefix(OFFICIAL).unwrap_or(&self.repository).to_owned()
        } else {
            self.name()
        };
        format!("{name}{}", self.suffix())
    }

    /// Returns the same name with this tag and without a digest.
    #[must_use]
    pub fn with_tag(&self, tag: &str) -> Self {
        Self { tag: Some(tag.to_owned()), digest: None, ..self.clone() }
    }

    /// Returns the same name and tag with this digest.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }

    fn suffix(&self) -> String {
        let tag = self.tag.as_ref().map(|it| format!(":{it}")).unwrap_or_default();
        let digest = self.digest.as_ref().map(|it| format!("@{it}")).unwrap_or_default();
        format!("{tag}{digest}")
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name(), self.suffix())
    }
}

/// A text that names no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseReferenceError {
    /// Nothing stands before the tag or digest.
    #[error("image reference `{0}` has no name")]
    Empty(String),
    /// A part of the path has characters that no repository may have.
    #[error(
        "image reference `{reference}`: `{part}` is no valid repository name (lower case letters, digits and single separators)"
    )]
    Repository {
        /// The whole text.
        reference: String,
        /// The part at fault.
        part: String,
    },
    /// The tag has characters that no tag may have, or more than 128.
    #[error("image reference `{reference}`: `{tag}` is no valid tag")]
    Tag {
        /// The whole text.
        reference: String,
        /// The tag at fault.
        tag: String,
    },
    /// What stands behind `@` is no digest.
    #[error("image reference `{reference}` has no valid digest")]
    Digest {
        /// The whole text.
        reference: String,
        /// What is wrong with it.
        source: ParseDigestError,
    },
}

impl FromStr for Reference {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (rest, digest) = match text.split_once('@') {
            None => (text, None),
            Some((rest, digest)) => {
                let digest = digest.parse().map_err(|source| ParseReferenceError::Digest {
                    reference: text.to_owned(),
                    source,
                })?;
                (rest, Some(digest))
            }
        };
        // A colon after the last slash starts the tag; one before it belongs to the port.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        if name.is_empty() || NAME_BYTES_MAX < name.len() {
            return Err(ParseReferenceError::Empty(text.to_owned()));
        }
        if let Some(tag) = tag.filter(|it| !is_tag(it)) {
            return Err(ParseReferenceError::Tag {
                reference: text.to_owned(),
                tag: tag.to_owned(),
            });
        }
        let (registry, repository) = split_registry(name);
        if let Some(part) = repository.split('/').find(|it| !is_path_component(it)) {
            return Err(ParseReferenceError::Repository {
                reference: text.to_owned(),
                part: part.to_owned(),
            });
        }
        Ok(Self { registry, repository, tag: tag.map(str::to_owned), digest })
    }
}

/// The first part is a registry when it looks like a host: it has a dot or a port, or is `localhost`.
fn split_registry(name: &str) -> (String, String) {
    match name.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => {
            let is_docker = matches!(host, "docker.io" | "index.docker.io");
            if is_docker {
                return (DEFAULT_REGISTRY.to_owned(), official(rest));
            }
            (host.to_owned(), rest.to_owned())
        }
        _ => (DEFAULT_REGISTRY.to_owned(), official(name)),
    }
}

fn official(repository: &str) -> String {
    if repository.contains('/') { repository.to_owned() } else { format!("{OFFICIAL}{repository}") }
}

fn is_tag(tag: &str) -> bool {
    let is_word = |it: u8| it.is_ascii_alphanumeric() || it == b'_';
    tag.len() <= TAG_BYTES_MAX
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|it| is_word(it) || it == b'.' || it == b'-')
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_path_component(part: &str) -> bool {
    let is_plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let bytes = part.as_bytes();
    let ends = bytes.first().is_some_and(|it| is_plain(*it))
        && bytes.last().is_some_and(|it| is_plain(*it));
    ends && part
        .split(|it: char| it.is_ascii_lowercase() || it.is_ascii_digit())
        .all(|it| matches!(it, "" | "." | "_" | "__") || it.bytes().all(|it| it == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, full: &str, familiar: &str) {
        let reference: Reference = text.parse().unwrap();
        assert_eq!(reference.to_string(), full);
        assert_eq!(reference.familiar(), familiar);
        assert_eq!(full.parse::<Reference>().unwrap(), reference);
    }

    #[test]
    fn short_names_are_completed_as_docker_does() {
        check("faro", "docker.io/library/faro", "faro");
        check("faro:1.0", "docker.io/library/faro:1.0", "faro:1.0");
        check("me/faro:1.0", "docker.io/me/faro:1.0", "me/faro:1.0");
        check("index.docker.io/faro", "docker.io/library/faro", "faro");
    }

    #[test]
    fn hosts_are_told_from_paths() {
        check("localhost/faro", "localhost/faro", "localhost/faro");
        check("10.243.0.2:5000/faro:a", "10.243.0.2:5000/faro:a", "10.243.0.2:5000/faro:a");
        check("ghcr.io/a/b/c", "ghcr.io/a/b/c", "ghcr.io/a/b/c");
    }

    #[test]
    fn tag_and_digest_may_stand_together() {
        let digest = Digest::of(b"");
        let text = format!("ghcr.io/a/b:1@{digest}");
        check(&text, &text, &text);
    }

    #[test]
    fn nonsense_is_refused_by_its_part() {
        for text in ["", ":tag", "@sha256:00", "Faro", "a//b", "a/-b", "a:bad/x/", "a:", "a b"] {
            assert!(text.parse::<Reference>().is_err(), "{text:?} was accepted");
        }
        let error = "ghcr.io/Me/faro".parse::<Reference>().unwrap_err().to_string();
        assert!(error.contains("`Me`"), "{error}");
    }
}
