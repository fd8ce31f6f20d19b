//! Opening a folder: the newest snapshot, then the logs after it, then the end of the last log.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::{FlockOperation, flock};

use crate::{
    entry::{Change, Entry, Event},
    frame::{Next, has_frame_after, next_frame},
    log::{Log, Open},
    record::{FORMAT, Record, read_all},
    snapshot::{create_log, log_path, remove_older, revision_of, snapshot_path},
    state::State,
    store::Limits,
};

/// Why a folder could not be opened as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("could not create the store's folder `{}`", .dir.display())]
    CreateDir { dir: PathBuf, source: io::Error },
    #[error("the store `{}` is in use by another process", .dir.display())]
    InUse { dir: PathBuf },
    #[error("could not read the store's file `{}`", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("could not write the store's file `{}`", .path.display())]
    Write { path: PathBuf, source: io::Error },
    /// Something that was once synchronised is damaged or missing.
    #[error("the store's file `{}` is damaged at offset {offset}: {what}", .path.display())]
    Corrupt { path: PathBuf, offset: u64, what: Damage },
    /// A snapshot is there, but not the log that goes on from it.
    #[error("the store `{}` has a snapshot but no log", .dir.display())]
    LogMissing { dir: PathBuf },
    #[error("could not start the store's writer")]
    Thread { source: io::Error },
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("checksum mismatch")]
    Checksum,
    #[error("unreadable record")]
    Record,
    #[error("format {0} is not supported")]
    Format(u32),
    #[error("revision {found} follows revision {last}")]
    Revision { last: u64, found: u64 },
    #[error("the file ends too early")]
    Short,
}

/// Recovers the state and the log to append to.
pub(crate) fn recover(
    dir: &Path,
    first_revision: u64,
    limits: Limits,
) -> Result<(State, Log), OpenError> {
    fs::create_dir_all(dir)
        .map_err(|source| OpenError::CreateDir { dir: dir.to_owned(), source })?;
    let lock = Arc::new(lock_dir(dir)?);
    let files = files(dir)?;
    for path in &files.unfinished {
        fs::remove_file(path).map_err(|source| OpenError::Write { path: path.clone(), source })?;
    }
    let mut state = match files.snapshots.last() {
        Some(&revision) => load_snapshot(&snapshot_path(dir, revision), limits)?,
        None => State::new(first_revision, limits),
    };
    if files.logs.is_empty() && !files.snapshots.is_empty() {
        return Err(OpenError::LogMissing { dir: dir.to_owned() });
    }
    let mut end = None;
    for (idx, &revision) in files.logs.iter().enumerate() {
        let path = log_path(dir, revision);
        let is_last = idx + 1 == files.logs.len();
        end = Some((replay(&path, is_last, &mut state)?, path));
    }
    let open = match end {
        Some((end, path)) if end.good_bytes > 0 => open_log(path, &end)?,
        // No log, or one that was never begun.
        _ => create_log(dir, state.revision())
            .map_err(|source| OpenError::Write { path: log_path(dir, state.revision()), source })?,
    };
    tidy(dir, &files)?;
    Ok((state, Log::new(dir, limits, open, lock)))
}

fn lock_dir(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|source| OpenError::Write { path, source })?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| OpenError::InUse { dir: dir.to_owned() })?;
    Ok(file)
}

/// The store's files by sort, each in the order of its revision.
struct Files {
    snapshots: Vec<u64>,
    logs: Vec<u64>,
    unfinished: Vec<PathBuf>,
}

fn files(dir: &Path) -> Result<Files, OpenError> {
    let read = |source| OpenError::Read { path: dir.to_owned(), source };
    let mut files = Files { snapshots: Vec::new(), logs: Vec::new(), unfinished: Vec::new() };
    for entry in fs::read_dir(dir).map_err(read)? {
        let entry = entry.map_err(read)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if let Some(revision) = revision_of(name, "snapshot-") {
            files.snapshots.push(revision);
        } else if let Some(revision) = revision_of(name, "log-") {
            files.logs.push(revision);
        } else if name.ends_with(".tmp") {
            files.unfinished.push(entry.path());
        }
    }
    files.snapshots.sort_unstable();
    files.logs.sort_unstable();
    Ok(files)
}

/// A snapshot got its name when it was whole, so any damage is refused.
fn load_snapshot(path: &Path, limits: Limits) -> Result<State, OpenError> {
    let bytes = read(path)?;
    let mut state = State::new(0, limits);
    let mut offset = 0;
    let mut has_end = false;
    while let Next::Frame { payload, end } = next_frame(&bytes, offset) {
        for record in read_all(payload).ok_or_else(|| corrupt(path, offset, Damage::Record))? {
            match record {
                Record::Head { format, .. } if format != FORMAT => {
                    return Err(corrupt(path, offset, Damage::Format(format)));
                }
                Record::Head { revision, .. } => state = State::new(revision, limits),
                Record::Put(entry) => state.restore(entry),
                Record::End { n_entries } => has_end = n_entries == state.len() as u64,
                Record::Delete(_) => return Err(corrupt(path, offset, Damage::Record)),
            }
        }
        offset = end;
    }
    match next_frame(&bytes, offset) {
        Next::End if has_end => Ok(state),
        Next::End => Err(corrupt(path, offset, Damage::Short)),
        _ => Err(corrupt(path, offset, Damage::Checksum)),
    }
}

/// Replays a log and returns where its good part ends.
///
/// Only the last log may end in an unfinished write: a bad frame after which no good one comes.
fn replay(path: &Path, is_last: bool, state: &mut State) -> Result<End, OpenError> {
    let bytes = read(path)?;
    let end_at = |offset: usize, is_torn| End { good_bytes: offset as u64, is_torn };
    let mut offset = 0;
    loop {
        match next_frame(&bytes, offset) {
            Next::End => return Ok(end_at(offset, false)),
            Next::Bad if is_last && !has_frame_after(&bytes, offset) => {
                return Ok(end_at(offset, true));
            }
            Next::Bad => return Err(corrupt(path, offset, Damage::Checksum)),
            Next::Frame { payload, end } => {
                for record in
                    read_all(payload).ok_or_else(|| corrupt(path, offset, Damage::Record))?
                {
                    replay_record(record, state).map_err(|what| corrupt(path, offset, what))?;
                }
                offset = end;
            }
        }
    }
}

fn replay_record(record: Record, state: &mut State) -> Result<(), Damage> {
    let last = state.revision();
    let change = match record {
        Record::Head { format, .. } if format != FORMAT => return Err(Damage::Format(format)),
        // A log that starts after what we have: the one before it is missing.
        Record::Head { revision, .. } if revision > last => {
            return Err(Damage::Revision { last, found: revision });
        }
        Record::Head { .. } => return Ok(()),
        Record::End { .. } => return Err(Damage::Record),
        Record::Put(entry) | Record::Delete(entry) if entry.mod_revision <= last => return Ok(()),
        Record::Put(entry) => Change::Put { prev: state.entry(&entry.key).cloned(), now: entry },
        Record::Delete(entry) => Change::Delete { prev: deleted(state, &entry)?, last: entry },
    };
    let event = Event { revision: event_revision(&change), change };
    if event.revision != last + 1 {
        return Err(Damage::Revision { last, found: event.revision });
    }
    state.apply(event, &mut Vec::new());
    Ok(())
}

fn deleted(state: &State, last: &Entry) -> Result<Entry, Damage> {
    state.entry(&last.key).cloned().ok_or(Damage::Record)
}

fn event_revision(change: &Change) -> u64 {
    match change {
        Change::Put { now, .. } => now.mod_revision,
        Change::Delete { last, .. } => last.mod_revision,
    }
}

/// Opens the last log to go on behind its good part; an unfinished write is cut off.
fn open_log(path: PathBuf, end: &End) -> Result<Open, OpenError> {
    let open = || {
        let file = OpenOptions::new().write(true).open(&path)?;
        if end.is_torn {
            file.set_len(end.good_bytes)?;
            file.sync_all()?;
        }
        let reserved_bytes = file.metadata()?.len();
        Ok((file, reserved_bytes))
    };
    match open() {
        Ok((file, reserved_bytes)) => {
            let good_bytes = end.good_bytes;
            Ok(Open { medium: Box::new(file), path, good_bytes, reserved_bytes })
        }
        Err(source) => Err(OpenError::Write { path, source }),
    }
}

/// Where the good part of a log ends.
struct End {
    good_bytes: u64,
    /// Something stands behind it that is neither a frame nor zeros.
    is_torn: bool,
}

/// Removes what a crash between a snapshot and the removal of its predecessors left.
fn tidy(dir: &Path, files: &Files) -> Result<(), OpenError> {
    let (Some(&snapshot), Some(&log)) = (files.snapshots.last(), files.logs.last()) else {
        return Ok(());
    };
    let mut result = remove_older(dir, "snapshot-", snapshot);
    if log <= snapshot {
        result = result.and_then(|()| remove_older(dir, "log-", log));
    }
    result.map_err(|source| OpenError::Write { path: dir.to_owned(), source })
}

fn read(path: &Path) -> Result<Vec<u8>, OpenError> {
    fs::read(path).map_err(|source| OpenError::Read { path: path.to_owned(), source })
}

fn corrupt(path: &Path, offset: usize, what: Damage) -> OpenError {
    OpenError::Corrupt { path: path.to_owned(), offset: offset as u64, what }
}
