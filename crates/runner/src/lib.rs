//! Carries out a pipeline: its stages in order, what need not be done again, the record of the run.
//!
//! What the stages are is decided by `pipeline`; the cluster is a client that is handed in, so that the
//! embedded one and any other are one path. It prints nothing: whoever starts a run gets its [`Event`]s.
//! Start at [`Workspace::open`], then [`up()`].
#![expect(
    clippy::disallowed_methods,
    reason = "reads the project, writes records, tells how long it took"
)]

mod addresses;
mod cache;
mod chart;
mod commands;
mod deployment;
mod event;
mod image;
mod lookup;
mod push;
mod record;
mod service;
mod source;
mod up;
mod workspace;

pub use addresses::addresses;
pub use chart::ChartError;
pub use commands::CommandError;
pub use deployment::smoke_checks;
pub use event::{Event, Outcome, StageName};
pub use image::ImageError;
pub use record::{Record, RecordError, ServiceRecord, StageRecord, Verdict, list as list_runs};
pub use service::{Failure, StageError};
pub use up::{Connected, Connecting, Stages, Summary, Target, UpError, UpOptions, up};
pub use workspace::{OpenError, Workspace};
