//! The cluster from outside: started in the background, asked how it does, stopped, removed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use host::files::{self, FileError};
use rustix::{
    fs::FlockOperation,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use sandbox::{Node, NodeError};
use serde::{Deserialize, Serialize};

use crate::{Layout, Settings, SettingsError, run::node_config, settings};

/// Lines of the log that an error shows.
const LOG_LINES_SHOWN_MAX: usize = 5;
const STOP_MS_MAX: u64 = 10_000;

#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("could not use the cluster's files")]
    File(#[source] FileError),
    #[error("could not start the cluster's process `{}`", exe.display())]
    Spawn { exe: PathBuf, source: io::Error },
    #[error("could not start the cluster: {cause}")]
    Start { cause: String },
    #[error("could not stop the cluster's process {pid}")]
    Stop { pid: u32, source: io::Error },
    #[error("could not remove the node's network")]
    Node(#[source] NodeError),
    #[error("could not read the cluster's settings")]
    Settings(#[source] SettingsError),
}

/// A cluster that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    pub pid: u32,
    pub settings: Settings,
    pub kubeconfig: PathBuf,
}

/// What the cluster's process tells whoever started it, as one line of JSON on its standard output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum Announcement {
    Ready,
    Failed { cause: String },
}

/// Finds out whether the cluster runs.
pub fn status(layout: &Layout) -> Result<Option<Running>, ControlError> {
    let Some(pid) = holder(&layout.lock())? else { return Ok(None) };
    let settings = settings::load(&layout.settings()).map_err(ControlError::Settings)?;
    let kubeconfig = layout.kubeconfig();
    Ok(settings.map(|settings| Running { pid, settings, kubeconfig }))
}

/// Starts the cluster in the background unless it runs, and returns when its API answers.
///
/// `exe` and `args` are the command line that calls [`crate::run()`].
pub fn start(layout: &Layout, exe: &Path, args: &[String]) -> Result<Running, ControlError> {
    if let Some(running) = status(layout)? {
        return Ok(running);
    }
    files::create_dir(&layout.cluster()).map_err(ControlError::File)?;
    let log_path = layout.log();
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log_path)
        .map_err(|it| ControlError::File(FileError::new("open", &log_path, it)))?;
    let mut child = Command::new(exe)
        .args(args)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(|source| ControlError::Spawn { exe: exe.to_owned(), source })?;
    let announcement = child.stdout.take().and_then(announcement);
    match announcement {
        Some(Announcement::Ready) => {}
        Some(Announcement::Failed { cause }) => {
            child.wait().ok();
            return Err(ControlError::Start { cause });
        }
        None => {
            child.kill().ok();
            child.wait().ok();
            return Err(ControlError::Start { cause: end_of_log(&log_path) });
        }
    }
    let running = status(layout)?;
    running.ok_or_else(|| ControlError::Start { cause: end_of_log(&log_path) })
}

/// The process keeps running after its line: only the line is waited for.
fn announcement(stdout: impl io::Read) -> Option<Announcement> {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).ok()?;
    serde_json::from_str(&line).ok()
}

fn end_of_log(path: &Path) -> String {
    let text = fs::read(path).map(|it| String::from_utf8_lossy(&it).into_owned());
    let text = text.unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(LOG_LINES_SHOWN_MAX).collect();
    let lines: Vec<&str> = lines.into_iter().rev().collect();
    format!("its process ended early; the end of {} is:\n{}", path.display(), lines.join("\n"))
}

/// Ends the cluster's process and every pod, and takes its network away; what is stored stays.
///
/// Returns whether it ran. A cluster that was killed is cleaned up all the same.
pub fn stop(layout: &Layout, exe: &Path) -> Result<bool, ControlError> {
    let pid = holder(&layout.lock())?;
    if let Some(pid) = pid {
        terminate(pid).map_err(|source| ControlError::Stop { pid, source })?;
    }
    if layout.cluster().is_dir() {
        Node::remove(&node_config(layout, exe)).map_err(ControlError::Node)?;
    }
    Ok(pid.is_some())
}

/// Stops the cluster and forgets all that it stored: objects, volumes, certificates, ports.
pub fn reset(layout: &Layout, exe: &Path) -> Result<(), ControlError> {
    stop(layout, exe)?;
    let dir = layout.cluster();
    match fs::remove_dir_all(&dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ControlError::File(FileError::new("remove", &dir, error)))
        }
        _ => Ok(()),
    }
}

/// Asks a process to end, waits for it, and kills it when it takes too long.
fn terminate(pid: u32) -> io::Result<()> {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let raw = raw.ok_or(io::ErrorKind::InvalidInput)?;
    let process = match pidfd_open(raw, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(rustix::io::Errno::SRCH) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for signal in [Signal::TERM, Signal::KILL] {
        match pidfd_send_signal(&process, signal) {
            Ok(()) => {}
            Err(rustix::io::Errno::SRCH) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let mut ended = [rustix::event::PollFd::new(&process, rustix::event::PollFlags::IN)];
        let limit = rustix::event::Timespec {
            tv_sec: i64::try_from(STOP_MS_MAX / 1000).unwrap_or(10),
            tv_nsec: 0,
        };
        if rustix::event::poll(&mut ended, Some(&limit))? != 0 {
            return Ok(());
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// The process that holds the lock, if one does.
fn holder(path: &Path) -> Result<Option<u32>, ControlError> {
    let failed = |it| ControlError::File(FileError::new("read", path, it));
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(None),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(failed)?;
            Ok(text.trim().parse().ok())
        }
        Err(error) => Err(failed(error.into())),
    }
}
