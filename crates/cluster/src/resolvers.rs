//! The machine's DNS servers.

use std::net::{IpAddr, SocketAddr};

const DNS_PORT: u16 = 53;

/// Reads the servers of a `resolv.conf`, in order.
pub(crate) fn parse(text: &str) -> Vec<SocketAddr> {
    let servers = text.lines().filter_map(|it| it.trim().strip_prefix("nameserver"));
    let addresses = servers.filter_map(|it| it.trim().parse::<IpAddr>().ok());
    addresses.map(|it| SocketAddr::new(it, DNS_PORT)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_and_other_lines_passed_over() {
        let text = "# comment\nsearch a b\nnameserver 10.0.0.2\nnameserver x\nnameserver ::1\n";
        assert_eq!(parse(text), ["10.0.0.2:53".parse().unwrap(), "[::1]:53".parse().unwrap()]);
    }
}
