//! Writes as a real API server answered them.

mod writes;
