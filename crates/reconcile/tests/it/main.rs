//! The controllers together, in a simulated cluster.

mod rollout;
mod script;
mod show;
mod sim;
mod workloads;
