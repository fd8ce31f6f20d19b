//! The append-only log: one frame a batch, synchronised before the answer.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::io::Errno;

use crate::{frame::push_frame, store::Limits, write::WriteError};

/// What the log needs of a file, so that tests can fill the disk.
pub(crate) trait Medium: Send + std::fmt::Debug {
    fn write(&mut self, bytes: &[u8], at: u64) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
    fn truncate(&mut self, bytes: u64) -> io::Result<()>;
}

impl Medium for File {
    fn write(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }
}

/// The log that is written to, and the folder's lock.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) dir: PathBuf,
    pub(crate) path: PathBuf,
    pub(crate) limits: Limits,
    medium: Box<dyn Medium>,
    /// Everything below is synchronised.
    good_bytes: u64,
    /// From there up to here stand zeros, which the next frames replace.
    reserved_bytes: u64,
    /// Set when what the disk holds is in doubt.
    failed: Option<Arc<io::Error>>,
    /// Held for the store's life: two processes on one folder would destroy it.
    _lock: Arc<File>,
    buffer: Vec<u8>,
}

/// A log file that is open for appending.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) path: PathBuf,
    pub(crate) medium: Box<dyn Medium>,
    pub(crate) good_bytes: u64,
    pub(crate) reserved_bytes: u64,
}

impl Log {
    pub(crate) fn new(dir: &Path, limits: Limits, open: Open, lock: Arc<File>) -> Self {
        let Open { path, medium, good_bytes, reserved_bytes } = open;
        Self {
            dir: dir.to_owned(),
            path,
            limits,
            medium,
            good_bytes,
            reserved_bytes,
            failed: None,
            _lock: lock,
            buffer: Vec::new(),
        }
    }

    /// Goes on with another file.
    pub(crate) fn switch(&mut self, open: Open) {
        self.path = open.path;
        self.medium = open.medium;
        self.good_bytes = open.good_bytes;
        self.reserved_bytes = open.reserved_bytes;
    }

    /// Whether the log has grown so far beyond what is live that a snapshot pays.
    pub(crate) fn is_due(&self, live_bytes: u64) -> bool {
        self.failed.is_none() && self.good_bytes > self.limits.log_bytes_max.max(2 * live_bytes)
    }

    /// Writes zeros ahead when few are left.
    ///
    /// Replacing bytes that are on disk already synchronises several times faster than making a file longer,
    /// because the file system has nothing of its own to write. Without room for them, frames make the file longer.
    pub(crate) fn reserve(&mut self) {
        if self.failed.is_some() || self.reserved_bytes - self.good_bytes >= RESERVED_BYTES_MIN {
            return;
        }
        let zeros = vec![0; RESERVED_BYTES];
        let written = self.medium.write(&zeros, self.reserved_bytes);
        match written.and_then(|()| self.medium.sync()) {
            Ok(()) => self.reserved_bytes += RESERVED_BYTES as u64,
            // What was written of them is zeros as well, or nothing.
            Err(_) => drop(self.medium.truncate(self.reserved_bytes)),
        }
    }

    /// Appends one frame and returns when it is on disk.
    ///
    /// When it fails, nothing of the frame remains in the log, or the log refuses all further writes.
    pub(crate) fn append(&mut self, fill: impl FnOnce(&mut Vec<u8>)) -> Result<(), WriteError> {
        if let Some(source) = &self.failed {
            return Err(WriteError::Append { path: self.path.clone(), source: source.clone() });
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        push_frame(&mut buffer, fill);
        let written = self.medium.write(&buffer, self.good_bytes).and_then(|()| self.medium.sync());
        let result = match written {
            Ok(()) => {
                self.good_bytes += buffer.len() as u64;
                self.reserved_bytes = self.reserved_bytes.max(self.good_bytes);
                Ok(())
            }
            Err(error) => Err(self.undo(error)),
        };
        if buffer.capacity() <= BUFFER_BYTES_KEPT {
            self.buffer = buffer;
        }
        result
    }

    fn undo(&mut self, error: io::Error) -> WriteError {
        let path = self.path.clone();
        let is_full = is_disk_full(&error);
        let source = Arc::new(error);
        self.reserved_bytes = self.good_bytes;
        let undone = self.medium.truncate(self.good_bytes).and_then(|()| self.medium.sync());
        if is_full && undone.is_ok() {
            return WriteError::DiskFull { path, source };
        }
        self.failed = Some(source.clone());
        WriteError::Append { path, source }
    }
}

/// How many zeros are written ahead at once, and when it is time for more.
const RESERVED_BYTES: usize = 512 << 10;
const RESERVED_BYTES_MIN: u64 = 64 << 10;

/// A larger buffer is given back after the batch that needed it.
const BUFFER_BYTES_KEPT: usize = 64 << 10;

fn is_disk_full(error: &io::Error) -> bool {
    [Errno::NOSPC, Errno::DQUOT].iter().any(|it| error.raw_os_error() == Some(it.raw_os_error()))
}

#[cfg(test)]
mod tests;
