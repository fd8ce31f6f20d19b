//! What earlier runs did: the key of each stage that succeeded, and what it left.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use host::{
    files::{self, FileError},
    inputs::{InputsError, StatCache},
};
use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::{StageName, workspace::Workspace};

/// Never an input: what zarpa itself writes there changes with every run.
const OWN_DIR: &str = "!/.zarpa";

/// The cache of a project, read at the start of a run and written at its end.
#[derive(Debug)]
pub(crate) struct Cache {
    path: PathBuf,
    stat_path: PathBuf,
    before: Stages,
    pub(crate) stages: Stages,
    stat_before: StatCache,
    stat: StatCache,
}

/// By service, then by stage.
pub(crate) type Stages = BTreeMap<String, BTreeMap<StageName, Done>>;

/// A stage that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) key: String,
    /// Files that it left, as `stat` saw them: another program may have changed them since.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) left: BTreeMap<PathBuf, Left>,
    /// For an image: its reference and the digest of its manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) image: Option<(String, Digest)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Left {
    n_bytes: u64,
    modified_ns: i128,
    inode: u64,
}

impl Left {
    /// `None` when there is no such file.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let modified_ns =
            i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        Some(Self { n_bytes: metadata.len(), modified_ns, inode: metadata.ino() })
    }
}

impl Done {
    pub(crate) fn new(key: &str) -> Self {
        Self { key: key.to_owned(), left: BTreeMap::new(), image: None }
    }

    /// Whether every file that the stage left is as it was.
    pub(crate) fn is_intact(&self) -> bool {
        self.left.iter().all(|(path, left)| Left::of(path).as_ref() == Some(left))
    }
}

impl Cache {
    /// A cache that is missing or damaged is empty: it only saves time.
    pub(crate) fn load(workspace: &Workspace) -> Self {
        let path = workspace.cache().join("stages.json");
        let stat_path = workspace.cache().join("files.json");
        let content = files::read(&path).unwrap_or_default();
        let stages: Stages = serde_json::from_slice(&content).unwrap_or_default();
        let stat = StatCache::load(&stat_path);
        let (before, stat_before) = (stages.clone(), stat.clone());
        Self { path, stat_path, before, stages, stat_before, stat }
    }

    /// Writes what has changed.
    pub(crate) fn save(&self) -> Result<(), FileError> {
        if self.stat != self.stat_before {
            self.stat.save(&self.stat_path)?;
        }
        if self.stages == self.before {
            return Ok(());
        }
        let content = serde_json::to_vec_pretty(&self.stages)
            .map_err(|it| FileError::new("encode", &self.path, std::io::Error::other(it)))?;
        files::write_atomic(&self.path, &content)
    }

    pub(crate) fn done(&self, service: &str, stage: StageName) -> Option<&Done> {
        self.stages.get(service)?.get(&stage)
    }

    pub(crate) fn set(&mut self, service: &str, stage: StageName, done: Done) {
        self.stages.entry(service.to_owned()).or_default().insert(stage, done);
    }

    /// The fingerprint of the files that `patterns` choose below `root`.
    pub(crate) fn fingerprint(
        &mut self,
        root: &Path,
        patterns: &[String],
    ) -> Result<Digest, InputsError> {
        let mut patterns = patterns.to_vec();
        patterns.push(OWN_DIR.to_owned());
        let paths = host::inputs::list(root, &patterns)?;
        self.stat.fingerprint(root, &paths)
    }
}
