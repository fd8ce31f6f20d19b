//! Watches and work queues around `reconcile`.
