//! Containers: namespaces, mounts, cgroups, network. The only crate with `unsafe`.
