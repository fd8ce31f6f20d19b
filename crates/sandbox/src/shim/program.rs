//! The last steps of a process before it is the container's program: user, rights, streams, exec.

use std::{
    convert::Infallible,
    ffi::CString,
    fs, io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FileType, Gid, Mode, Uid, fchown, fstat},
    io::Errno,
    process::{Resource, Rlimit, chdir, getrlimit, ioctl_tiocsctty, setrlimit, setsid, umask},
    termios::tcsetwinsize,
    thread::{
        set_keep_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid,
        set_thread_res_uid,
    },
};
use seccompiler::BpfProgram;

use crate::{
    error::{During as _, Failure},
    exec::winsize,
    kernel::{
        capability::{self, Bits},
        process::{self, Report},
        seccomp, terminal,
    },
    spec::{ContainerSpec, ExecSpec, Seccomp, TerminalSize},
};

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What container runtimes give; the host's own soft limit of 1024 is for programs that `select`.
const OPEN_FILES_MAX: u64 = 1 << 20;
const DEFAULT_TERMINAL: TerminalSize = TerminalSize { columns: 80, rows: 24 };

/// A program and what it may do; the same for a container's first process and for commands in it.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) cwd: PathBuf,
    pub(crate) terminal: Option<TerminalSize>,
    identity: Identity,
}

#[derive(Debug, Clone)]
struct Identity {
    uid: u32,
    gid: u32,
    additional_gids: Vec<u32>,
    capabilities: Bits,
    no_new_privileges: bool,
    filters: Vec<BpfProgram>,
    oom_score_adj: i32,
}

/// Standard input, output and error of a program without a terminal.
pub(crate) type Streams = [OwnedFd; 3];

impl Program {
    pub(crate) fn of(spec: &ContainerSpec, hostname: &str) -> Result<Self, Failure> {
        let capabilities = match capability::parse(&spec.capabilities) {
            _ if spec.privileged => {
                capability::held().during(|| "read the capabilities".to_owned())?
            }
            Ok(bits) => bits,
            Err(name) => {
                let errno = libc::EINVAL;
                return Err(Failure::Step { step: format!("unknown capability `{name}`"), errno });
            }
        };
        let filters = match spec.seccomp {
            Seccomp::RuntimeDefault if !spec.privileged => {
                seccomp::default_filters(capabilities)
                    .during(|| "make the system call filter".to_owned())?
            }
            Seccomp::RuntimeDefault | Seccomp::Unconfined => Vec::new(),
        };
        let mut env = spec.env.clone();
        add_missing(&mut env, "PATH", DEFAULT_PATH);
        add_missing(&mut env, "HOSTNAME", hostname);
        if spec.tty {
            add_missing(&mut env, "TERM", "xterm");
        }
        let identity = Identity {
            uid: spec.uid,
            gid: spec.gid,
            additional_gids: spec.additional_gids.clone(),
            capabilities,
            no_new_privileges: spec.no_new_privileges,
            filters,
            oom_score_adj: spec.oom_score_adj,
        };
        let terminal = spec.tty.then_some(DEFAULT_TERMINAL);
        Ok(Self { args: spec.args.clone(), env, cwd: spec.cwd.clone(), terminal, identity })
    }

    /// The program of a command in the container of this one.
    pub(crate) fn exec(&self, spec: &ExecSpec) -> Self {
        let mut program = self.clone();
        program.args.clone_from(&spec.args);
        for (name, value) in &spec.env {
            program.env.retain(|it| it.0 != *name);
            program.env.push((name.clone(), value.clone()));
        }
        if let Some(cwd) = &spec.cwd {
            program.cwd.clone_from(cwd);
        }
        program.terminal = spec.tty;
        if spec.tty.is_some() {
            add_missing(&mut program.env, "TERM", "xterm");
        }
        program
    }
}

fn add_missing(env: &mut Vec<(String, String)>, name: &str, value: &str) {
    if !env.iter().any(|it| it.0 == name) {
        env.push((name.to_owned(), value.to_owned()));
    }
}

/// Makes the calling process the program; it stands in the container's file system already.
pub(crate) fn run(
    program: &Program,
    streams: Option<&Streams>,
    report: &Report,
) -> Result<Infallible, Failure> {
    let identity = &program.identity;
    process::reset_signals();
    setsid().during(|| "start a session".to_owned())?;
    set_streams(program, streams, report)?;
    set_limits(identity)?;
    umask(Mode::from_raw_mode(0o022));
    let cwd = &program.cwd;
    fs::create_dir_all(cwd)
        .and_then(|()| Ok(chdir(cwd)?))
        .during(|| format!("enter the working directory `{}`", cwd.display()))?;
    let env = environment(program);
    // A filter needs a capability, or the promise that nothing is gained by exec any more.
    if !identity.no_new_privileges {
        install(identity)?;
    }
    become_user(identity)?;
    if identity.no_new_privileges {
        set_no_new_privs(true).during(|| "refuse new privileges".to_owned())?;
        install(identity)?;
    }
    Err(execute(program, &env))
}

fn set_streams(
    program: &Program,
    streams: Option<&Streams>,
    report: &Report,
) -> Result<(), Failure> {
    let step = || "set the standard streams".to_owned();
    if let Some(size) = program.terminal {
        let step = || "make a terminal".to_owned();
        let (master, user) = terminal::open_pair().during(step)?;
        tcsetwinsize(&user, winsize(size)).during(step)?;
        ioctl_tiocsctty(&user).during(step)?;
        report.terminal(&master).during(step)?;
        let streams = [&user, &user, &user];
        return redirect(streams, &program.identity).during(step);
    }
    let [input, output, error] = streams.ok_or(io::ErrorKind::InvalidInput).during(step)?;
    redirect([input, output, error], &program.identity).during(step)
}

/// Puts the streams in place. They belong to the user, who may open `/dev/stdout` again.
fn redirect([input, output, error]: [&OwnedFd; 3], identity: &Identity) -> io::Result<()> {
    for stream in [input, output, error] {
        let stat = fstat(stream)?;
        let is_null = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
            && stat.st_rdev == rustix::fs::makedev(1, 3);
        if !is_null && stat.st_uid != identity.uid {
            fchown(stream, Some(Uid::from_raw(identity.uid)), None)?;
        }
    }
    process::set_standard_streams([input.as_fd(), output.as_fd(), error.as_fd()])
}

/// Sets the limits that are not the cgroup's. Root without `CAP_SYS_RESOURCE`, as in a container,
/// may not raise them: then they stay as high as they are.
fn set_limits(identity: &Identity) -> Result<(), Failure> {
    let step = || "set the limit of open files".to_owned();
    let raised = Rlimit { current: Some(OPEN_FILES_MAX), maximum: Some(OPEN_FILES_MAX) };
    match setrlimit(Resource::Nofile, raised) {
        Err(Errno::PERM) => {
            let given = getrlimit(Resource::Nofile).maximum;
            setrlimit(Resource::Nofile, Rlimit { current: given, maximum: given }).during(step)?;
        }
        result => result.during(step)?,
    }
    set_oom_score_adj(identity.oom_score_adj)
}

/// Says how soon the kernel kills this process for want of memory, unless that needs
/// `CAP_SYS_RESOURCE` and it is not there.
pub(crate) fn set_oom_score_adj(value: i32) -> Result<(), Failure> {
    let path = "/proc/self/oom_score_adj";
    match fs::write(path, value.to_string()) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        result => result.during(|| format!("write `{path}`")),
    }
}

fn install(identity: &Identity) -> Result<(), Failure> {
    identity
        .filters
        .iter()
        .try_for_each(seccomp::install)
        .during(|| "install the system call filter".to_owned())
}

fn become_user(identity: &Identity) -> Result<(), Failure> {
    let step = || "set the capabilities".to_owned();
    capability::bound(identity.capabilities).during(step)?;
    set_keep_capabilities(true).during(step)?;
    let groups: Vec<Gid> = identity.additional_gids.iter().map(|it| Gid::from_raw(*it)).collect();
    set_thread_groups(&groups).during(|| "set the additional groups".to_owned())?;
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    set_thread_res_gid(gid, gid, gid).during(|| format!("become group {}", identity.gid))?;
    set_thread_res_uid(uid, uid, uid).during(|| format!("become user {}", identity.uid))?;
    capability::set(identity.capabilities).during(step)
}

/// Lists the variables, with the user's home when nobody named another.
fn environment(program: &Program) -> Vec<(String, String)> {
    let mut env = program.env.clone();
    if !env.iter().any(|it| it.0 == "HOME") {
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let home = home(&users, program.identity.uid).unwrap_or("/");
        env.push(("HOME".to_owned(), home.to_owned()));
    }
    env
}

/// Finds a user's folder in the text of `/etc/passwd`.
fn home(users: &str, uid: u32) -> Option<&str> {
    let uid = uid.to_string();
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    fields.into_iter().find(|it| it.get(2) == Some(&uid.as_str())).and_then(|it| it.get(5).copied())
}

fn execute(program: &Program, env: &[(String, String)]) -> Failure {
    let Some(name) = program.args.first() else {
        let step = "could not run anything: the container has no command".to_owned();
        return Failure::Step { step, errno: libc::EINVAL };
    };
    let text = |it: String| CString::new(it).map_err(io::Error::other);
    let args: io::Result<Vec<_>> = program.args.iter().cloned().map(text).collect();
    let env_texts: io::Result<Vec<_>> =
        env.iter().map(|(name, value)| text(format!("{name}={value}"))).collect();
    let (args, env_texts) = match (args, env_texts) {
        (Ok(args), Ok(env)) => (args, env),
        (Err(error), _) | (_, Err(error)) => {
            return Failure::step(format!("could not pass on the arguments of `{name}`"), &error);
        }
    };
    let mut worst = io::Error::from_raw_os_error(libc::ENOENT);
    for path in candidates(name, env) {
        let Ok(file) = CString::new(path.as_os_str().as_bytes()) else { continue };
        let error = process::execute(&file, &args, &env_texts);
        let is_missing =
            error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENOTDIR);
        // A file that is there, while exec says it is not, lacks its interpreter or loader.
        if !is_missing || path.exists() {
            worst = error;
            break;
        }
    }
    if worst.kind() == io::ErrorKind::NotFound && candidates(name, env).all(|it| !it.exists()) {
        return Failure::NoSuchFile { program: name.clone() };
    }
    let step = match worst.kind() {
        io::ErrorKind::NotFound => {
            format!("exec `{name}`: its interpreter or loader is not in the image")
        }
        _ => format!("exec `{name}`"),
    };
    Failure::step(step, &worst)
}

/// Lists where a program may be: itself when it is a path, else in the folders of `PATH`.
fn candidates<'a>(
    name: &'a str,
    env: &'a [(String, String)],
) -> Box<dyn Iterator<Item = PathBuf> + 'a> {
    if name.contains('/') {
        return Box::new(std::iter::once(PathBuf::from(name)));
    }
    let folders = env.iter().find(|it| it.0 == "PATH").map_or("", |it| it.1.as_str());
    Box::new(
        folders
            .split(':')
            .map(move |it| Path::new(if it.is_empty() { "." } else { it }).join(name)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_is_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/srv:/bin/false\nbroken\n";
        assert_eq!(home(users, 33), Some("/srv"));
        assert_eq!(home(users, 7), None);
    }

    #[test]
    fn programs_are_searched_in_path_unless_they_are_paths() {
        let env = [("PATH".to_owned(), "/bin::/usr/bin".to_owned())];
        let paths = |name| candidates(name, &env).collect::<Vec<_>>();
        assert_eq!(paths("sh"), ["/bin/sh", "./sh", "/usr/bin/sh"].map(PathBuf::from));
        assert_eq!(paths("./sh"), ["./sh"].map(PathBuf::from));
    }
}
