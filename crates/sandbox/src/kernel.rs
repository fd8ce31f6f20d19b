//! What the kernel offers, one facility a file, each behind a safe function.

pub(crate) mod cgroup;
pub(crate) mod namespace;
pub(crate) mod netlink;
pub(crate) mod nftables;
