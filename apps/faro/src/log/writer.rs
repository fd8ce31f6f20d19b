//! A thread that writes lines, so that no request waits for whoever reads them.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// Bytes that may wait; whoever has more to say waits, too, so that no line is lost.
const WAITING_BYTES_MAX: usize = 1024 * 1024;
/// How long the first line waits for others: waking the thread costs more than a line.
const GATHER: Duration = Duration::from_millis(10);
/// Bytes that are written without waiting for more.
const BATCH_BYTES: usize = 64 * 1024;

/// Takes lines; clones share the thread.
#[derive(Debug, Clone)]
pub(super) struct Writer(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Lines>,
    /// For the thread: there is something to write, or it is over.
    is_work: Condvar,
    /// For those who write: there is room again.
    is_room: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    waiting: Vec<u8>,
    /// The thread sleeps; otherwise it looks by itself.
    is_idle: bool,
    is_over: bool,
}

/// Ends the log: what waits is written before this is gone.
#[derive(Debug)]
#[must_use = "the log ends with it"]
pub struct Flush {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(to: impl Write + Send + 'static) -> (Self, Flush) {
        let shared = Arc::<Shared>::default();
        let work = Arc::clone(&shared);
        let thread = thread::Builder::new().name("log".to_owned()).spawn(move || work.run(to));
        // Without a thread, everything is written by whoever says it.
        shared.lock().is_over = thread.is_err();
        (Self(Arc::clone(&shared)), Flush { shared, thread: thread.ok() })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes all that waits at once, until it is over and nothing waits.
    fn run(&self, mut to: impl Write) {
        let mut taken = Vec::new();
        loop {
            let mut lines = self.lock();
            while lines.waiting.is_empty() {
                if lines.is_over {
                    return;
                }
                lines.is_idle = true;
                lines = self.is_work.wait(lines).unwrap_or_else(PoisonError::into_inner);
                lines.is_idle = false;
            }
            let is_few = |it: &mut Lines| it.waiting.len() < BATCH_BYTES && !it.is_over;
            let gathered = self.is_work.wait_timeout_while(lines, GATHER, is_few);
            let (mut lines, _) = gathered.unwrap_or_else(PoisonError::into_inner);
            mem::swap(&mut taken, &mut lines.waiting);
            drop(lines);
            self.is_room.notify_all();
            // Nobody is left to be told that the log cannot be written.
            to.write_all(&taken).and_then(|()| to.flush()).ok();
            taken.clear();
        }
    }

    fn add(&self, line: &[u8]) {
        let mut lines = self.lock();
        while WAITING_BYTES_MAX < lines.waiting.len() && !lines.is_over {
            lines = self.is_room.wait(lines).unwrap_or_else(PoisonError::into_inner);
        }
        if lines.is_over {
            drop(lines);
            io::stdout().write_all(line).ok();
            return;
        }
        let n_before = lines.waiting.len();
        lines.waiting.extend_from_slice(line);
        let is_full = n_before < BATCH_BYTES && BATCH_BYTES <= lines.waiting.len();
        if mem::take(&mut lines.is_idle) || is_full {
            drop(lines);
            self.is_work.notify_one();
        }
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.is_work.notify_one();
        self.shared.is_room.notify_all();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Writer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds up whoever writes until the test lets go.
    #[derive(Debug, Clone, Default)]
    struct Slow(Arc<Mutex<Vec<u8>>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_of_every_thread_is_written_in_order_and_before_the_end() {
        let slow = Slow::default();
        let held = slow.0.lock().unwrap();
        let (writer, flush) = Writer::start(slow.clone());
        let say = |name: usize| {
            let writer = writer.clone();
            // More than may wait, all together.
            move || {
                for n in 0..20_000 {
                    let line = format!("{name} {n} {}\n", "x".repeat(20));
                    (&writer).write_all(line.as_bytes()).unwrap();
                }
            }
        };
        let threads: Vec<_> = (0..4).map(|it| thread::spawn(say(it))).collect();
        drop(held);
        for thread in threads {
            thread.join().unwrap();
        }
        drop(flush);
        let text = String::from_utf8(slow.0.lock().unwrap().clone()).unwrap();
        for name in 0..4 {
            let mine = text.lines().filter_map(|it| it.strip_prefix(&format!("{name} ")));
            let numbers: Vec<usize> =
                mine.map(|it| it.split(' ').next().unwrap().parse().unwrap()).collect();
            assert_eq!(numbers, (0..20_000).collect::<Vec<_>>());
        }
    }
}
