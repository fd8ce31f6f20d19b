//! The one writer: takes what is waiting, decides it, makes it durable with one synchronisation, and publishes it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use tokio::sync::{mpsc, oneshot};

use crate::{
    entry::{Entry, Event},
    log::Log,
    record,
    snapshot::replace_log,
    state::State,
    store::lock,
    write::{Op, WriteError, stage},
};

/// How many writes share one synchronisation at most.
const BATCH_WRITES_MAX: usize = 256;

/// A write that waits for its answer.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) key: Arc<str>,
    pub(crate) op: Op,
    pub(crate) reply: oneshot::Sender<Result<Entry, WriteError>>,
}

type Reply = oneshot::Sender<Result<Entry, WriteError>>;

/// Serves writes until every handle on the store is gone.
pub(crate) fn run(mut log: Log, state: &Mutex<State>, mut requests: mpsc::Receiver<Request>) {
    while let Some(first) = requests.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH_WRITES_MAX
            && let Ok(request) = requests.try_recv()
        {
            batch.push(request);
        }
        commit(Some(&mut log), state, batch);
        log.reserve();
        let live_bytes = lock(state).live_bytes() as u64;
        if log.is_due(live_bytes) {
            // A failed snapshot loses nothing: the log goes on growing and the next write tries again.
            let _later = replace_log(&mut log, state);
        }
    }
}

/// Decides a batch against the committed state, logs it, publishes it and answers everyone.
pub(crate) fn commit(log: Option<&mut Log>, state: &Mutex<State>, batch: Vec<Request>) {
    let (events, replies) = decide(state, batch);
    if events.is_empty() {
        return;
    }
    if let Some(log) = log
        && let Err(error) =
            log.append(|out| events.iter().for_each(|it| record::push_event(out, it)))
    {
        for reply in replies {
            let _caller_gone = reply.send(Err(error.clone()));
        }
        return;
    }
    let entries: Vec<Entry> = events.iter().map(|event| event.entry().clone()).collect();
    publish(state, events);
    for (reply, entry) in replies.into_iter().zip(entries) {
        let _caller_gone = reply.send(Ok(entry));
    }
}

/// Answers the refused at once; the others wait for the log, each with its event.
fn decide(state: &Mutex<State>, batch: Vec<Request>) -> (Vec<Event>, Vec<Reply>) {
    let (mut current, mut revision) = {
        let state = lock(state);
        let current: BTreeMap<Arc<str>, Option<Entry>> = batch
            .iter()
            .map(|request| (request.key.clone(), state.entry(&request.key).cloned()))
            .collect();
        (current, state.revision())
    };
    let mut events = Vec::with_capacity(batch.len());
    let mut replies = Vec::with_capacity(batch.len());
    for Request { key, op, reply } in batch {
        let entry = current.get(&key).and_then(Option::as_ref);
        match stage(entry, &key, op, revision + 1) {
            Ok(event) => {
                revision += 1;
                let now = match &event.change {
                    crate::Change::Put { now, .. } => Some(now.clone()),
                    crate::Change::Delete { .. } => None,
                };
                current.insert(key, now);
                events.push(event);
                replies.push(reply);
            }
            Err(error) => {
                let _caller_gone = reply.send(Err(error));
            }
        }
    }
    (events, replies)
}

fn publish(state: &Mutex<State>, events: Vec<Event>) {
    let mut wakers = Vec::new();
    {
        let mut state = lock(state);
        for event in events {
            state.apply(event, &mut wakers);
        }
    }
    for waker in wakers {
        waker.wake();
    }
}
