//! Snapshots: the current entries in one file, after which the log starts afresh.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Mutex,
};

use crate::{
    entry::Entry,
    frame::push_frame,
    log::{Log, Open},
    record,
    state::State,
    store::lock,
};

/// Entries are written in frames of about this size.
const FRAME_BYTES: usize = 256 << 10;

pub(crate) fn snapshot_path(dir: &Path, revision: u64) -> PathBuf {
    dir.join(format!("snapshot-{revision:016x}"))
}

/// The log that starts after a revision.
pub(crate) fn log_path(dir: &Path, revision: u64) -> PathBuf {
    dir.join(format!("log-{revision:016x}"))
}

/// The revision in a file's name, when it is one of these.
pub(crate) fn revision_of(name: &str, prefix: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_prefix(prefix)?, 16).ok()
}

/// Writes a snapshot of the committed state and goes on in a new log.
///
/// The snapshot is whole before it has its name, and the old log is removed last, so that at every moment the
/// folder holds everything.
pub(crate) fn replace_log(log: &mut Log, state: &Mutex<State>) -> io::Result<()> {
    let (entries, revision) = {
        let state = lock(state);
        (state.list("").cloned().collect::<Vec<Entry>>(), state.revision())
    };
    write_snapshot(&log.dir, revision, &entries)?;
    let old = log.path.clone();
    let open = create_log(&log.dir, revision)?;
    log.switch(open);
    fs::remove_file(&old)?;
    remove_older(&log.dir, "snapshot-", revision)
}

fn write_snapshot(dir: &Path, revision: u64, entries: &[Entry]) -> io::Result<()> {
    let path = snapshot_path(dir, revision);
    let unfinished = path.with_extension("tmp");
    let mut file = File::create(&unfinished)?;
    let mut buffer = Vec::new();
    push_frame(&mut buffer, |out| record::push_head(out, revision));
    let mut entries_left = entries;
    while !entries_left.is_empty() {
        push_frame(&mut buffer, |out| {
            let start = out.len();
            while let Some((entry, rest)) = entries_left.split_first()
                && out.len() < start + FRAME_BYTES
            {
                record::push_put(out, entry);
                entries_left = rest;
            }
        });
        file.write_all(&buffer)?;
        buffer.clear();
    }
    push_frame(&mut buffer, |out| record::push_end(out, entries.len() as u64));
    file.write_all(&buffer)?;
    file.sync_all()?;
    fs::rename(&unfinished, &path)?;
    sync_dir(dir)
}

/// Makes the log that starts after a revision; one that is there without content is taken over.
pub(crate) fn create_log(dir: &Path, revision: u64) -> io::Result<Open> {
    let path = log_path(dir, revision);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
    let mut head = Vec::new();
    push_frame(&mut head, |out| record::push_head(out, revision));
    file.write_all(&head)?;
    file.sync_all()?;
    sync_dir(dir)?;
    let good_bytes = head.len() as u64;
    Ok(Open { path, medium: Box::new(file), good_bytes, reserved_bytes: good_bytes })
}

/// Removes the files of one sort that a snapshot at `revision` has made superfluous.
pub(crate) fn remove_older(dir: &Path, prefix: &str, revision: u64) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_str().and_then(|name| revision_of(name, prefix)).is_some_and(|it| it < revision)
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
