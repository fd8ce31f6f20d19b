//! A container as its shim keeps it: its first process, its streams and its log.

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    path::Path,
};

use jiff::Timestamp;
use rustix::{
    fs::{Mode, OFlags, open},
    io::{Errno, ioctl_fionbio},
    pipe::{PipeFlags, pipe_with},
};

use crate::{
    error::{During as _, Failure},
    kernel::{
        cgroup::{Cgroups, Entry},
        process::{self, Child, NEW_MOUNTS},
    },
    shim::{
        log::Log,
        note,
        program::{self, Program, Streams},
        rootfs,
    },
    spec::{ContainerSpec, ContainerState, Exit},
};

const READ_BYTES: usize = 32 << 10;

pub(crate) struct Container {
    pub(crate) program: Program,
    pub(crate) started_at: Timestamp,
    pub(crate) init: Child,
    /// Ends to read from; a terminal is the first and only one. `None` after end of file.
    pub(crate) outputs: [Option<OwnedFd>; 2],
    pub(crate) input: Option<OwnedFd>,
    pub(crate) is_input_once: bool,
    pub(crate) attached: Vec<Attached>,
    pub(crate) exit: Option<Exit>,
    log: Log,
}

/// Somebody who reads along.
pub(crate) struct Attached {
    pub(crate) connection: u64,
    pub(crate) sinks: [Option<OwnedFd>; 2],
}

impl Container {
    /// Starts the container's first process, in new namespaces `namespaces` besides the shim's own.
    pub(crate) fn start(
        pod_dir: &Path,
        hostname: &str,
        spec: &ContainerSpec,
        namespaces: u64,
        entry: &Entry,
    ) -> Result<Self, Failure> {
        let log = Log::open(&spec.log_path)
            .during(|| format!("open the log `{}`", spec.log_path.display()))?;
        let program = Program::of(spec, hostname)?;
        let (theirs, input, outputs) =
            if spec.tty { (None, None, [None, None]) } else { streams(spec.stdin)? };
        let started_at = Timestamp::now();
        let mut init = process::spawn(namespaces | NEW_MOUNTS, entry, |report| {
            rootfs::enter(pod_dir, spec)?;
            program::run(&program, theirs.as_ref(), report)
        })?;
        let outputs = match init.terminal.take() {
            Some(terminal) => [Some(terminal), None],
            None => outputs,
        };
        for output in outputs.iter().flatten() {
            ioctl_fionbio(output, true).during(|| "set up the streams".to_owned())?;
        }
        let attached = Vec::new();
        let is_input_once = spec.stdin_once;
        Ok(Self {
            program,
            started_at,
            init,
            outputs,
            input,
            is_input_once,
            attached,
            exit: None,
            log,
        })
    }

    pub(crate) fn state(&self) -> ContainerState {
        let started_at = self.started_at;
        match &self.exit {
            Some(exit) => ContainerState::Exited { started_at, exit: exit.clone() },
            None => ContainerState::Running { pid: self.init.host_pid, started_at },
        }
    }

    pub(crate) fn has_terminal(&self) -> bool {
        self.program.terminal.is_some()
    }

    /// Hands out the descriptor for an attached caller's input: the terminal, or the pipe.
    pub(crate) fn input_for(&mut self, is_wanted: bool) -> io::Result<Option<OwnedFd>> {
        if self.has_terminal() {
            return self.outputs[0].as_ref().map(OwnedFd::try_clone).transpose();
        }
        if !is_wanted {
            return Ok(None);
        }
        if self.is_input_once {
            return Ok(self.input.take());
        }
        self.input.as_ref().map(OwnedFd::try_clone).transpose()
    }

    /// Moves what a stream has printed to the log and to those who read along, until it would wait.
    pub(crate) fn pump(&mut self, stream: usize) {
        let mut buffer = vec![0; READ_BYTES];
        while let Some(output) = &self.outputs[stream] {
            match rustix::io::read(output, &mut buffer[..]) {
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                // A terminal whose users have gone answers EIO.
                Ok(0) | Err(_) => self.outputs[stream] = None,
                Ok(n_bytes) => self.put(stream, &buffer[..n_bytes]),
            }
        }
    }

    fn put(&mut self, stream: usize, bytes: &[u8]) {
        if let Err(error) = self.log.write(stream, bytes, Timestamp::now()) {
            note("output not logged", &error);
        }
        for attached in &mut self.attached {
            // A reader that does not keep up is let go: the container must not wait for it.
            let sink = &mut attached.sinks[stream];
            if sink.as_ref().is_some_and(|it| rustix::io::write(it, bytes) != Ok(bytes.len())) {
                *sink = None;
            }
        }
    }

    /// Takes note of the end of the first process: the rest of the output, and how it ended.
    pub(crate) fn finish(&mut self, cgroups: &Cgroups, pod: &str, id: &str) -> io::Result<Exit> {
        let status = process::wait(&self.init.process)?;
        // In a shared PID namespace its children live on.
        cgroups.kill(pod, id)?;
        self.pump(0);
        self.pump(1);
        let finished_at = Timestamp::now();
        self.log.finish(finished_at)?;
        self.outputs = [None, None];
        self.input = None;
        let oom_killed = cgroups.oom_kills(pod, id) > 0;
        let (code, signal) = to_code(status);
        let exit = Exit { code, signal, oom_killed, finished_at };
        self.exit = Some(exit.clone());
        Ok(exit)
    }

    /// The descriptors to poll with the numbers of their streams.
    pub(crate) fn open_outputs(&self) -> impl Iterator<Item = (usize, BorrowedFd<'_>)> {
        let numbered = self.outputs.iter().enumerate();
        numbered.filter_map(|(stream, it)| Some((stream, it.as_ref()?.as_fd())))
    }
}

/// The exit code as a shell tells it, and the signal.
pub(crate) fn to_code(status: Result<i32, i32>) -> (i32, Option<i32>) {
    match status {
        Ok(code) => (code, None),
        Err(signal) => (128 + signal, Some(signal)),
    }
}

type Ends = (Option<Streams>, Option<OwnedFd>, [Option<OwnedFd>; 2]);

/// Makes the pipes of a program: its own ends, our end of its input, our ends of its outputs.
fn streams(has_input: bool) -> Result<Ends, Failure> {
    let pipe = || pipe_with(PipeFlags::CLOEXEC).during(|| "make a pipe".to_owned());
    let (their_input, input) = if has_input {
        let (reader, writer) = pipe()?;
        (reader, Some(writer))
    } else {
        (null()?, None)
    };
    let (output, their_output) = pipe()?;
    let (error, their_error) = pipe()?;
    Ok((Some([their_input, their_output, their_error]), input, [Some(output), Some(error)]))
}

/// Opens `/dev/null`.
pub(crate) fn null() -> Result<OwnedFd, Failure> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    open("/dev/null", flags, Mode::empty()).during(|| "open `/dev/null`".to_owned())
}
