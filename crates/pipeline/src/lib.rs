//! `zarpa.toml` as a value; the graph of stages with their cache keys.
