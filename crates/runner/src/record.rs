//! The record of a run: what it did, how long each stage took, how it ended.

use std::{
    fs,
    path::{Path, PathBuf},
};

use host::files::{self, FileError};
use serde::{Deserialize, Serialize};

use crate::{Outcome, StageName};

const FILE: &str = "run.json";
const LOG: &str = "log";
/// Older runs are deleted when a new one begins.
const RUNS_KEPT_MAX: usize = 100;

/// What `run.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Sorts by time: `20261121-031500-1a2b`.
    pub id: String,
    /// RFC 3339.
    pub started: String,
    pub took_ms: u64,
    pub version: String,
    pub command: String,
    pub project: String,
    pub environment: String,
    /// Where it went: `embedded`, or a context's name.
    pub cluster: String,
    pub namespace: String,
    /// The commit that was checked out.
    pub revision: Option<String>,
    pub services: Vec<ServiceRecord>,
    pub verdict: Verdict,
    /// One line, when it failed.
    pub cause: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Running,
    Succeeded,
    Failed,
    Interrupted,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRecord {
    pub name: String,
    pub image: Option<String>,
    /// Of the release, after the deploy.
    pub release_revision: Option<u32>,
    pub addresses: Vec<String>,
    /// What its pods are, in words.
    pub pods: Vec<String>,
    /// What the addresses answered.
    pub shown: Vec<String>,
    pub stages: Vec<StageRecord>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StageRecord {
    pub stage: StageName,
    /// `None` when it failed.
    pub outcome: Option<Outcome>,
    pub detail: String,
    pub took_ms: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("could not keep the record of the run")]
    Write(#[source] FileError),
    #[error("could not read the records of runs")]
    Read(#[source] FileError),
}

/// The folder of one run.
#[derive(Debug, Clone)]
pub(crate) struct RunFolder {
    pub(crate) dir: PathBuf,
}

impl RunFolder {
    /// Makes the folder of a new run, and deletes the oldest ones beyond the bound.
    pub(crate) fn create(runs: &Path, id: &str) -> Result<Self, RecordError> {
        let dir = runs.join(id);
        files::create_dir(&dir).map_err(RecordError::Write)?;
        let mut ids = ids(runs)?;
        while RUNS_KEPT_MAX < ids.len() {
            drop(fs::remove_dir_all(runs.join(ids.remove(0))));
        }
        Ok(Self { dir })
    }

    /// Writes what happened, one line each.
    pub(crate) fn write_log(&self, text: &str) -> Result<(), RecordError> {
        files::write_atomic(&self.dir.join(LOG), text.as_bytes()).map_err(RecordError::Write)
    }

    /// Writes a file that belongs to the run.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), FileError> {
        files::write_atomic(&self.dir.join(name), content)
    }

    pub(crate) fn write_record(&self, record: &Record) -> Result<(), RecordError> {
        let path = self.dir.join(FILE);
        let content = serde_json::to_vec_pretty(record).map_err(|it| {
            RecordError::Write(FileError::new("encode", &path, std::io::Error::other(it)))
        })?;
        files::write_atomic(&path, &content).map_err(RecordError::Write)
    }
}

/// The records below `runs`, the oldest first; folders without a readable record are passed over.
pub fn list(runs: &Path) -> Result<Vec<Record>, RecordError> {
    let ids = match ids(runs) {
        Err(RecordError::Read(error)) if error.is_not_found() => return Ok(Vec::new()),
        ids => ids?,
    };
    let read = |id: &String| {
        let content = files::read(&runs.join(id).join(FILE)).ok()?;
        serde_json::from_slice(&content).ok()
    };
    Ok(ids.iter().filter_map(read).collect())
}

fn ids(runs: &Path) -> Result<Vec<String>, RecordError> {
    let failed = |it| RecordError::Read(FileError::new("list", runs, it));
    let mut ids = Vec::new();
    for entry in fs::read_dir(runs).map_err(failed)? {
        ids.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    ids.sort();
    Ok(ids)
}
