//! What the kernel offers, one facility a file, each behind safe functions.

pub(crate) mod capability;
pub(crate) mod cgroup;
pub(crate) mod mount;
pub(crate) mod namespace;
pub(crate) mod netlink;
pub(crate) mod nftables;
pub(crate) mod process;
pub(crate) mod seccomp;
pub(crate) mod terminal;
