//! API server, controllers, kubelet and netproxy in one process.
