//! Whose trace contexts were not adopted, and what was lost of those that were.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use plimsoll_core::peer::canonical;

use crate::config::Warning;

/// Where a peer is, in ranges that an operator would name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    Loopback,
    Ten,
    OneSevenTwo,
    OneNineTwo,
    LinkLocalV4,
    UniqueLocal,
    LinkLocalV6,
    PublicV4,
    PublicV6,
    /// The server did not say who the peer is.
    Unknown,
}

impl Range {
    pub(super) const ALL: [Self; 10] = [
        Self::Loopback,
        Self::Ten,
        Self::OneSevenTwo,
        Self::OneNineTwo,
        Self::LinkLocalV4,
        Self::UniqueLocal,
        Self::LinkLocalV6,
        Self::PublicV4,
        Self::PublicV6,
        Self::Unknown,
    ];

    /// Of an address: RFC 1918, 3927, 4193, 4291.
    pub(super) fn of(peer: Option<IpAddr>) -> Self {
        match peer.map(canonical) {
            None => Self::Unknown,
            Some(peer) if peer.is_loopback() => Self::Loopback,
            Some(IpAddr::V4(v4)) => match v4.octets() {
                [10, ..] => Self::Ten,
                [172, 16..=31, ..] => Self::OneSevenTwo,
                [192, 168, ..] => Self::OneNineTwo,
                [169, 254, ..] => Self::LinkLocalV4,
                _ => Self::PublicV4,
            },
            Some(IpAddr::V6(v6)) if v6.is_unique_local() => Self::UniqueLocal,
            Some(IpAddr::V6(v6)) if v6.is_unicast_link_local() => Self::LinkLocalV6,
            Some(IpAddr::V6(_)) => Self::PublicV6,
        }
    }

    /// The label value.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Ten => "10.0.0.0/8",
            Self::OneSevenTwo => "172.16.0.0/12",
            Self::OneNineTwo => "192.168.0.0/16",
            Self::LinkLocalV4 => "169.254.0.0/16",
            Self::UniqueLocal => "fc00::/7",
            Self::LinkLocalV6 => "fe80::/10",
            Self::PublicV4 => "public_v4",
            Self::PublicV6 => "public_v6",
            Self::Unknown => "unknown",
        }
    }

    /// What would adopt it. Nobody should trust the whole Internet, and a peer
    /// without an address cannot be trusted.
    pub(super) const fn setting(self) -> &'static str {
        match self {
            Self::Loopback => "PLIMSOLL_TRUST=loopback",
            Self::Ten => "PLIMSOLL_TRUST=10.0.0.0/8",
            Self::OneSevenTwo => "PLIMSOLL_TRUST=172.16.0.0/12",
            Self::OneNineTwo => "PLIMSOLL_TRUST=192.168.0.0/16",
            Self::LinkLocalV4 => "PLIMSOLL_TRUST=169.254.0.0/16",
            Self::UniqueLocal => "PLIMSOLL_TRUST=fc00::/7",
            Self::LinkLocalV6 => "PLIMSOLL_TRUST=fe80::/10",
            Self::PublicV4 | Self::PublicV6 => "PLIMSOLL_TRUST=<address of the proxy>",
            Self::Unknown => "",
        }
    }

    const fn is_private(self) -> bool {
        !matches!(self, Self::PublicV4 | Self::PublicV6 | Self::Unknown)
    }
}

/// Counts of what callers sent and was not taken over.
#[derive(Debug, Default)]
pub(super) struct Callers {
    unadopted: [AtomicU64; Range::ALL.len()],
    warned: AtomicBool,
    pub(super) tracestate: AtomicU64,
    pub(super) baggage: AtomicU64,
}

impl Callers {
    /// Counts a context that was linked and not adopted. The first one from a
    /// private network is worth a warning: it may well be the operator's own.
    pub(super) fn link(&self, peer: Option<IpAddr>) -> Option<Warning> {
        let range = Range::of(peer);
        self.unadopted[range as usize].fetch_add(1, Ordering::Relaxed);
        if !range.is_private() || self.warned.load(Ordering::Relaxed) {
            return None;
        }
        let first = !self.warned.swap(true, Ordering::Relaxed);
        first.then(|| {
            let (range, setting) = (range.as_str(), range.setting());
            let problem = format!(
                "callers in {range} send trace contexts, which are linked and not adopted; if they are yours, set {setting}"
            );
            Warning::new("PLIMSOLL_TRUST", problem)
        })
    }

    pub(super) fn unadopted(&self) -> impl Iterator<Item = (Range, u64)> {
        let count = |range| self.unadopted[range as usize].load(Ordering::Relaxed);
        Range::ALL
            .into_iter()
            .map(move |range| (range, count(range)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::peer::Trust;
    use proptest::prelude::*;

    #[test]
    fn every_range_has_its_peers() {
        for (peer, range) in [
            ("127.0.0.1", "loopback"),
            ("::1", "loopback"),
            ("10.1.2.3", "10.0.0.0/8"),
            ("172.16.0.1", "172.16.0.0/12"),
            ("172.32.0.1", "public_v4"),
            ("192.168.1.1", "192.168.0.0/16"),
            ("169.254.169.254", "169.254.0.0/16"),
            ("fd00::1", "fc00::/7"),
            ("fe80::1", "fe80::/10"),
            ("::ffff:10.0.0.1", "10.0.0.0/8"),
            ("203.0.113.1", "public_v4"),
            ("2001:db8::1", "public_v6"),
        ] {
            let of = Range::of(Some(peer.parse().unwrap()));
            assert_eq!(of.as_str(), range, "{peer}");
        }
        assert_eq!(Range::of(None), Range::Unknown);
    }

    proptest! {
        #[test]
        fn the_setting_that_is_told_adopts_the_peer(peer: IpAddr) {
            let range = Range::of(Some(peer));
            if range.is_private() {
                let value = range.setting().strip_prefix("PLIMSOLL_TRUST=").unwrap();
                let trust: Trust = value.parse().unwrap();
                prop_assert!(trust.includes(peer), "{} {}", peer, value);
            }
        }
    }

    #[test]
    fn one_warning_however_many_callers() {
        let callers = Callers::default();
        let public = "203.0.113.1".parse().ok();
        assert_eq!(callers.link(public), None);
        let private = "10.0.0.1".parse().ok();
        let warning = callers.link(private).unwrap();
        assert!(warning.problem.contains("PLIMSOLL_TRUST=10.0.0.0/8"));
        assert_eq!(callers.link(private), None);
        let counts: Vec<_> = callers
            .unadopted()
            .filter(|(_, count)| *count > 0)
            .collect();
        assert_eq!(counts, [(Range::Ten, 2), (Range::PublicV4, 1)]);
    }
}
