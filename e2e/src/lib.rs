//! End-to-end tests: what needs privileges, real programs and the whole binary.
