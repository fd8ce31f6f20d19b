//! The work queue: what is to be decided, each piece once, never twice at a time, and later when it failed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use reconcile::{Controller, Trouble, Work};

use crate::execute::Failure;

/// How many pieces of work of one controller run at once.
const IN_FLIGHT_MAX: usize = 32;
const BACKOFF_MS_MIN: i64 = 5;
const BACKOFF_MS_MAX: i64 = 30_000;

/// Its size is bounded by the objects that there are: no work is in it twice.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    ready: BTreeMap<Controller, VecDeque<Work>>,
    /// What is in `ready`.
    is_ready: BTreeSet<Work>,
    in_flight: BTreeSet<Work>,
    n_in_flight: BTreeMap<Controller, usize>,
    /// Asked for while it was in flight.
    again: BTreeSet<Work>,
    troubles: BTreeMap<Work, Failed>,
    /// In order of time; no work has two timers.
    timers: BTreeSet<(Timestamp, Work)>,
    timer_of: BTreeMap<Work, Timestamp>,
}

#[derive(Debug)]
struct Failed {
    count: u32,
    trouble: Trouble,
    is_told: bool,
}

impl Queue {
    pub(crate) fn add(&mut self, work: Work, now: Timestamp) {
        if self.in_flight.contains(&work) {
            self.again.insert(work);
            return;
        }
        let is_waiting =
            self.troubles.get(&work).is_some_and(|it| !it.is_told && now < it.trouble.until);
        if !is_waiting && self.is_ready.insert(work.clone()) {
            self.ready.entry(work.controller).or_default().push_back(work);
        }
    }

    /// The next piece of work, which is then in flight.
    pub(crate) fn take(&mut self) -> Option<Work> {
        let n_in_flight = &self.n_in_flight;
        let has_room =
            |it: &Controller| n_in_flight.get(it).copied().unwrap_or_default() < IN_FLIGHT_MAX;
        let (controller, ready) =
            self.ready.iter_mut().find(|(it, ready)| !ready.is_empty() && has_room(it))?;
        let work = ready.pop_front()?;
        *self.n_in_flight.entry(*controller).or_default() += 1;
        self.is_ready.remove(&work);
        self.in_flight.insert(work.clone());
        Some(work)
    }

    pub(crate) fn trouble(&self, work: &Work) -> Option<&Trouble> {
        self.troubles.get(work).filter(|it| it.is_told).map(|it| &it.trouble)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.is_empty() && self.is_ready.is_empty()
    }

    /// Work that was decided at `decided_at` is over.
    pub(crate) fn finish(
        &mut self,
        work: &Work,
        outcome: Result<(), Failure>,
        decided_at: Timestamp,
        now: Timestamp,
    ) {
        self.in_flight.remove(work);
        if let Some(count) = self.n_in_flight.get_mut(&work.controller) {
            *count -= 1;
        }
        match outcome {
            Ok(()) => self.succeed(work, decided_at),
            Err(failure) => self.fail(work, failure, now),
        }
        if self.again.remove(work) {
            self.add(work.clone(), now);
        }
    }

    /// A decision that only told of the trouble leaves it; one that tried again ends it, and is then told once more.
    fn succeed(&mut self, work: &Work, decided_at: Timestamp) {
        let is_over = self.troubles.get(work).is_some_and(|it| decided_at >= it.trouble.until);
        if is_over && self.troubles.remove(work).is_some_and(|it| it.is_told) {
            self.again.insert(work.clone());
        }
    }

    fn fail(&mut self, work: &Work, failure: Failure, now: Timestamp) {
        let count = self.troubles.get(work).map_or(0, |it| it.count) + 1;
        let backoff = BACKOFF_MS_MIN
            .checked_shl((count - 1).min(20))
            .unwrap_or(BACKOFF_MS_MAX)
            .min(BACKOFF_MS_MAX);
        let until = now.checked_add(SignedDuration::from_millis(backoff)).unwrap_or(now);
        let is_told = work.controller.tells_trouble() && !failure.is_conflict();
        let trouble =
            Trouble { step: failure.step, reason: failure.reason, message: failure.message, until };
        self.troubles.insert(work.clone(), Failed { count, trouble, is_told });
        self.set_timer(work.clone(), until);
        if is_told {
            self.again.insert(work.clone());
        } else {
            self.again.remove(work);
        }
    }

    /// Adds the work at a time, unless it has a timer that is earlier.
    pub(crate) fn add_at(&mut self, work: Work, at: Timestamp) {
        if self.timer_of.get(&work).is_none_or(|it| at < *it) {
            self.set_timer(work, at);
        }
    }

    fn set_timer(&mut self, work: Work, at: Timestamp) {
        if let Some(before) = self.timer_of.insert(work.clone(), at) {
            self.timers.remove(&(before, work.clone()));
        }
        self.timers.insert((at, work));
    }

    pub(crate) fn next_timer(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Adds the work whose time has come.
    pub(crate) fn ring(&mut self, now: Timestamp) {
        while self.next_timer().is_some_and(|it| it <= now) {
            if let Some((_, work)) = self.timers.pop_first() {
                self.timer_of.remove(&work);
                self.add(work, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use reconcile::{Key, Step, kinds};

    use super::*;

    fn work(controller: Controller) -> Work {
        Work { controller, key: Key::new(kinds::REPLICA_SET, "d", "web") }
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).expect("in range")
    }

    fn refused(reason: &str) -> Failure {
        Failure { step: Step::Create, reason: reason.to_owned(), message: "no".to_owned() }
    }

    #[test]
    fn work_runs_once_at_a_time_and_again_when_asked_meanwhile() {
        let mut queue = Queue::default();
        let it = work(Controller::ReplicaSet);
        queue.add(it.clone(), at(0));
        queue.add(it.clone(), at(0));
        assert_eq!(queue.take(), Some(it.clone()));
        assert_eq!(queue.take(), None);
        queue.add(it.clone(), at(1));
        assert_eq!(queue.take(), None);
        queue.finish(&it, Ok(()), at(0), at(2));
        assert_eq!(queue.take(), Some(it));
    }

    #[test]
    fn a_conflict_waits_a_little_longer_each_time() {
        let mut queue = Queue::default();
        let it = work(Controller::Claim);
        let mut now = 0;
        queue.add(it.clone(), at(now));
        for backoff in [5, 10, 20] {
            assert_eq!(queue.take(), Some(it.clone()));
            queue.finish(&it, Err(refused("Conflict")), at(now), at(now));
            queue.add(it.clone(), at(now + 1));
            assert_eq!(queue.take(), None, "it waits");
            now += backoff;
            assert_eq!(queue.next_timer(), Some(at(now)));
            queue.ring(at(now));
        }
    }

    #[test]
    fn a_refusal_is_told_at_once_and_tried_again_later() {
        let mut queue = Queue::default();
        let it = work(Controller::ReplicaSet);
        queue.add(it.clone(), at(0));
        queue.take();
        queue.finish(&it, Err(refused("Forbidden")), at(0), at(0));
        assert_eq!(queue.take(), Some(it.clone()));
        assert_eq!(queue.trouble(&it).map(|it| it.until), Some(at(5)));
        queue.finish(&it, Ok(()), at(0), at(1));
        assert_eq!(queue.take(), None);
        queue.ring(at(5));
        assert_eq!(queue.take(), Some(it.clone()));
        queue.finish(&it, Ok(()), at(5), at(6));
        assert_eq!(queue.trouble(&it), None);
        assert_eq!(queue.take(), Some(it));
    }
}
