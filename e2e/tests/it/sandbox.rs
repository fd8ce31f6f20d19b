//! Containers on this machine's kernel: every promise of the `sandbox` crate, with busybox as image.

mod commands;
mod containers;
mod network;
mod pods;
mod stage;
