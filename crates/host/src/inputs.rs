//! What a stage depends on: its files, and a fingerprint of them that costs a `stat` each.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ignore::{WalkBuilder, overrides::OverrideBuilder};
use oci::{Digest, Hasher};
use serde::{Deserialize, Serialize};

use crate::files::{self, FileError};

/// A file changed this lately may change again within one tick of the file system's clock.
const RACY: Duration = Duration::from_millis(50);

#[derive(Debug, thiserror::Error)]
pub enum InputsError {
    #[error("`{pattern}` is no valid pattern of input files")]
    Pattern { pattern: String, source: ignore::Error },
    #[error("could not list the input files of `{}`", dir.display())]
    Walk { dir: PathBuf, source: ignore::Error },
    #[error("could not fingerprint the input files")]
    File(#[source] FileError),
}

/// Lists the files below `dir` that git does not ignore and, unless `patterns` is empty, that one of them matches.
///
/// Patterns are those of `.gitignore`; one that begins with `!` takes files out.
/// Paths are relative to `dir`, sorted; `.git` is never among them.
pub fn list(dir: &Path, patterns: &[String]) -> Result<Vec<PathBuf>, InputsError> {
    let mut overrides = OverrideBuilder::new(dir);
    for pattern in patterns {
        overrides
            .add(pattern)
            .map_err(|source| InputsError::Pattern { pattern: pattern.clone(), source })?;
    }
    let failed = |source| InputsError::Walk { dir: dir.to_owned(), source };
    let overrides = overrides.build().map_err(failed)?;
    let walk = WalkBuilder::new(dir)
        .hidden(false)
        .require_git(false)
        .overrides(overrides)
        .filter_entry(|it| it.file_name() != ".git")
        .build();
    let mut paths = Vec::new();
    for entry in walk {
        let entry = entry.map_err(failed)?;
        let is_content = entry.file_type().is_some_and(|it| it.is_file() || it.is_symlink());
        if let (true, Ok(path)) = (is_content, entry.path().strip_prefix(dir)) {
            paths.push(path.to_owned());
        }
    }
    paths.sort();
    Ok(paths)
}

/// Digests of files by path, each with what `stat` said when it was computed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatCache {
    files: BTreeMap<PathBuf, Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    n_bytes: u64,
    modified_ns: i128,
    inode: u64,
    digest: Digest,
}

impl StatCache {
    /// Reads a cache; one that is missing or damaged is empty, since it only saves time.
    pub fn load(path: &Path) -> Self {
        files::read(path).ok().and_then(|it| serde_json::from_slice(&it).ok()).unwrap_or_default()
    }

    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        let content = serde_json::to_vec(self)
            .map_err(|it| FileError::new("encode", path, std::io::Error::other(it)))?;
        files::write_atomic(path, &content)
    }

    /// Returns one digest for all the files: their paths, whether they can be executed, their content.
    ///
    /// `paths` are relative to `dir`. Files whose `stat` is as the cache knows it are not read.
    pub fn fingerprint(&mut self, dir: &Path, paths: &[PathBuf]) -> Result<Digest, InputsError> {
        let now = SystemTime::now();
        let mut hasher = Hasher::default();
        for path in paths {
            let full = dir.join(path);
            let failed = |it| InputsError::File(FileError::new("read", &full, it));
            let metadata = fs::symlink_metadata(&full).map_err(failed)?;
            let is_executable = metadata.mode() & 0o111 != 0;
            let digest = if metadata.is_symlink() {
                let target = fs::read_link(&full).map_err(failed)?;
                Digest::of(target.as_os_str().as_encoded_bytes())
            } else {
                self.file_digest(&full, &metadata, now).map_err(failed)?
            };
            let line = format!("{}\0{is_executable}\0{digest}\n", path.display());
            hasher.update(line.as_bytes());
        }
        Ok(hasher.finish())
    }

    fn file_digest(
        &mut self,
        path: &Path,
        metadata: &fs::Metadata,
        now: SystemTime,
    ) -> std::io::Result<Digest> {
        let modified_ns =
            i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        if let Some(known) = self.files.get(path)
            && (known.n_bytes, known.modified_ns, known.inode)
                == (metadata.len(), modified_ns, metadata.ino())
        {
            return Ok(known.digest.clone());
        }
        let digest = Digest::of(&fs::read(path)?);
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let is_settled = i128::try_from((since_epoch.saturating_sub(RACY)).as_nanos())
            .is_ok_and(|it| modified_ns < it);
        if is_settled {
            let known = Known {
                n_bytes: metadata.len(),
                modified_ns,
                inode: metadata.ino(),
                digest: digest.clone(),
            };
            self.files.insert(path.to_owned(), known);
        } else {
            self.files.remove(path);
        }
        Ok(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, content) in files {
            files::write_atomic(&dir.path().join(path), content.as_bytes()).unwrap();
        }
        dir
    }

    fn paths(dir: &Path, patterns: &[&str]) -> Vec<String> {
        let patterns: Vec<String> = patterns.iter().map(|it| (*it).to_owned()).collect();
        let paths = list(dir, &patterns).unwrap();
        paths.iter().map(|it| it.display().to_string()).collect()
    }

    #[test]
    fn what_git_ignores_is_no_input() {
        let dir = tree(&[
            (".gitignore", "/target\n"),
            ("target/x", ""),
            ("src/a.rs", ""),
            (".git/x", ""),
        ]);
        assert_eq!(paths(dir.path(), &[]), [".gitignore", "src/a.rs"]);
    }

    #[test]
    fn patterns_choose_and_take_out() {
        let dir = tree(&[("a/x.rs", ""), ("a/y.md", ""), ("b/z.rs", "")]);
        assert_eq!(paths(dir.path(), &["a/**", "!*.md"]), ["a/x.rs"]);
        assert!(list(dir.path(), &["a[".to_owned()]).is_err());
    }

    #[test]
    fn a_fingerprint_follows_content_name_and_mode_but_not_time() {
        let dir = tree(&[("a", "1"), ("b", "2")]);
        let all = list(dir.path(), &[]).unwrap();
        let mut cache = StatCache::default();
        let first = cache.fingerprint(dir.path(), &all).unwrap();
        fs::write(dir.path().join("a"), "1").unwrap();
        assert_eq!(cache.fingerprint(dir.path(), &all).unwrap(), first);
        fs::write(dir.path().join("a"), "3").unwrap();
        assert_ne!(cache.fingerprint(dir.path(), &all).unwrap(), first);
        assert_ne!(cache.fingerprint(dir.path(), &all[..1]).unwrap(), first);
    }

    #[test]
    fn a_damaged_cache_only_costs_time() {
        let dir = tree(&[("cache", "{nonsense")]);
        assert_eq!(StatCache::load(&dir.path().join("cache")), StatCache::default());
    }
}
