//! Pods of this node to `sandbox` calls; probes, logs, exec.
