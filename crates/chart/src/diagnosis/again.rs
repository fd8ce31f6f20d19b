//! The world as it was, for renderings that only tell what is wrong: nobody uses the keys that they make.

use std::cell::OnceCell;

use gotmpl::{Cache, Value};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    functions::crypto,
    source::{Lookup, Source},
};

pub(super) struct Again<'s> {
    source: &'s dyn Source,
    key: OnceCell<String>,
}

impl<'s> Again<'s> {
    pub(super) fn new(source: &'s dyn Source) -> Self {
        Self { source, key: OnceCell::new() }
    }
}

impl Source for Again<'_> {
    fn lookup(&self, query: &Lookup<'_>) -> Result<Value, String> {
        self.source.lookup(query)
    }

    fn now(&self) -> Timestamp {
        self.source.now()
    }

    fn local_zone(&self) -> TimeZone {
        self.source.local_zone()
    }

    fn zone(&self, name: &str) -> Option<TimeZone> {
        self.source.zone(name)
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        self.source.fill_random(buffer);
    }

    fn host_by_name(&self, name: &str) -> String {
        self.source.host_by_name(name)
    }

    fn remote_schema(&self, url: &str) -> Option<Result<Vec<u8>, String>> {
        self.source.remote_schema(url)
    }

    fn cache(&self) -> Option<&Cache> {
        self.source.cache()
    }

    fn rsa_key(&self, _: u64) -> Option<String> {
        Some(self.key.get_or_init(|| crypto::small_key(self.source)).clone())
    }
}
