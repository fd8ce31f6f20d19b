//! Helm releases: their records, and from a stored release and new manifests to an ordered plan and a verdict.
//!
//! Everything here is a function from values to values: `deploy` asks the cluster, carries plans out and keeps
//! the records. Rendering charts is `chart`'s work, whose types are not known here.
//!
//! Start at [`plan::plan`] for what a deploy will do, at [`verdict::judge`] for whether it worked, at
//! [`record::Record`] and [`codec`] for what Helm stores.

pub mod object;

mod time;

pub mod codec;
pub mod history;
pub mod record;

pub mod hook;
pub mod manifest;
pub mod order;
pub mod ownership;

pub mod diff;
pub mod fields;

pub mod digest;
pub mod lock;
pub mod plan;
mod scaling;
pub mod verdict;

pub use history::History;
pub use object::ObjectId;
pub use ownership::Owner;
pub use plan::{Operation, Plan};
pub use record::{Record, Status};
pub use verdict::{Budgets, Cause, Target, Verdict, Want, World};
