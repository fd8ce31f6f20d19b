//! The `zarpa` command: arguments, wording, progress, exit codes.

fn main() {}
