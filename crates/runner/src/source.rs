//! What templates may ask of the world: the time, randomness, and what the cluster holds.

use gotmpl::Value;
use jiff::Timestamp;

/// The world of one rendering.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
}

impl chart::Source for World {
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
        Err(format!(
            "lookup of {} {}: templates cannot look into the cluster yet",
            query.kind, query.name
        ))
    }
}
