//! End-to-end tests; they need root.

#![expect(clippy::disallowed_methods, reason = "end-to-end tests act")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, too")]

mod sandbox;
