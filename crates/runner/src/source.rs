//! What templates may ask of the world: the time, randomness, and what the cluster holds.

use std::{cell::RefCell, collections::BTreeSet};

use gotmpl::{Map, Value};
use jiff::Timestamp;

use crate::lookup::{Answers, Query};

/// The world of one rendering.
#[derive(Debug)]
pub(crate) struct World<'a> {
    now: Timestamp,
    answers: &'a Answers,
    /// What was asked and has no answer yet.
    asked: RefCell<BTreeSet<Query>>,
}

impl<'a> World<'a> {
    pub(crate) fn new(now: Timestamp, answers: &'a Answers) -> Self {
        Self { now, answers, asked: RefCell::default() }
    }

    pub(crate) fn into_asked(self) -> BTreeSet<Query> {
        self.asked.into_inner()
    }
}

impl chart::Source for World<'_> {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        let mut rest = buffer;
        while !rest.is_empty() {
            match rustix::rand::getrandom(&mut *rest, rustix::rand::GetRandomFlags::empty()) {
                Ok(n_bytes) => rest = &mut rest[n_bytes..],
                Err(rustix::io::Errno::INTR) => {}
                // Without its random numbers the kernel could not have started us.
                Err(_) => return,
            }
        }
    }

    fn lookup(&self, query: &chart::Lookup<'_>) -> Result<Value, String> {
        let query = Query::from(query);
        if let Some(answer) = self.answers.get(&query) {
            return answer.clone();
        }
        self.asked.borrow_mut().insert(query);
        Ok(Value::Map(Map::new()))
    }
}
