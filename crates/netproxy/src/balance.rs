//! Which of several endpoints gets the next connection.

use std::{
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::routes::Backends;

/// Takes endpoints in turn; a sticky client keeps its own.
#[derive(Debug, Default)]
pub(crate) struct Balance(AtomicUsize);

impl Balance {
    /// The endpoints in the order in which they are to be tried; empty when none is ready.
    pub(crate) fn order(&self, backends: Backends<'_>, client: Option<IpAddr>) -> Vec<SocketAddr> {
        let n_ready = backends.ready.len();
        if n_ready == 0 {
            return Vec::new();
        }
        let start = match client.filter(|_| backends.is_sticky) {
            Some(client) => hash(client),
            None => self.0.fetch_add(1, Ordering::Relaxed),
        };
        (0..n_ready).map(|it| backends.ready[(start.wrapping_add(it)) % n_ready]).collect()
    }
}

fn hash(client: IpAddr) -> usize {
    client
        .to_string()
        .bytes()
        .fold(5381, |acc, it| acc.wrapping_mul(33_usize).wrapping_add(usize::from(it)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_taken_and_sticky_clients_stay() {
        let ready: Vec<SocketAddr> =
            (2..5).map(|it| SocketAddr::from(([10, 0, 0, it], 80))).collect();
        let balance = Balance::default();
        let turns = Backends { ready: &ready, is_sticky: false };
        let first: Vec<SocketAddr> = (0..4).map(|_| balance.order(turns, None)[0]).collect();
        assert_eq!(first, [ready[0], ready[1], ready[2], ready[0]]);
        let sticky = Backends { ready: &ready, is_sticky: true };
        let client = Some(IpAddr::from([10, 1, 1, 1]));
        assert_eq!(balance.order(sticky, client), balance.order(sticky, client));
        assert_eq!(balance.order(sticky, client).len(), 3);
    }
}
