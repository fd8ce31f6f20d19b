//! End-to-end tests; they need root. `cargo xtask e2e` builds what they drive and runs them.

#![expect(clippy::disallowed_methods, reason = "end-to-end tests act")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail by panicking, too"
)]

mod address;
mod broken;
mod chart_flags;
mod chart_repos;
mod chart_signing;
mod charts;
mod clients;
mod down;
mod faro;
mod faro_pods;
mod faro_stores;
mod input;
mod killed;
mod lookup;
mod machine;
mod plugin;
mod program;
mod project;
mod pulls;
mod registry;
mod sandbox;
mod scaling;
