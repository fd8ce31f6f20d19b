//! Fakes, a hermetic environment, golden helpers. Dev-dependency only.
