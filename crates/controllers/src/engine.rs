//! The loop: takes in what happens, asks for decisions, starts their actions.

use std::{
    collections::{BTreeSet, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use jiff::Timestamp;
use reconcile::{
    Action, Change, Config, Facts, Key, Kind, Notice, Step, Target, Work, World, kinds,
};
use serde_json::Value;
use tokio::{sync::mpsc, task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    execute::{Executor, Failure},
    queue::Queue,
    watch::watch,
};

const EVENTS_WAITING_MAX: usize = 1024;
/// Notices that wait until more urgent work is done; beyond, new ones are dropped.
const NOTICES_WAITING_MAX: usize = 1000;
const NOTICES_IN_FLIGHT_MAX: usize = 8;

/// Everything that can wake the loop, timers apart.
#[derive(Debug)]
pub(crate) enum Event {
    /// A whole kind was listed.
    Listed {
        kind: Kind,
        items: Vec<Value>,
        revision: String,
    },
    /// An object as a watch or an answer gave it.
    Seen {
        kind: Kind,
        object: Value,
    },
    /// The watch says that it was deleted.
    Gone {
        kind: Kind,
        object: Value,
    },
    /// Our own request removed it at once.
    Removed {
        key: Key,
        uid: String,
    },
    /// Looked for and not found.
    Absent {
        uid: String,
    },
    Bound {
        target: Target,
        node: String,
    },
    Noticed(Notice),
    /// The actions of a decision are over.
    Done {
        work: Work,
        outcome: Result<(), Failure>,
        decided_at: Timestamp,
    },
    NoticeWritten,
}

/// Why the controllers stopped by themselves.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("a watch of the controllers ended unexpectedly")]
    Watch(#[source] tokio::task::JoinError),
}

/// Runs all controllers until `shutdown`; what is under way then is dropped, and found again after a restart.
///
/// Kinds that the server does not serve count as empty.
pub async fn run(
    client: kube::Client,
    config: Config,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    let (tx, mut rx) = mpsc::channel(EVENTS_WAITING_MAX);
    let mut watches = JoinSet::new();
    for kind in kinds::ALL {
        watches.spawn(watch(client.clone(), *kind, tx.clone()));
    }
    let mut engine = Engine::new(Executor { client, events: tx }, config);
    loop {
        let timer = engine.next_timer();
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            Some(ended) = watches.join_next() => ended.map_err(RunError::Watch)?,
            Some(event) = rx.recv() => {
                engine.take_in(event);
                // What is there already is one picture: decide once on all of it.
                for _ in 0..EVENTS_WAITING_MAX {
                    let Ok(event) = rx.try_recv() else { break };
                    engine.take_in(event);
                }
            }
            () = sleep(timer.unwrap_or_default()), if timer.is_some() => engine.queue.ring(now()),
        }
        engine.dispatch();
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the controllers read the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

struct Engine {
    executor: Executor,
    config: Config,
    world: World,
    queue: Queue,
    /// Not listed yet; nothing is decided before all are.
    unlisted: BTreeSet<Kind>,
    /// Changes that wait for that.
    early: Vec<Change>,
    notices: VecDeque<Notice>,
    n_notices_in_flight: usize,
    actions: JoinSet<()>,
}

impl Engine {
    fn new(executor: Executor, config: Config) -> Self {
        Self {
            executor,
            config,
            world: World::default(),
            queue: Queue::default(),
            unlisted: kinds::ALL.iter().copied().collect(),
            early: Vec::new(),
            notices: VecDeque::new(),
            n_notices_in_flight: 0,
            actions: JoinSet::new(),
        }
    }

    fn next_timer(&self) -> Option<Duration> {
        let at = self.queue.next_timer()?;
        Some(at.duration_since(now()).try_into().unwrap_or_default())
    }

    fn take_in(&mut self, event: Event) {
        match event {
            Event::Listed { kind, items, revision } => self.listed(kind, items, &revision),
            Event::Seen { kind, object } => {
                let change = self.world.observe(kind, object);
                self.changed(change);
            }
            Event::Gone { kind, object } => {
                let change = self.world.forget(kind, &object);
                self.changed(change);
            }
            Event::Removed { key, uid } => {
                let change = self.world.forget_by_answer(&key, &uid);
                self.changed(change);
            }
            Event::Absent { uid } => self.absent(&uid),
            Event::Bound { target, node } => {
                self.world.assume_bound(&target.key, &target.uid, &node);
            }
            Event::Noticed(notice) => {
                if self.notices.len() < NOTICES_WAITING_MAX {
                    self.notices.push_back(notice);
                }
            }
            Event::NoticeWritten => self.n_notices_in_flight -= 1,
            Event::Done { work, outcome, decided_at } => {
                if let Err(failure) = &outcome {
                    tracing::debug!(?work.controller, key = %work.key, ?failure, "will be tried again");
                }
                self.queue.finish(&work, outcome, decided_at, now());
            }
        }
    }

    fn listed(&mut self, kind: Kind, items: Vec<Value>, revision: &str) {
        let changes = self.world.replace(kind, items, revision);
        self.early.extend(changes);
        self.unlisted.remove(&kind);
        if self.unlisted.is_empty() {
            for change in std::mem::take(&mut self.early) {
                self.changed(Some(change));
            }
            for work in reconcile::standing() {
                self.queue.add(work, now());
            }
        }
    }

    fn changed(&mut self, change: Option<Change>) {
        let Some(change) = change else { return };
        if !self.unlisted.is_empty() {
            self.early.push(change);
            return;
        }
        let now = now();
        for work in reconcile::affected(&self.world, &change) {
            self.queue.add(work, now);
        }
    }

    /// Whoever asked decides again.
    fn absent(&mut self, uid: &str) {
        self.world.mark_absent(uid);
        let now = now();
        for work in reconcile::affected_by_absence(&self.world, uid) {
            self.queue.add(work, now);
        }
    }

    fn dispatch(&mut self) {
        if !self.unlisted.is_empty() {
            return;
        }
        while let Some(work) = self.queue.take() {
            self.start(work);
        }
        self.write_notices();
        while self.actions.try_join_next().is_some() {}
    }

    /// Decides, sets the timers that the decision names, and has the rest carried out.
    fn start(&mut self, work: Work) {
        let decided_at = now();
        let facts = Facts {
            world: &self.world,
            config: &self.config,
            now: decided_at,
            trouble: self.queue.trouble(&work),
        };
        let decision = catch_unwind(AssertUnwindSafe(|| reconcile::decide(&work, &facts)));
        let Ok(mut actions) = decision else {
            let message = format!("{:?} panicked on {}", work.controller, work.key);
            tracing::error!("{message}");
            let failure = Failure { step: Step::Other, reason: String::new(), message };
            self.queue.finish(&work, Err(failure), decided_at, decided_at);
            return;
        };
        for action in &actions {
            if let Action::Requeue { at } = action {
                self.queue.add_at(work.clone(), *at);
            }
        }
        actions.retain(|it| !matches!(it, Action::Requeue { .. }));
        if actions.is_empty() {
            self.queue.finish(&work, Ok(()), decided_at, decided_at);
            return;
        }
        let executor = self.executor.clone();
        self.actions.spawn(async move {
            let outcome = executor.carry_out(actions).await;
            let _closed = executor.events.send(Event::Done { work, outcome, decided_at }).await;
        });
    }

    /// Events are written when nothing more urgent is under way, or when many wait.
    fn write_notices(&mut self) {
        if !self.queue.is_idle() && self.notices.len() < NOTICES_WAITING_MAX / 2 {
            return;
        }
        while self.n_notices_in_flight < NOTICES_IN_FLIGHT_MAX
            && let Some(notice) = self.notices.pop_front()
        {
            let Some(action) = reconcile::record(&self.world, &notice, now()) else { continue };
            self.n_notices_in_flight += 1;
            let executor = self.executor.clone();
            self.actions.spawn(async move {
                // An event that cannot be written is not worth another.
                if let Err(failure) = executor.carry_out(vec![action]).await {
                    tracing::debug!(?failure, "could not write an event");
                }
                let _closed = executor.events.send(Event::NoticeWritten).await;
            });
        }
    }
}
