//! What the API server is told at its start.

use std::net::{Ipv4Addr, SocketAddr};

use tokio_util::sync::CancellationToken;

use crate::token::TokenKey;

/// The settings of an API server.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients outside the cluster reach the server; discovery and `Endpoints` name it.
    pub advertise: SocketAddr,
    pub services: ServiceNetwork,
    /// Signs and checks the tokens of service accounts.
    pub token_key: TokenKey,
    /// Ends watches and log streams.
    pub shutdown: CancellationToken,
}

/// Where Services get their addresses and node ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceNetwork {
    pub base: Ipv4Addr,
    pub prefix_bits: u8,
    /// The address of Service `default/kubernetes`.
    pub kubernetes: Ipv4Addr,
    pub node_port_first: u16,
    pub node_port_last: u16,
}

impl ServiceNetwork {
    /// 10.96.0.0/16 and ports 30000 to 32767, as kubeadm and the API server have them by default.
    pub const STANDARD: Self = Self {
        base: Ipv4Addr::new(10, 96, 0, 0),
        prefix_bits: 16,
        kubernetes: Ipv4Addr::new(10, 96, 0, 1),
        node_port_first: 30000,
        node_port_last: 32767,
    };
}
