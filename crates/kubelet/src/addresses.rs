//! Addresses of pods: handed out one after the other, and not again until all others were used.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};

/// Addresses of one network; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Addresses(Arc<Mutex<Pool>>);

#[derive(Debug)]
struct Pool {
    first: u32,
    last: u32,
    next: u32,
    /// The owner of each address in use.
    owners: BTreeMap<u32, String>,
}

impl Addresses {
    /// Hands out the addresses of a network but for its first, its last, and the gateway.
    pub(crate) fn new((network, prefix): (Ipv4Addr, u8), gateway: Ipv4Addr) -> Self {
        let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
        let base = network.to_bits() & mask;
        let (first, last) = (base + 1, (base | !mask) - 1);
        let owners = BTreeMap::from([(gateway.to_bits(), "gateway".to_owned())]);
        Self(Arc::new(Mutex::new(Pool { first, last, next: first, owners })))
    }

    /// Gives `owner` an address, the one it has when it has one; `None` when all are in use.
    pub(crate) fn take(&self, owner: &str) -> Option<Ipv4Addr> {
        let mut pool = self.lock();
        if let Some((address, _)) = pool.owners.iter().find(|(_, it)| *it == owner) {
            return Some(Ipv4Addr::from_bits(*address));
        }
        let candidates = (pool.next..=pool.last).chain(pool.first..pool.next);
        let free = candidates.into_iter().find(|it| !pool.owners.contains_key(it))?;
        pool.owners.insert(free, owner.to_owned());
        pool.next = if free == pool.last { pool.first } else { free + 1 };
        Some(Ipv4Addr::from_bits(free))
    }

    /// Notes an address that `owner` has from before.
    pub(crate) fn claim(&self, owner: &str, address: Ipv4Addr) {
        let mut pool = self.lock();
        pool.owners.insert(address.to_bits(), owner.to_owned());
        pool.next = pool.next.max(address.to_bits() + 1).min(pool.last);
    }

    /// Takes back what `owner` had.
    pub(crate) fn release(&self, owner: &str) {
        self.lock().owners.retain(|_, it| it != owner);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_reused_as_late_as_possible() {
        let gateway = Ipv4Addr::new(10, 244, 0, 1);
        let addresses = Addresses::new((Ipv4Addr::new(10, 244, 0, 0), 29), gateway);
        let take = |owner: &str| addresses.take(owner).map(|it| it.octets()[3]);
        assert_eq!(take("a"), Some(2));
        assert_eq!(take("a"), Some(2));
        assert_eq!(take("b"), Some(3));
        addresses.release("a");
        assert_eq!(take("c"), Some(4));
        addresses.claim("old", Ipv4Addr::new(10, 244, 0, 5));
        assert_eq!(take("d"), Some(6));
        assert_eq!(take("e"), Some(2));
        assert_eq!(take("f"), None);
    }
}
