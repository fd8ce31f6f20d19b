//! A project as a value: `zarpa.toml`, the order of its services, the keys of its stages.
//!
//! Nothing here reads a file or starts a program: `runner` carries out what is decided here.
//! Start at [`parse()`], then [`select()`].

mod decode;
mod key;
mod nearest;
mod parse;
mod problem;
mod project;
mod select;

pub use key::{StageKey, stage_key};
pub use nearest::nearest;
pub use parse::{FILE_NAME, parse};
pub use problem::{Problem, Problems};
pub use project::{
    ChartSource, Command, Environment, Image, ImageValues, Overlay, Project, Registry, Service,
    Smoke, SmokeProtocol, Stage,
};
pub use select::{SelectError, Selection, select};
