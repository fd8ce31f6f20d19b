//! New processes: into namespaces and a cgroup, with a report of what went wrong before their program ran.

use std::{
    convert::Infallible,
    ffi::{CStr, CString},
    io,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
    panic::{AssertUnwindSafe, catch_unwind},
};

use rustix::{
    fs::readlink,
    net::{AddressFamily, SocketFlags, SocketType, socketpair},
    process::{Pid, WaitId, WaitIdOptions, WaitIdStatus, waitid},
};
use serde::{Deserialize, Serialize};

use crate::{
    error::{During as _, Failure},
    kernel::cgroup::Entry,
    protocol,
};

pub(crate) const NEW_MOUNTS: u64 = 0x2_0000;
pub(crate) const NEW_UTS: u64 = 0x400_0000;
pub(crate) const NEW_IPC: u64 = 0x800_0000;
pub(crate) const NEW_PIDS: u64 = 0x2000_0000;
pub(crate) const NEW_NETWORK: u64 = 0x4000_0000;
const PIDFD: u64 = 0x1000;
const INTO_CGROUP: u64 = 0x2_0000_0000;
const SIGNALS: std::ops::Range<libc::c_int> = 1..32;

/// A running child.
#[derive(Debug)]
pub(crate) struct Child {
    /// Readable when the process has ended.
    pub(crate) process: OwnedFd,
    /// Its number for its parent; also that of the session that it has started.
    pub(crate) pid: Pid,
    /// Its number in the PID namespace of the host.
    pub(crate) host_pid: i32,
    /// The controlling end of the terminal that it made.
    pub(crate) terminal: Option<OwnedFd>,
}

/// The way from a new process to its parent, until its program runs.
pub(crate) struct Report(OwnedFd);

#[derive(Serialize, Deserialize)]
enum Message {
    HostPid(i32),
    /// The terminal rides along.
    Terminal,
    Failed(Failure),
}

impl Report {
    pub(crate) fn terminal(&self, terminal: &OwnedFd) -> io::Result<()> {
        self.tell(&Message::Terminal, &[terminal.as_fd()])
    }

    fn tell(&self, message: &Message, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        // A whole message fits: the socket is empty and takes far more.
        protocol::send(&self.0, &protocol::encode(message)?, descriptors).map(drop)
    }
}

/// Starts a process that does `run` in new namespaces, and waits until its program runs.
///
/// *Assumptions*: the caller has one thread, and `run` ends in an exec.
pub(crate) fn spawn(
    namespaces: u64,
    entry: &Entry,
    run: impl FnOnce(&Report) -> Result<Infallible, Failure>,
) -> Result<Child, Failure> {
    let flags = SocketFlags::CLOEXEC;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)
        .during(|| "make a socket pair".to_owned())?;
    match fork(namespaces, entry).during(|| "make a process (clone3)".to_owned())? {
        None => {
            drop(ours);
            let report = Report(theirs);
            let run = AssertUnwindSafe(|| begin(entry, &report, run));
            let failure = match catch_unwind(run) {
                Ok(Ok(never)) => match never {},
                Ok(Err(failure)) => failure,
                Err(_) => Failure::Step {
                    step: "could not prepare the process: it panicked, see shim.log".to_owned(),
                    errno: libc::EIO,
                },
            };
            // Nobody is left to be told when this fails.
            drop(report.tell(&Message::Failed(failure), &[]));
            exit(127)
        }
        Some((pid, process)) => {
            drop(theirs);
            listen(&ours, pid, process)
        }
    }
}

fn begin(
    entry: &Entry,
    report: &Report,
    run: impl FnOnce(&Report) -> Result<Infallible, Failure>,
) -> Result<Infallible, Failure> {
    join(entry).during(|| "join the cgroup".to_owned())?;
    let host_pid = host_pid().during(|| "read the process number".to_owned())?;
    report.tell(&Message::HostPid(host_pid), &[]).during(|| "report".to_owned())?;
    run(report)
}

/// Reads the caller's number as the `/proc` that it sees counts.
fn host_pid() -> io::Result<i32> {
    let name = readlink("/proc/self", Vec::new())?;
    name.to_str()
        .ok()
        .and_then(|it| it.parse().ok())
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn listen(socket: &OwnedFd, pid: Pid, process: OwnedFd) -> Result<Child, Failure> {
    let (mut bytes, mut descriptors) = (Vec::new(), Vec::new());
    let (mut host_pid, mut failure) = (None, None);
    loop {
        let n_bytes = protocol::receive(socket, &mut bytes, &mut descriptors)
            .during(|| "hear from the new process".to_owned())?;
        while let Some(message) =
            protocol::decode(&mut bytes).during(|| "understand the new process".to_owned())?
        {
            match message {
                Message::HostPid(pid) => host_pid = Some(pid),
                Message::Terminal => {}
                Message::Failed(it) => failure = Some(it),
            }
        }
        if n_bytes == 0 {
            break;
        }
    }
    match (failure, host_pid) {
        (None, Some(host_pid)) => Ok(Child { process, pid, host_pid, terminal: descriptors.pop() }),
        (failure, _) => {
            // It has reported its end, or is dead: this is short.
            drop(wait(&process));
            Err(failure.unwrap_or_else(|| Failure::Step {
                step: "could not prepare the process: it was killed".to_owned(),
                errno: libc::ECHILD,
            }))
        }
    }
}

/// Waits for a child's end: its exit code, or the signal that killed it.
pub(crate) fn wait(process: &OwnedFd) -> io::Result<Result<i32, i32>> {
    let wait = || waitid(WaitId::PidFd(process.as_fd()), WaitIdOptions::EXITED);
    let status: Option<WaitIdStatus> = rustix::io::retry_on_intr(wait)?;
    let status = status.ok_or(io::ErrorKind::WouldBlock)?;
    Ok(match status.exit_status() {
        Some(code) => Ok(code),
        None => Err(status.terminating_signal().unwrap_or(libc::SIGKILL)),
    })
}

/// Copies the calling process; `None` in the copy.
///
/// *Assumptions*: the caller has one thread.
pub(crate) fn fork(namespaces: u64, entry: &Entry) -> io::Result<Option<(Pid, OwnedFd)>> {
    let (into, cgroup) = match entry {
        Entry::V1(_) => (0, 0),
        Entry::V2(folder) => (INTO_CGROUP, u64::from(folder.as_raw_fd().unsigned_abs())),
    };
    let mut pidfd: libc::c_int = -1;
    let exit_signal = u64::from(libc::SIGCHLD.unsigned_abs());
    let flags = namespaces | PIDFD | into;
    // `struct clone_args`: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls,
    // set_tid, set_tid_size, cgroup.
    let request: [u64; 11] = [
        flags,
        (&raw mut pidfd).expose_provenance() as u64,
        0,
        0,
        exit_signal,
        0,
        0,
        0,
        0,
        0,
        cgroup,
    ];
    // SAFETY: without `CLONE_VM` the child has its own copy of all memory, and goes on from here on
    // its own copy of this stack. A shim has one thread, so no lock is held by a thread that the
    // child lacks. The kernel writes one int to `pidfd`, which outlives the call.
    let result =
        unsafe { libc::syscall(libc::SYS_clone3, request.as_ptr(), size_of_val(&request)) };
    match result {
        ..0 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        1.. => {
            // SAFETY: the kernel made this descriptor for us, and nobody else knows it.
            let process = unsafe { OwnedFd::from_raw_fd(pidfd) };
            let pid = i32::try_from(result).ok().and_then(Pid::from_raw);
            Ok(Some((pid.ok_or(io::ErrorKind::InvalidData)?, process)))
        }
    }
}

/// Puts the calling process, which has one thread, into a v1 cgroup; in v2 it is there already.
pub(crate) fn join(entry: &Entry) -> io::Result<()> {
    if let Entry::V1(tasks) = entry {
        for file in tasks {
            rustix::io::write(file, b"0")?;
        }
    }
    Ok(())
}

/// Turns this process into another program; returns only why it could not.
pub(crate) fn execute(program: &CStr, args: &[CString], env: &[CString]) -> io::Error {
    let pointers = |texts: &[CString]| -> Vec<*const libc::c_char> {
        texts.iter().map(|it| it.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (args, env) = (pointers(args), pointers(env));
    // SAFETY: both lists end with null and point to texts that end with zero; all of it lives until
    // the call returns, if it does.
    unsafe { libc::execve(program.as_ptr(), args.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

/// Makes descriptors the standard input, output and error of this process and its programs.
pub(crate) fn set_standard_streams(streams: [BorrowedFd<'_>; 3]) -> io::Result<()> {
    for (stream, number) in streams.into_iter().zip(0..) {
        // SAFETY: nothing owns descriptors 0 to 2; std only reads and writes them by number.
        let result = unsafe { libc::dup2(stream.as_raw_fd(), number) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Undoes what this process, or whoever started it, chose to do with signals.
pub(crate) fn reset_signals() {
    for signal in SIGNALS {
        // SAFETY: the default action runs no code of ours. SIGKILL and SIGSTOP refuse, harmlessly.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Does nothing for ever, but takes away the dead that a PID namespace leaves to its first process.
pub(crate) fn idle() -> ! {
    // SAFETY: ignoring the signal runs no code of ours; the kernel then reaps children by itself.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    loop {
        // SAFETY: the call only waits.
        unsafe { libc::pause() };
    }
}

/// Ends this process at once, without running what a copied process must not run twice.
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: the call ends the process and touches no memory.
    unsafe { libc::_exit(code) }
}
