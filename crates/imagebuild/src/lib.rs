//! Carries out an image plan.
