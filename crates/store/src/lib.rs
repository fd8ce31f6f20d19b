//! The versioned object store with watch: in memory, or with a durable log and snapshots on disk.
//!
//! A store maps keys to JSON objects. Every write takes the next revision, which is also stamped into the object's
//! `metadata.resourceVersion`, so that what is stored is what goes over the wire. A watch starts after any revision
//! that the bounded history still holds. On disk, a write is answered after its record is in the log and the log is
//! synchronised; many writes share one synchronisation.
//!
//! It does not know kinds, namespaces or selectors, has no transactions over several keys, and serves one process:
//! a folder that another process holds is refused.
//!
//! Start at [`Store`].

#![expect(
    clippy::disallowed_methods,
    reason = "this crate is the adapter for the store's folder and its writer thread"
)]

mod store;

mod entry;
mod state;
mod watch;
mod write;

mod checksum;
mod frame;
mod log;
mod record;
mod recover;
mod snapshot;
mod writer;

pub use entry::{Change, Entry, Event};
pub use recover::{Damage, OpenError};
pub use state::Compacted;
pub use store::{Limits, Store};
pub use watch::Watch;
pub use write::WriteError;
