//! The node's service routing: Services, ingress, NodePorts, cluster DNS, and the way out of the cluster.
//!
//! What goes where is decided by [`routes`], a value made from Services, EndpointSlices and Ingresses;
//! everything else accepts connections and asks it. UDP goes nowhere but to the DNS server, ingress TLS
//! is not terminated: both are limits, not errors of a user. Start at [`run()`].

mod balance;
mod dns;
mod forward;
mod ingress;
mod node_ports;
mod redirect;
mod routes;
mod run;
mod world;

pub use run::{Config, RunError, run};
