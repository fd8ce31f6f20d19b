//! The committed state in memory: the current entries, the bounded history, and who watches.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::Arc,
    task::Waker,
};

use crate::{
    entry::{Change, Entry, Event},
    store::Limits,
};

/// The history no longer reaches back to the revision that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("revision {requested} was compacted; the oldest kept is {oldest}")]
pub struct Compacted {
    pub requested: u64,
    /// The oldest revision that a watch may start after.
    pub oldest: u64,
}

/// A registered watch.
#[derive(Debug)]
pub(crate) struct Watcher {
    prefix: Box<str>,
    /// The first matching event that this watch has not been given; `None` when it has seen all.
    unseen: Option<u64>,
    waker: Option<Waker>,
}

/// What a watch finds when it looks.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) events: Vec<Arc<Event>>,
    /// Every matching event up to here has been given.
    pub(crate) position: u64,
}

#[derive(Debug)]
pub(crate) struct State {
    objects: BTreeMap<Arc<str>, Entry>,
    revision: u64,
    /// Contiguous: one event a revision, the last being `revision`.
    history: VecDeque<Arc<Event>>,
    history_bytes: usize,
    live_bytes: usize,
    limits: Limits,
    watchers: BTreeMap<u64, Watcher>,
    next_watcher: u64,
}

impl State {
    pub(crate) fn new(revision: u64, limits: Limits) -> Self {
        Self {
            objects: BTreeMap::new(),
            revision,
            history: VecDeque::new(),
            history_bytes: 0,
            live_bytes: 0,
            limits,
            watchers: BTreeMap::new(),
            next_watcher: 0,
        }
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// The sum of the sizes of all current values.
    pub(crate) fn live_bytes(&self) -> usize {
        self.live_bytes
    }

    /// A watch may start after this revision or any later one.
    pub(crate) fn oldest(&self) -> u64 {
        self.revision - self.history.len() as u64
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.objects.get(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    /// The entries whose keys start with `prefix`, by key.
    pub(crate) fn list<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.objects
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .map(|(_, entry)| entry)
            .take_while(move |entry| entry.key.starts_with(prefix))
    }

    /// The same as it was at an earlier revision: the current entries with the history undone.
    pub(crate) fn list_at(&self, prefix: &str, revision: u64) -> Result<Vec<Entry>, Compacted> {
        if revision < self.oldest() {
            return Err(Compacted { requested: revision, oldest: self.oldest() });
        }
        let mut entries: BTreeMap<Arc<str>, Entry> =
            self.list(prefix).map(|entry| (entry.key.clone(), entry.clone())).collect();
        let later = self.history.iter().rev().take_while(|event| event.revision > revision);
        for event in later.filter(|event| event.key().starts_with(prefix)) {
            match event.prev() {
                Some(prev) => entries.insert(prev.key.clone(), prev.clone()),
                None => entries.remove(event.key()),
            };
        }
        Ok(entries.into_values().collect())
    }

    /// Puts an entry of a snapshot, which is no event.
    pub(crate) fn restore(&mut self, entry: Entry) {
        self.live_bytes += entry.value.len();
        self.objects.insert(entry.key.clone(), entry);
    }

    /// Applies the next write and returns whom to wake once the lock is released.
    pub(crate) fn apply(&mut self, event: Event, wakers: &mut Vec<Waker>) {
        debug_assert_eq!(event.revision, self.revision + 1, "revisions are contiguous");
        self.revision = event.revision;
        self.live_bytes -= event.prev().map_or(0, |entry| entry.value.len());
        match &event.change {
            Change::Put { now, .. } => {
                self.live_bytes += now.value.len();
                self.objects.insert(now.key.clone(), now.clone());
            }
            Change::Delete { prev, .. } => {
                self.objects.remove(&prev.key);
            }
        }
        for watcher in self.watchers.values_mut() {
            if event.key().starts_with(&*watcher.prefix) {
                watcher.unseen.get_or_insert(event.revision);
                wakers.extend(watcher.waker.take());
            }
        }
        self.history_bytes += event.entry().value.len();
        self.history.push_back(Arc::new(event));
        self.compact();
    }

    fn compact(&mut self) {
        while self.history.len() > self.limits.history_events_max
            || self.history_bytes > self.limits.history_bytes_max
        {
            let Some(event) = self.history.pop_front() else { return };
            self.history_bytes -= event.entry().value.len();
        }
    }

    /// Registers a watch for what comes after a revision.
    pub(crate) fn watch(&mut self, prefix: &str, after: u64) -> Result<u64, Compacted> {
        if after < self.oldest() {
            return Err(Compacted { requested: after, oldest: self.oldest() });
        }
        let unseen = self.first_match(prefix, after + 1);
        let id = self.next_watcher;
        self.next_watcher += 1;
        self.watchers.insert(id, Watcher { prefix: prefix.into(), unseen, waker: None });
        Ok(id)
    }

    pub(crate) fn unwatch(&mut self, id: u64) {
        self.watchers.remove(&id);
    }

    /// Gives a watch its next events, at most `events_max`; leaves the waker when there are none.
    pub(crate) fn look(
        &mut self,
        id: u64,
        events_max: usize,
        waker: &Waker,
    ) -> Result<Seen, Compacted> {
        let oldest = self.oldest();
        let watcher = self.watchers.get_mut(&id).expect("a watch is registered while it lives");
        let Some(first) = watcher.unseen else {
            watcher.waker = Some(waker.clone());
            return Ok(Seen { events: Vec::new(), position: self.revision });
        };
        if first <= oldest {
            return Err(Compacted { requested: first - 1, oldest });
        }
        let prefix = watcher.prefix.clone();
        let events: Vec<Arc<Event>> = self
            .from(first)
            .filter(|event| event.key().starts_with(&*prefix))
            .take(events_max)
            .cloned()
            .collect();
        let last = events.last().map_or(first, |event| event.revision);
        let unseen = self.first_match(&prefix, last + 1);
        if let Some(watcher) = self.watchers.get_mut(&id) {
            watcher.unseen = unseen;
        }
        Ok(Seen { events, position: if unseen.is_some() { last } else { self.revision } })
    }

    fn first_match(&self, prefix: &str, from: u64) -> Option<u64> {
        self.from(from).find(|event| event.key().starts_with(prefix)).map(|event| event.revision)
    }

    /// The kept events from a revision on.
    fn from(&self, revision: u64) -> impl Iterator<Item = &Arc<Event>> {
        let skip = revision.saturating_sub(self.oldest() + 1);
        self.history.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX))
    }
}
