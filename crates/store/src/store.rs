//! The store as its users see it.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::{
    entry::Entry,
    recover::{OpenError, recover},
    state::{Compacted, State},
    watch::Watch,
    write::{Op, WriteError},
    writer::{self, Request},
};

/// The revision of a store that was never written, as etcd has it: 0 means "any" to Kubernetes clients.
const FIRST_REVISION: u64 = 1;

/// How many writes may wait for the writer.
const QUEUED_WRITES_MAX: usize = 1024;

/// How much a store keeps beside the current entries.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Events that a watch may look back on.
    pub history_events_max: usize,
    /// The sum of their values' sizes.
    pub history_bytes_max: usize,
    /// The log is replaced by a snapshot beyond this size, or twice the size of the current entries if that is more.
    pub log_bytes_max: u64,
}

impl Limits {
    /// What the embedded cluster uses.
    pub const STANDARD: Self =
        Self { history_events_max: 4096, history_bytes_max: 4 << 20, log_bytes_max: 4 << 20 };
}

/// A map from keys to JSON objects with revisions and watches; cloning shares it.
///
/// *Guarantees*: an answered write survives the end of the process, and of the machine when the disk keeps what
/// `fdatasync` promised; readers and watchers only see writes that are answered or about to be.
#[derive(Clone, Debug)]
pub struct Store {
    state: Arc<Mutex<State>>,
    backend: Arc<Backend>,
}

#[derive(Debug)]
enum Backend {
    /// One writer at a time.
    Memory(Mutex<()>),
    Disk(Writer),
}

/// The writer thread, which ends with the last handle on the store.
#[derive(Debug)]
struct Writer {
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Writer {
    /// Waits until the writes under way are on disk and the folder is released.
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has failed every request already.
            let _ended = thread.join();
        }
    }
}

impl Store {
    /// Makes an empty store that forgets everything at its end.
    pub fn in_memory() -> Self {
        Self::in_memory_with(Limits::STANDARD)
    }

    pub fn in_memory_with(limits: Limits) -> Self {
        Self {
            state: Arc::new(Mutex::new(State::new(FIRST_REVISION, limits))),
            backend: Arc::new(Backend::Memory(Mutex::new(()))),
        }
    }

    /// Opens the store in a folder, which is made when missing, and recovers what was acknowledged.
    ///
    /// Fails when another process holds the folder, when it cannot be read or written, and with
    /// [`OpenError::Corrupt`] when something other than the unfinished last write is damaged.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        Self::open_with(dir, Limits::STANDARD)
    }

    pub fn open_with(dir: &Path, limits: Limits) -> Result<Self, OpenError> {
        let (state, log) = recover(dir, FIRST_REVISION, limits)?;
        let state = Arc::new(Mutex::new(state));
        let (tx, rx) = mpsc::channel(QUEUED_WRITES_MAX);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn({
                let state = state.clone();
                move || writer::run(log, &state, rx)
            })
            .map_err(|source| OpenError::Thread { source })?;
        let writer = Writer { requests: Some(tx), thread: Some(thread) };
        Ok(Self { state, backend: Arc::new(Backend::Disk(writer)) })
    }

    /// The revision of the last committed write.
    pub fn revision(&self) -> u64 {
        lock(&self.state).revision()
    }

    /// The oldest revision that [`Store::watch`] and [`Store::list_at`] accept.
    pub fn oldest_revision(&self) -> u64 {
        lock(&self.state).oldest()
    }

    pub fn get(&self, key: &str) -> Option<Entry> {
        lock(&self.state).entry(key).cloned()
    }

    /// The entries whose keys start with `prefix`, by key, and the revision at which this holds.
    pub fn list(&self, prefix: &str) -> (Vec<Entry>, u64) {
        let state = lock(&self.state);
        (state.list(prefix).cloned().collect(), state.revision())
    }

    /// The same as it was at an earlier revision, as long as the history reaches back to it.
    pub fn list_at(&self, prefix: &str, revision: u64) -> Result<Vec<Entry>, Compacted> {
        lock(&self.state).list_at(prefix, revision)
    }

    /// Writes a key that must not exist.
    pub async fn create(&self, key: &str, value: Value) -> Result<Entry, WriteError> {
        self.write(key, Op::Create(value)).await
    }

    /// Replaces a key whose last write has the revision `expected`.
    pub async fn update(
        &self,
        key: &str,
        value: Value,
        expected: u64,
    ) -> Result<Entry, WriteError> {
        self.write(key, Op::Update { value, expected }).await
    }

    /// Removes a key whose last write has the revision `expected`.
    ///
    /// The entry that comes back is the last state, under the revision of the deletion.
    pub async fn delete(&self, key: &str, expected: u64) -> Result<Entry, WriteError> {
        self.write(key, Op::Delete { expected }).await
    }

    /// Watches the keys that start with `prefix` for writes after a revision.
    pub fn watch(&self, prefix: &str, after_revision: u64) -> Result<Watch, Compacted> {
        let id = lock(&self.state).watch(prefix, after_revision)?;
        Ok(Watch::new(self.state.clone(), id, after_revision))
    }

    /// Lists and watches without a gap.
    pub fn list_and_watch(&self, prefix: &str) -> (Vec<Entry>, Watch) {
        let mut state = lock(&self.state);
        let entries = state.list(prefix).cloned().collect();
        let revision = state.revision();
        let id = state.watch(prefix, revision).expect("the current revision is always kept");
        drop(state);
        (entries, Watch::new(self.state.clone(), id, revision))
    }

    async fn write(&self, key: &str, op: Op) -> Result<Entry, WriteError> {
        let (reply, answer) = oneshot::channel();
        let request = Request { key: key.into(), op, reply };
        match &*self.backend {
            Backend::Memory(turn) => {
                let turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
                writer::commit(None, &self.state, vec![request]);
                drop(turn);
            }
            Backend::Disk(writer) => {
                let requests = writer.requests.as_ref().ok_or(WriteError::Closed)?;
                requests.send(request).await.map_err(|_| WriteError::Closed)?;
            }
        }
        answer.await.map_err(|_| WriteError::Closed)?
    }
}

/// Locks the state; a panic while it was held left nothing half done that readers could trip over.
pub(crate) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
