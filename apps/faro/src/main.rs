//! faro, the reference service.

fn main() {}
