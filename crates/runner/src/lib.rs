//! Carries out a pipeline: stages, cache, run records.
