//! What rendering takes from outside: the cluster, the clock, randomness, names.

use gotmpl::{Cache, Value};
use jiff::{Timestamp, tz::TimeZone};

/// What a chart's functions ask of the world. Everything has a default that knows nothing, except
/// the time and randomness, so that rendering is a function of what it is given.
pub trait Source {
    /// Helm's `lookup`: an object, or a list of them when the name is empty; an empty table when there
    /// is none.
    fn lookup(&self, _query: &Lookup<'_>) -> Result<Value, String> {
        Ok(Value::Map(gotmpl::Map::new()))
    }

    /// The current time.
    fn now(&self) -> Timestamp;

    /// The zone that sprig calls `Local`.
    fn local_zone(&self) -> TimeZone {
        TimeZone::UTC
    }

    /// A zone by its name in the IANA database.
    fn zone(&self, _name: &str) -> Option<TimeZone> {
        None
    }

    /// Fills the buffer with random bytes, good enough for keys and passwords.
    fn fill_random(&self, buffer: &mut [u8]);

    /// The first address of a host, or nothing when names are not to be resolved.
    fn host_by_name(&self, _name: &str) -> String {
        String::new()
    }

    /// A schema elsewhere that a `values.schema.json` refers to, or why it is not to be had; nothing when
    /// the network is not to be asked.
    fn remote_schema(&self, _url: &str) -> Option<Result<Vec<u8>, String>> {
        None
    }

    /// Where parsed templates are kept from one rendering to the next; without one, each rendering
    /// parses everything again.
    fn cache(&self) -> Option<&Cache> {
        None
    }

    /// An RSA private key of so many bits as PEM (PKCS #1), for callers who have one at hand; without
    /// one, a new key is made of random bytes, which takes its time.
    fn rsa_key(&self, _bits: u64) -> Option<String> {
        None
    }
}

/// What `lookup` asks for; an empty namespace or name means all.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'q> {
    /// `v1`, `apps/v1`
    pub api_version: &'q str,
    /// `Secret`
    pub kind: &'q str,
    /// The namespace, or nothing.
    pub namespace: &'q str,
    /// The name, or nothing.
    pub name: &'q str,
}

/// Time stands still, and random bytes are zeros.
#[cfg(test)]
pub(crate) struct Still;

#[cfg(test)]
impl Source for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}
