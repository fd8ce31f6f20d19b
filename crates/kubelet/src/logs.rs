//! Logs as a stream: what was written so far, and with `follow` what comes until the container ends.

use std::{
    io,
    os::{fd::OwnedFd, unix::fs::MetadataExt as _},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream, stream::BoxStream};
use jiff::Timestamp;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::{
    io::unix::AsyncFd,
    sync::{mpsc, watch},
};

use crate::{
    cri::{Filter, Selection},
    disk::{self, LogFile},
    worker::{RunView, Snapshot},
};

const PIECES_WAITING_MAX: usize = 16;
const PIECE_BYTES: usize = 64 << 10;
const NOTICE_BYTES: usize = 4 << 10;

/// Which log is asked for, and how much of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogRequest {
    pub namespace: String,
    pub pod: String,
    pub container: String,
    /// Goes on until the container ends.
    pub follow: bool,
    /// The run before the present one.
    pub previous: bool,
    pub tail_lines: Option<u64>,
    pub since: Option<Timestamp>,
    pub limit_bytes: Option<u64>,
    /// Each line begins with its time.
    pub timestamps: bool,
}

impl LogRequest {
    fn selection(&self) -> Selection {
        Selection {
            since: self.since,
            tail_lines: self.tail_lines.map(|it| usize::try_from(it).unwrap_or(usize::MAX)),
            limit_bytes: self.limit_bytes,
            has_timestamps: self.timestamps,
        }
    }
}

/// The attempt whose log is meant; `None` when there is none.
///
/// A container that waits to be restarted shows the run that ended, as `previous` too.
/// Source: Kubernetes 1.34, `validateContainerLogStatus`.
pub(crate) fn attempt(run: &RunView, is_previous: bool) -> Option<u32> {
    let is_looping = run.has_started && run.waiting.is_some() && !run.is_running;
    match (is_previous, run.has_started) {
        (false, true) => Some(run.attempt),
        (true, true) if is_looping => Some(run.attempt),
        _ => run.attempt.checked_sub(1),
    }
}

/// Why there is no log yet, in upstream's words.
pub(crate) fn waiting_text(reason: Option<&str>) -> String {
    let text = match reason {
        Some("ErrImagePull") => "image can't be pulled",
        Some("ImagePullBackOff") => "trying and failing to pull image",
        Some(reason) => reason,
        None => "ContainerCreating",
    };
    text.to_owned()
}

/// Streams a log; `path` is that of the run `attempt` of the request's container.
pub(crate) fn read(
    request: &LogRequest,
    path: PathBuf,
    attempt: u32,
    snapshot: watch::Receiver<Snapshot>,
) -> BoxStream<'static, io::Result<Bytes>> {
    let (tx, rx) = mpsc::channel(PIECES_WAITING_MAX);
    let ended = Ended { snapshot, container: request.container.clone(), attempt };
    let filter = Filter::new(request.selection());
    let is_followed = request.follow;
    tokio::spawn(async move {
        if let Err(error) = send(path, filter, is_followed, ended, &tx).await {
            // Whoever asked may have gone.
            drop(tx.send(Err(error)).await);
        }
    });
    stream::unfold(rx, async |mut rx| rx.recv().await.map(|it| (it, rx))).boxed()
}

/// Tells when the run that is followed has ended.
struct Ended {
    snapshot: watch::Receiver<Snapshot>,
    container: String,
    attempt: u32,
}

impl Ended {
    /// A pod that is gone has ended, too.
    async fn wait(&mut self) {
        let (container, attempt) = (&self.container, self.attempt);
        let has_ended = |it: &Snapshot| {
            let run = it.runs.get(container);
            !run.is_some_and(|it| it.attempt == attempt && it.is_running)
        };
        drop(self.snapshot.wait_for(has_ended).await);
    }
}

async fn send(
    path: PathBuf,
    filter: Filter,
    is_followed: bool,
    mut ended: Ended,
    tx: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    // Watched before it is read, so that nothing falls between.
    let notices = if is_followed { Some(Notices::of(&path)?) } else { None };
    let history = tx.clone();
    let reading = tokio::task::spawn_blocking(move || read_history(&path, filter, &history));
    let mut log = reading.await.map_err(io::Error::other)??;
    let Some(notices) = notices else { return Ok(()) };
    loop {
        let is_over = tokio::select! {
            () = ended.wait() => true,
            () = tx.closed() => return Ok(()),
            notice = notices.wait() => {
                notice?;
                false
            }
        };
        log.send_new(tx).await?;
        if is_over || log.filter.is_full() {
            return Ok(());
        }
    }
}

/// A log that is being followed.
struct Log {
    path: PathBuf,
    /// The file that `path` named when it was opened.
    file: Option<LogFile>,
    filter: Filter,
}

fn read_history(
    path: &Path,
    mut filter: Filter,
    tx: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<Log> {
    let mut file = None;
    for path in disk::log_files(path) {
        file = LogFile::open(&path)?;
        while let Some(file) = &mut file {
            let bytes = file.read(PIECE_BYTES)?;
            if bytes.is_empty() || filter.is_full() {
                break;
            }
            give(tx, filter.push(&bytes));
        }
    }
    give(tx, filter.release());
    Ok(Log { path: path.to_owned(), file, filter })
}

fn give(tx: &mpsc::Sender<io::Result<Bytes>>, shown: Vec<u8>) {
    if !shown.is_empty() {
        // Whoever asked may have gone; the next wait notices.
        drop(tx.blocking_send(Ok(Bytes::from(shown))));
    }
}

impl Log {
    /// Sends what was written since, in the file that was read and in the one that follows it.
    async fn send_new(&mut self, tx: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
        loop {
            while let Some(file) = &mut self.file {
                let bytes = file.read(PIECE_BYTES)?;
                if bytes.is_empty() {
                    break;
                }
                let shown = self.filter.push(&bytes);
                if !shown.is_empty() && tx.send(Ok(Bytes::from(shown))).await.is_err() {
                    return Ok(());
                }
            }
            let next = LogFile::open(&self.path)?;
            let inode = |it: &Option<LogFile>| it.as_ref().and_then(LogFile::inode);
            if next.is_none() || inode(&next) == inode(&self.file) {
                return Ok(());
            }
            // The log was rotated: what follows is in a new file.
            self.file = next;
        }
    }
}

/// Notices of changes in a log's folder.
struct Notices(AsyncFd<OwnedFd>);

impl Notices {
    #[expect(
        deprecated,
        reason = "its replacement is unsafe, which is sandbox's alone; the descriptor is owned and stays open"
    )]
    fn of(path: &Path) -> io::Result<Self> {
        let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let flags = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO;
        inotify::add_watch(&fd, folder, flags)?;
        Ok(Self(AsyncFd::new(fd)?))
    }

    /// Waits for a notice, and takes all that are there.
    async fn wait(&self) -> io::Result<()> {
        let mut buffer = [0; NOTICE_BYTES];
        loop {
            let mut guard = self.0.readable().await?;
            let taken = guard.try_io(|fd| Ok(rustix::io::read(fd.get_ref(), &mut buffer)?));
            if let Ok(taken) = taken {
                return taken.map(drop);
            }
        }
    }
}

impl LogFile {
    fn inode(&self) -> Option<u64> {
        self.metadata().ok().map(|it| it.ino())
    }
}

#[cfg(test)]
#[path = "logs/tests.rs"]
mod tests;
