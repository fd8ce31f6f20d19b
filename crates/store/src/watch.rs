//! A watch: the events under a prefix, in order, without a queue of its own.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use crate::{
    entry::Event,
    state::{Compacted, State},
    store::lock,
};

/// The events under a prefix after a revision, in the order of their revisions, none left out.
///
/// It reads the store's history, so a watcher that falls behind costs nothing, and gets [`Compacted`] when the
/// history has moved past it.
#[derive(Debug)]
pub struct Watch {
    state: Arc<Mutex<State>>,
    id: u64,
    position: u64,
}

impl Watch {
    pub(crate) fn new(state: Arc<Mutex<State>>, id: u64, position: u64) -> Self {
        Self { state, id, position }
    }

    /// Every matching event up to this revision has been given out.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Waits for the next events, at least one and at most `events_max`.
    pub async fn next(&mut self, events_max: usize) -> Result<Vec<Arc<Event>>, Compacted> {
        poll_fn(|ctx| self.poll_next(ctx, events_max)).await
    }

    /// The same for hand-written futures; `position` advances even when there are none.
    pub fn poll_next(
        &mut self,
        ctx: &mut Context<'_>,
        events_max: usize,
    ) -> Poll<Result<Vec<Arc<Event>>, Compacted>> {
        let seen = lock(&self.state).look(self.id, events_max.max(1), ctx.waker())?;
        self.position = self.position.max(seen.position);
        if seen.events.is_empty() { Poll::Pending } else { Poll::Ready(Ok(seen.events)) }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock(&self.state).unwatch(self.id);
    }
}
