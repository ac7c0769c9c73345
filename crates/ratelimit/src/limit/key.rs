//! Whom a request is counted for.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use plimsoll_core::peer;

use crate::store::{Id, Identity};

/// Whom a request is counted for.
///
/// A type of the service's own, such as who is signed in, becomes a key by
/// `impl From<&User> for Key`; [`crate::Limit::by_extension`] asks for that.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// An address, as it is.
    Address(IpAddr),
    /// A number, such as a row's.
    Number(u64),
    /// A text, such as a tenant's name.
    Text(Box<str>),
}

impl From<IpAddr> for Key {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}

impl From<u64> for Key {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<&u64> for Key {
    fn from(number: &u64) -> Self {
        Self::Number(*number)
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&String> for Key {
    fn from(text: &String) -> Self {
        Self::Text(text.as_str().into())
    }
}

impl Key {
    pub(crate) fn part(&self) -> Part<'_> {
        match self {
            Self::Address(address) => Part::Address(peer::bits(*address)),
            Self::Number(number) => Part::Number(*number),
            Self::Text(text) => Part::Text(text.as_bytes()),
        }
    }
}

/// What one source says of a request, without owning it. Kinds and lengths are
/// hashed too, so that no text is another one's number and no pair of texts
/// another pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// By [`peer::bits`].
    Address(u128),
    Number(u64),
    Text(&'a [u8]),
}

impl Part<'_> {
    pub(crate) fn id(self, identity: &Identity) -> Id {
        match self {
            Self::Address(bits) => identity.address(bits),
            Self::Number(number) => identity.number(number),
            Self::Text(text) => identity.bytes(text),
        }
    }
}

impl Hash for Part<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Address(bits) => {
                state.write_u8(0);
                state.write_u128(*bits);
            }
            Self::Number(number) => {
                state.write_u8(1);
                state.write_u64(*number);
            }
            Self::Text(text) => {
                state.write_u8(2);
                state.write_u64(text.len() as u64);
                state.write(text);
            }
        }
    }
}

/// How much of a client's address counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prefixes {
    v4: u8,
    v6: u8,
}

impl Prefixes {
    /// IPv4 whole; IPv6 by its /64, since one client commands a whole /64.
    pub(crate) const USUAL: Self = Self { v4: 32, v6: 64 };

    pub(crate) const fn with_v4(self, bits: u8) -> Self {
        Self { v4: bits, ..self }
    }

    pub(crate) const fn with_v6(self, bits: u8) -> Self {
        Self { v6: bits, ..self }
    }

    pub(crate) const fn are_good(self) -> bool {
        matches!(self.v4, 1..=32) && matches!(self.v6, 1..=128)
    }

    /// The address' number, what does not count of it zero. An IPv4 address is
    /// the same client in its IPv6 form.
    pub(crate) fn number(self, address: IpAddr) -> u128 {
        match address {
            IpAddr::V4(_) => peer::bits(address) & (u128::MAX << (32 - self.v4)),
            IpAddr::V6(_) => peer::bits(address) & (u128::MAX << (128 - self.v6)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(parts: &[Part<'_>]) -> Vec<u8> {
        struct Written(Vec<u8>);
        impl Hasher for Written {
            fn finish(&self) -> u64 {
                0
            }
            fn write(&mut self, bytes: &[u8]) {
                self.0.extend(bytes);
            }
        }
        let mut written = Written(Vec::new());
        for part in parts {
            part.hash(&mut written);
        }
        written.0
    }

    fn key() -> impl Strategy<Value = Key> {
        prop_oneof![
            any::<IpAddr>().prop_map(Key::Address),
            any::<u64>().prop_map(Key::Number),
            "[ab,|/]{0,4}".prop_map(Key::from),
        ]
    }

    proptest! {
        #[test]
        fn different_pairs_are_hashed_from_different_bytes(one in (key(), key()), two in (key(), key())) {
            let of = |(a, b): &(Key, Key)| bytes(&[a.part(), b.part()]);
            let same = one.0.part() == two.0.part() && one.1.part() == two.1.part();
            prop_assert_eq!(of(&one) == of(&two), same);
        }
    }

    #[test]
    fn a_client_is_counted_by_as_much_of_its_address_as_was_asked_for() {
        let number = |prefixes: Prefixes, text: &str| prefixes.number(text.parse().unwrap());
        let usual = Prefixes::USUAL;
        let same = |prefixes, one, two| number(prefixes, one) == number(prefixes, two);
        assert!(same(usual, "2001:db8:1:2:3::1", "2001:db8:1:2:ffff::9"));
        assert!(!same(usual, "2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(!same(usual, "203.0.113.1", "203.0.113.2"));
        assert!(same(
            usual.with_v6(48),
            "2001:db8:1:2::1",
            "2001:db8:1:3::1"
        ));
        assert!(same(usual.with_v4(24), "203.0.113.1", "203.0.113.2"));
        assert!(!same(usual.with_v4(24), "203.0.113.1", "203.0.112.1"));
        assert!(!usual.with_v4(33).are_good() && !usual.with_v6(0).are_good());
    }
}
