//! Waits until targets are ready or gone, or until it is known that they will never be.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use release::{Budgets, Cause, ObjectId, Target, Verdict, World, object, verdict};
use thiserror::Error;
use tokio::time::{Instant, sleep_until};

use crate::{
    api::ApiError,
    machine,
    progress::{Context, Progress},
    watch::Watch,
};

#[derive(Debug, Error)]
pub enum WaitError {
    /// The rollout cannot succeed.
    #[error("{0}")]
    Failed(Cause),
    #[error("not ready after {seconds} s; {what}")]
    TimedOut { seconds: u64, what: String },
    #[error("interrupted")]
    Cancelled,
    #[error("could not watch the cluster")]
    Watch(#[source] ApiError),
}

/// What a wait is for, and how long it may take.
#[derive(Debug)]
pub(crate) struct Wait<'a> {
    pub(crate) targets: &'a [Target],
    pub(crate) budgets: Budgets,
    pub(crate) timeout: Duration,
}

impl<'a> Wait<'a> {
    pub(crate) fn new(targets: &'a [Target], timeout: Duration) -> Self {
        Self { targets, budgets: Budgets::starting(machine::now()), timeout }
    }

    /// Returns when every target is ready; tells of every pod as it changes.
    pub(crate) async fn until_ready(
        &self,
        watch: &mut Watch,
        world: &mut World,
        ctx: Context<'_>,
    ) -> Result<(), WaitError> {
        let deadline = Instant::now() + self.timeout;
        let mut pods = Pods::default();
        let mut said = String::new();
        loop {
            pods.tell(self.targets, world, ctx);
            let now = machine::now();
            let (what, until) = match verdict::judge(self.targets, world, &self.budgets, now) {
                Verdict::Ready => return Ok(()),
                Verdict::Failed(cause) => return Err(WaitError::Failed(cause)),
                Verdict::Progressing { what, until } => (what, until),
            };
            if what != said {
                said.clone_from(&what);
                ctx.tell(Progress::Waiting { what: what.clone() });
            }
            let wake = until.map_or(deadline, |it| deadline.min(Instant::now() + span(now, it)));
            tokio::select! {
                () = watch.update(world) => {}
                () = ctx.cancel.cancelled() => return Err(WaitError::Cancelled),
                () = sleep_until(wake) => {
                    if Instant::now() >= deadline {
                        return Err(WaitError::TimedOut { seconds: self.timeout.as_secs(), what });
                    }
                }
            }
        }
    }
}

/// Returns when none of the objects is there any more; one that was made again under its name counts as gone.
pub(crate) async fn until_gone(
    (watch, world): (&mut Watch, &mut World),
    objects: &[(ObjectId, String)],
    timeout: Duration,
    ctx: Context<'_>,
) -> Result<(), WaitError> {
    let deadline = Instant::now() + timeout;
    loop {
        let left =
            objects.iter().find(|(id, uid)| world.get(id).is_some_and(|it| object::uid(it) == uid));
        let Some((id, _)) = left else { return Ok(()) };
        let what = format!("{id}: waiting for it to be gone");
        tokio::select! {
            () = watch.update(world) => {}
            () = ctx.cancel.cancelled() => return Err(WaitError::Cancelled),
            () = sleep_until(deadline) => {
                return Err(WaitError::TimedOut { seconds: timeout.as_secs(), what });
            }
        }
    }
}

fn span(from: Timestamp, to: Timestamp) -> Duration {
    // One millisecond more, so that the budget has run out when it is judged again.
    Duration::try_from(to - from).map_or(Duration::ZERO, |it| it + Duration::from_millis(1))
}

/// The pods of the targets as they were told last.
#[derive(Default)]
struct Pods {
    told: BTreeMap<String, (ObjectId, verdict::PodState)>,
}

impl Pods {
    fn tell(&mut self, targets: &[Target], world: &World, ctx: Context<'_>) {
        let now: BTreeMap<String, (ObjectId, verdict::PodState)> = targets
            .iter()
            .flat_map(|target| pods_of(&target.id, world).into_iter().map(move |pod| (target, pod)))
            .map(|(target, pod)| {
                (object::name(pod).to_owned(), (target.id.clone(), verdict::pod_state(pod, world)))
            })
            .collect();
        for (pod, (target, state)) in &now {
            if self.told.get(pod).is_none_or(|it| it.1 != *state) {
                ctx.tell(Progress::Pod {
                    pod: pod.clone(),
                    target: target.clone(),
                    state: state.clone(),
                });
            }
        }
        for (pod, (target, _)) in self.told.iter().filter(|(pod, _)| !now.contains_key(*pod)) {
            ctx.tell(Progress::PodGone { pod: pod.clone(), target: target.clone() });
        }
        self.told = now;
    }
}

/// The pods of a target: itself, or what it controls, directly or through a ReplicaSet.
pub(crate) fn pods_of<'w>(id: &ObjectId, world: &'w World) -> Vec<&'w serde_json::Value> {
    let Some(target) = world.get(id) else { return Vec::new() };
    if id.kind == "Pod" {
        return vec![target];
    }
    let uid = object::uid(target);
    let sets = world.controlled("ReplicaSet", uid).map(object::uid);
    std::iter::once(uid).chain(sets).flat_map(|it| world.controlled("Pod", it)).collect()
}
