//! Child processes: started in a folder, their lines passed on as they come, ended with all they started.

use std::{
    io,
    path::{Path, PathBuf},
    pin::pin,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::Command,
    sync::mpsc,
    task::JoinSet,
    time::timeout,
};

/// How many lines may wait for a slow reader before the child waits too.
const LINES_WAITING_MAX: usize = 1024;
/// How long what a command has left behind may go on writing, and then how long it may take to be gone.
const LEFT_BEHIND: Duration = Duration::from_millis(500);

/// A command line for `sh -c`, where it runs and what it sees.
#[derive(Debug, Clone)]
pub struct ShellCommand {
    pub line: String,
    pub dir: PathBuf,
    /// Added to this process's environment.
    pub env: Vec<(String, String)>,
}

/// A line that the child wrote, without its line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    Out(String),
    Err(String),
}

#[derive(Debug, thiserror::Error)]
#[error("could not run `{line}`")]
pub struct RunError {
    pub line: String,
    pub source: io::Error,
}

/// Runs a command to its end and hands every line to `on_line`, in the order in which they come.
///
/// What the command leaves behind in its process group ends soon after it, and all of the group when the future is
/// dropped.
pub async fn run(
    command: &ShellCommand,
    mut on_line: impl FnMut(Line),
) -> Result<ExitStatus, RunError> {
    let failed = |source| RunError { line: command.line.clone(), source };
    let mut child = Command::new("sh")
        .args(["-c", &command.line])
        .current_dir(&command.dir)
        .envs(command.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let group = Group(child.id());
    let (tx, mut rx) = mpsc::channel(LINES_WAITING_MAX);
    // They end with this future, even where somebody keeps the pipe open.
    let mut readers = JoinSet::new();
    if let Some(out) = child.stdout.take() {
        readers.spawn(forward(out, Line::Out, tx.clone()));
    }
    if let Some(err) = child.stderr.take() {
        readers.spawn(forward(err, Line::Err, tx));
    }
    let status = loop {
        tokio::select! {
            Some(line) = rx.recv() => on_line(line),
            status = child.wait() => break status.map_err(failed)?,
        }
    };
    // A process that still holds the pipe must not be waited for: it may be a server.
    let mut rest = pin!(async {
        while let Some(line) = rx.recv().await {
            on_line(line);
        }
    });
    if timeout(LEFT_BEHIND, &mut rest).await.is_err() {
        drop(group);
        _ = timeout(LEFT_BEHIND, rest).await;
    }
    Ok(status)
}

async fn forward(stream: impl AsyncRead + Unpin, wrap: fn(String) -> Line, tx: mpsc::Sender<Line>) {
    let mut reader = BufReader::new(stream);
    let mut bytes = Vec::new();
    while matches!(reader.read_until(b'\n', &mut bytes).await, Ok(n_bytes) if 0 < n_bytes) {
        let line = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
        if tx.send(wrap(line)).await.is_err() {
            return;
        }
        bytes.clear();
    }
}

/// Ends the process group of a command that is no longer waited for.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let pid = self.0.and_then(|it| i32::try_from(it).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // After a normal end there is no such group left, which is what is wanted.
            kill_process_group(pid, Signal::KILL).ok();
        }
    }
}

/// Whether a process with this id exists on this machine.
pub fn is_alive(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> ShellCommand {
        ShellCommand {
            line: line.to_owned(),
            dir: "/".into(),
            env: vec![("GREETING".to_owned(), "hello".to_owned())],
        }
    }

    #[tokio::test]
    async fn lines_come_in_order_with_the_exit_code() {
        let mut lines = Vec::new();
        let command = command("echo $GREETING; pwd; exit 3");
        let status = run(&command, |it| lines.push(it)).await.unwrap();
        assert_eq!(lines, [Line::Out("hello".to_owned()), Line::Out("/".to_owned())]);
        assert_eq!(status.code(), Some(3));
    }

    #[tokio::test]
    async fn what_a_command_leaves_behind_is_not_waited_for() {
        let mut lines = Vec::new();
        let command = command("sleep 1000 & echo $!; setsid sleep 20 & exit 4");
        let ended = timeout(Duration::from_secs(15), run(&command, |it| lines.push(it)));
        assert_eq!(ended.await.expect("it ends").unwrap().code(), Some(4));
        let [Line::Out(pid)] = lines.as_slice() else { panic!("{lines:?}") };
        let is_gone = |stat: String| stat.contains(") Z ");
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        assert!(stat.map_or(true, is_gone), "{pid} is ended with its group");
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_an_error_that_names_the_command() {
        let command = ShellCommand { dir: "/nowhere".into(), ..command("true") };
        let error = run(&command, drop).await.unwrap_err();
        assert_eq!(error.to_string(), "could not run `true`");
    }
}
