//! Carries out a release plan, watches it, collects evidence, rolls back.
