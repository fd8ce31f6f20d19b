//! Disk, caches, child processes.
