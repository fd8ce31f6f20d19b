//! Shim.
/// Becomes a shim.
pub fn run_if_shim() {}
