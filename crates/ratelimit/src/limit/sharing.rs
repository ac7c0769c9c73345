//! How a limit's state is shared by processes.

use std::hash::{Hash, Hasher};

use sha2::{Digest as _, Sha256};

use super::{Limit, Part};
use crate::shared::Outage;
use crate::store::Lease;

/// How it is shared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sharing {
    pub(crate) lease: Option<Lease>,
    pub(crate) outage: Outage,
}

impl Limit {
    /// Counts over all processes that have the same store, exactly: each
    /// decision is the store's. Where there is no store (`PLIMSOLL_LIMIT_REDIS`
    /// is not set) each process counts for itself.
    pub fn shared(mut self) -> Self {
        self.sharing.get_or_insert_default();
        self
    }

    /// As [`Limit::shared`], by cells that each process takes from the store
    /// ahead and spends by itself: hardly any request waits, and all processes
    /// together may overshoot by [`Lease::overshoot`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use plimsoll_ratelimit::{Lease, Limit, Outage, Quota};
    ///
    /// let limit = Limit::per_client()
    ///     .quota(Quota::per_second(1_000))
    ///     .leased(Lease::lasting(Duration::from_secs(1)))
    ///     .outage(Outage::LocalShare);
    /// # let _ = limit;
    /// ```
    pub fn leased(mut self, lease: Lease) -> Self {
        self.sharing.get_or_insert_default().lease = Some(lease);
        self
    }

    /// What a shared limit does while its store gives no answer. Default:
    /// [`Outage::LocalShare`].
    pub fn outage(mut self, outage: Outage) -> Self {
        self.sharing.get_or_insert_default().outage = outage;
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether processes share it, where there is a store.
    pub fn is_shared(&self) -> bool {
        self.sharing.is_some()
    }
}

/// Names keys alike in every process: the first half of SHA-256 over a secret
/// and the key's parts. Clients that choose their keys can't make two meet, with
/// or without a secret; without one, who reads the store could find short keys,
/// such as addresses, by trying all of them.
#[derive(Clone)]
pub(crate) struct Fleet(Sha256);

/// The first half of a SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FleetKey(pub(crate) u128);

impl Fleet {
    pub(crate) fn new(secret: &str) -> Self {
        let mut start = Sha256::new();
        start.update((secret.len() as u64).to_le_bytes());
        start.update(secret);
        Self(start)
    }

    /// Takes one part of a key in.
    pub(crate) fn add(&mut self, part: Part<'_>) {
        part.hash(self);
    }

    /// The key of the parts so far.
    pub(crate) fn key(self) -> FleetKey {
        let whole = self.0.finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&whole[..16]);
        FleetKey(u128::from_be_bytes(half))
    }
}

/// Numbers are the same bytes on every machine.
impl Hasher for Fleet {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn write_u64(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    fn write_u128(&mut self, number: u128) {
        self.0.update(number.to_le_bytes());
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
}

impl std::fmt::Debug for Fleet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fleet(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_alike_everywhere_and_apart_by_part_and_secret() {
        let parts = [Part::Number(7), Part::Text(b"acme")];
        let key = |secret, parts: &[Part<'_>]| {
            let mut fleet = Fleet::new(secret);
            for part in parts {
                fleet.add(*part);
            }
            fleet.key().0
        };
        // The same on every machine, forever: processes of two versions share it.
        assert_eq!(
            format!("{:032x}", key("", &parts)),
            "2b2b4e413f640c02ec18ae24ff42279a"
        );
        assert_ne!(key("", &parts), key("s", &parts));
        assert_ne!(key("", &parts), key("", &[parts[1], parts[0]]));
        assert_ne!(
            key("", &[Part::Text(b"ab"), Part::Text(b"c")]),
            key("", &[Part::Text(b"a"), Part::Text(b"bc")])
        );
    }
}
