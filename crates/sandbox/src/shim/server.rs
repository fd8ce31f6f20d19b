//! The shim's loop: requests, ends of processes, output; and what each does.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::net::UnixListener,
    },
};

use jiff::Timestamp;
use rustix::{
    event::{PollFd, PollFlags, poll},
    process::{Signal, kill_process_group, pidfd_send_signal},
};

use crate::{
    error::{During as _, Failure},
    kernel::{
        cgroup::{Cgroups, Entry, SHIM},
        namespace,
        process::{self, Child, NEW_PIDS},
    },
    protocol::{Reply, Request, ShimConfig},
    shim::{
        connection::{Connection, Incoming},
        container::{Attached, Container, null, to_code},
        note,
        program::{self, Streams},
    },
    spec::{ContainerSpec, ContainerStatus, ExecSpec, Exit, SOCKET, container_dir},
};

/// Everything that can wake the shim.
#[derive(Debug, Clone)]
enum Event {
    Connect,
    Incoming(u64),
    /// A container's first process has ended.
    ContainerEnd(String),
    /// A container has printed to its stream.
    Output(String, usize),
    /// The command of a connection has ended.
    CommandEnd(u64),
}

pub(crate) struct Server {
    config: ShimConfig,
    cgroups: Cgroups,
    listener: UnixListener,
    /// The PID namespace of the shim itself.
    own_pids: OwnedFd,
    /// The first process of the PID namespace that the containers share.
    pause: Option<Child>,
    containers: BTreeMap<String, Container>,
    connections: BTreeMap<u64, Connection>,
    /// By the number of the connection that waits for their end.
    commands: BTreeMap<u64, Child>,
    n_connections: u64,
    is_over: bool,
}

impl Server {
    pub(crate) fn new(
        config: ShimConfig,
        cgroups: Cgroups,
        listener: UnixListener,
    ) -> Result<Self, Failure> {
        let own_pids = File::open("/proc/self/ns/pid").during(|| "open `/proc`".to_owned())?.into();
        let pause = config.pod.share_process_namespace.then(|| pause(&config, &cgroups));
        let pause = pause.transpose()?;
        Ok(Self {
            config,
            cgroups,
            listener,
            own_pids,
            pause,
            containers: BTreeMap::new(),
            connections: BTreeMap::new(),
            commands: BTreeMap::new(),
            n_connections: 0,
            is_over: false,
        })
    }

    /// Serves until a request to destroy the pod.
    pub(crate) fn run(&mut self) -> io::Result<()> {
        while !self.is_over {
            for event in self.wait()? {
                self.handle(event);
            }
        }
        Ok(())
    }

    fn wait(&self) -> io::Result<Vec<Event>> {
        let sources = self.sources();
        let mut fds: Vec<PollFd<'_>> =
            sources.iter().map(|(_, fd)| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
        rustix::io::retry_on_intr(|| poll(&mut fds, None))?;
        let ready = sources.iter().zip(&fds).filter(|(_, fd)| !fd.revents().is_empty());
        Ok(ready.map(|((event, _), _)| event.clone()).collect())
    }

    /// Lists what to wait for. Output comes before ends, so that it is not counted twice.
    fn sources(&self) -> Vec<(Event, BorrowedFd<'_>)> {
        let mut sources = vec![(Event::Connect, self.listener.as_fd())];
        for (id, container) in &self.containers {
            for (stream, fd) in container.open_outputs() {
                sources.push((Event::Output(id.clone(), stream), fd));
            }
            if container.exit.is_none() {
                let event = Event::ContainerEnd(id.clone());
                sources.push((event, container.init.process.as_fd()));
            }
        }
        for (number, command) in &self.commands {
            sources.push((Event::CommandEnd(*number), command.process.as_fd()));
        }
        for (number, connection) in &self.connections {
            sources.push((Event::Incoming(*number), connection.stream.as_fd()));
        }
        sources
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Connect => self.accept(),
            Event::Incoming(number) => self.receive(number),
            Event::ContainerEnd(id) => self.finish(&id),
            Event::Output(id, stream) => {
                if let Some(container) = self.containers.get_mut(&id) {
                    container.pump(stream);
                }
            }
            Event::CommandEnd(number) => self.finish_command(number),
        }
    }

    fn accept(&mut self) {
        let connection = self.listener.accept().and_then(|it| Connection::new(it.0));
        match connection {
            Ok(connection) => {
                self.n_connections += 1;
                self.connections.insert(self.n_connections, connection);
            }
            Err(error) => note("connection lost", &error),
        }
    }

    fn receive(&mut self, number: u64) {
        let Some(connection) = self.connections.get_mut(&number) else { return };
        match connection.receive() {
            Incoming::Part => {}
            Incoming::Closed => self.close(number),
            Incoming::Request(request, descriptors) => {
                let answer = self.answer(number, request, descriptors);
                let (reply, descriptor) =
                    answer.unwrap_or_else(|failure| (Reply::Failed(failure), None));
                self.send(number, &reply, descriptor.as_ref());
                self.after(number, &reply);
            }
        }
    }

    fn send(&mut self, number: u64, reply: &Reply, descriptor: Option<&OwnedFd>) {
        let Some(connection) = self.connections.get(&number) else { return };
        if connection.send(reply, descriptor.map(|it| it.as_fd())).is_err() {
            self.close(number);
        }
    }

    /// Forgets a connection, and ends what only it waits for.
    fn close(&mut self, number: u64) {
        self.connections.remove(&number);
        if let Some(command) = self.commands.remove(&number) {
            // With what it has started. It may have ended by itself: then this finds nobody.
            let _ = kill_process_group(command.pid, Signal::KILL);
            if let Err(error) = process::wait(&command.process) {
                note("command not reaped", &error);
            }
        }
        for container in self.containers.values_mut() {
            container.attached.retain(|it| it.connection != number);
        }
    }

    fn answer(
        &mut self,
        number: u64,
        request: Request,
        descriptors: Vec<OwnedFd>,
    ) -> Result<(Reply, Option<OwnedFd>), Failure> {
        match request {
            Request::List => return Ok((Reply::Containers(self.list()), None)),
            Request::Start(spec) => self.start(&spec)?,
            Request::Signal { id, signal } => self.signal(&id, signal)?,
            Request::Remove { id } => self.remove(&id)?,
            Request::Exec { id, spec } => {
                let terminal = self.exec(number, &id, &spec, descriptors)?;
                return Ok((Reply::Done, terminal));
            }
            Request::Attach { id, stdin, stdout, stderr } => {
                let input = self.attach(number, &id, [stdin, stdout, stderr], descriptors)?;
                return Ok((Reply::Done, input));
            }
            Request::Watch => {
                if let Some(connection) = self.connections.get_mut(&number) {
                    connection.is_watching = true;
                }
                // The exits so far follow the answer; see `after`.
            }
            Request::Destroy => self.destroy()?,
        }
        Ok((Reply::Done, None))
    }

    /// Tells a new watcher what has ended already.
    fn after(&mut self, number: u64, reply: &Reply) {
        let is_watching = self.connections.get(&number).is_some_and(|it| it.is_watching);
        if !is_watching || !matches!(reply, Reply::Done) {
            return;
        }
        let ended: Vec<(String, Exit)> = self
            .containers
            .iter()
            .filter_map(|(id, it)| Some((id.clone(), it.exit.clone()?)))
            .collect();
        for (id, exit) in ended {
            self.send(number, &Reply::Exited { id, exit }, None);
        }
    }

    fn list(&self) -> Vec<ContainerStatus> {
        let status =
            |(id, it): (&String, &Container)| ContainerStatus { id: id.clone(), state: it.state() };
        self.containers.iter().map(status).collect()
    }

    fn start(&mut self, spec: &ContainerSpec) -> Result<(), Failure> {
        if self.containers.contains_key(&spec.id) {
            return Err(Failure::Exists { id: spec.id.clone() });
        }
        let pod = &self.config.pod;
        let started = self
            .cgroups
            .create(&pod.id, &spec.id)
            .during(|| "make the container's cgroup".to_owned())
            .and_then(|entry| {
                self.cgroups.limit(&pod.id, spec)?;
                self.start_in(spec, &entry)
            });
        match started {
            Ok(container) => {
                self.containers.insert(spec.id.clone(), container);
                Ok(())
            }
            Err(failure) => {
                let tidied =
                    self.cgroups.remove(&pod.id, &spec.id).and_then(|()| match fs::remove_dir_all(
                        container_dir(&pod.dir, &spec.id),
                    ) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                        _ => Ok(()),
                    });
                if let Err(error) = tidied {
                    note("failed container not tidied up", &error);
                }
                Err(failure)
            }
        }
    }

    fn start_in(&self, spec: &ContainerSpec, entry: &Entry) -> Result<Container, Failure> {
        let pod = &self.config.pod;
        let start = |namespaces| Container::start(&pod.dir, &pod.hostname, spec, namespaces, entry);
        match &self.pause {
            None => start(NEW_PIDS),
            Some(pause) => self.among(&pause.process, || start(0)),
        }
    }

    /// Does `work`, whose new processes are in the PID namespace of `process`.
    fn among<T>(
        &self,
        process: &OwnedFd,
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        namespace::enter_pids_of(process.as_fd())
            .during(|| "enter the PID namespace".to_owned())?;
        let result = work();
        namespace::enter_pids(self.own_pids.as_fd())
            .during(|| "leave the PID namespace".to_owned())?;
        result
    }

    fn find(&mut self, id: &str) -> Result<&mut Container, Failure> {
        self.containers.get_mut(id).ok_or_else(|| Failure::NoSuchContainer { id: id.to_owned() })
    }

    fn find_running(&mut self, id: &str) -> Result<&mut Container, Failure> {
        let container = self.find(id)?;
        match container.exit {
            None => Ok(container),
            Some(_) => Err(Failure::NotRunning { id: id.to_owned() }),
        }
    }

    fn signal(&mut self, id: &str, number: i32) -> Result<(), Failure> {
        let container = self.find_running(id)?;
        let step = || format!("send signal {number} to container `{id}`");
        let signal = Signal::from_named_raw(number).ok_or(rustix::io::Errno::INVAL).during(step)?;
        pidfd_send_signal(&container.init.process, signal).during(step)
    }

    fn remove(&mut self, id: &str) -> Result<(), Failure> {
        let container = self.find(id)?;
        if container.exit.is_none() {
            // It may end at this very moment; then there is nobody to kill.
            let _ = pidfd_send_signal(&container.init.process, Signal::KILL);
            self.finish(id);
        }
        let pod = &self.config.pod.id;
        self.cgroups
            .remove(pod, id)
            .during(|| format!("remove the cgroups of container `{id}`"))?;
        self.containers.remove(id);
        Ok(())
    }

    /// Takes note of a container's end and tells everybody who waits for it.
    fn finish(&mut self, id: &str) {
        let Some(container) = self.containers.get_mut(id) else { return };
        if container.exit.is_some() {
            return;
        }
        let exit = container.finish(&self.cgroups, &self.config.pod.id, id);
        let exit = exit.unwrap_or_else(|error| {
            note("end of a container not understood", &error);
            let finished_at = Timestamp::now();
            Exit { code: 255, signal: None, oom_killed: false, finished_at }
        });
        container.exit = Some(exit.clone());
        let attached = container.attached.drain(..).map(|it| it.connection);
        let watching = self.connections.iter().filter(|it| it.1.is_watching).map(|it| *it.0);
        let listeners: Vec<u64> = attached.chain(watching).collect();
        let reply = Reply::Exited { id: id.to_owned(), exit };
        for number in listeners {
            self.send(number, &reply, None);
        }
    }

    fn exec(
        &mut self,
        number: u64,
        id: &str,
        spec: &ExecSpec,
        descriptors: Vec<OwnedFd>,
    ) -> Result<Option<OwnedFd>, Failure> {
        let pod = self.config.pod.id.clone();
        let container = self.find_running(id)?;
        let program = container.program.exec(spec);
        let init = container.init.process.try_clone().during(|| "copy a descriptor".to_owned())?;
        let streams = match spec.tty {
            Some(_) => None,
            None => Some(to_streams([spec.stdin, spec.stdout, spec.stderr], descriptors)?),
        };
        let entry = self.cgroups.enter(&pod, id).during(|| "open the cgroup".to_owned())?;
        let mut command = self.among(&init, || {
            process::spawn(0, &entry, |report| {
                namespace::enter_mounts_of(init.as_fd())
                    .during(|| "enter the container".to_owned())?;
                program::run(&program, streams.as_ref(), report)
            })
        })?;
        let terminal = command.terminal.take();
        self.commands.insert(number, command);
        Ok(terminal)
    }

    fn finish_command(&mut self, number: u64) {
        let Some(command) = self.commands.remove(&number) else { return };
        let status = process::wait(&command.process).unwrap_or(Ok(255));
        let (code, signal) = to_code(status);
        let exit = Exit { code, signal, oom_killed: false, finished_at: Timestamp::now() };
        self.send(number, &Reply::Exited { id: String::new(), exit }, None);
    }

    fn attach(
        &mut self,
        number: u64,
        id: &str,
        [stdin, stdout, stderr]: [bool; 3],
        descriptors: Vec<OwnedFd>,
    ) -> Result<Option<OwnedFd>, Failure> {
        let container = self.find_running(id)?;
        let step = || format!("attach to container `{id}`");
        let mut descriptors = descriptors.into_iter();
        let mut sinks = [None, None];
        for (sink, is_wanted) in sinks.iter_mut().zip([stdout, stderr]) {
            if is_wanted {
                let descriptor = descriptors.next().ok_or(io::ErrorKind::InvalidInput);
                let descriptor = descriptor.during(step)?;
                rustix::io::ioctl_fionbio(&descriptor, true).during(step)?;
                *sink = Some(descriptor);
            }
        }
        let input = container.input_for(stdin).during(step)?;
        container.attached.push(Attached { connection: number, sinks });
        Ok(input)
    }

    fn destroy(&mut self) -> Result<(), Failure> {
        let ids: Vec<String> = self.containers.keys().cloned().collect();
        for id in ids {
            self.remove(&id)?;
        }
        self.is_over = true;
        let socket = self.config.pod.dir.join(SOCKET);
        fs::remove_file(&socket).during(|| format!("remove `{}`", socket.display()))
    }
}

/// Makes the first process of the shared PID namespace, which only takes away the dead.
fn pause(config: &ShimConfig, cgroups: &Cgroups) -> Result<Child, Failure> {
    let step = || "make the shared PID namespace".to_owned();
    let null = null()?;
    let entry = cgroups.enter(&config.pod.id, SHIM).during(step)?;
    match process::fork(NEW_PIDS, &entry).during(step)? {
        None => {
            // The starter waits for the end of the pipe that is standard output here.
            let quiet = null.as_fd();
            drop(process::set_standard_streams([quiet, quiet, quiet]));
            process::idle()
        }
        Some((pid, process)) => Ok(Child { process, pid, host_pid: 0, terminal: None }),
    }
}

/// Puts the descriptors that came in the places where they were wanted.
fn to_streams(wanted: [bool; 3], descriptors: Vec<OwnedFd>) -> Result<Streams, Failure> {
    let mut descriptors = descriptors.into_iter();
    let mut next = |is_wanted: bool| {
        let descriptor = is_wanted.then(|| descriptors.next()).flatten();
        descriptor.map_or_else(null, Ok)
    };
    Ok([next(wanted[0])?, next(wanted[1])?, next(wanted[2])?])
}
