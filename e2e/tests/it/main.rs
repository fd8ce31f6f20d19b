//! End-to-end tests; they need root.

mod sandbox;
