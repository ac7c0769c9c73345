//! Misconfigurations that a limiter finds, at the start or at first sight.
//!
//! Each has a code that stays, is told once on the log and counted ever after.
//! None of them stops a service or changes an answer beyond what it says itself.

use std::sync::atomic::{AtomicU64, Ordering};

use plimsoll_core::peer::{Flaw, Flaws};

/// A kind of misconfiguration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Finding {
    /// All clients seem to stand behind a proxy that nobody named.
    UnnamedProxy,
    /// No peer address is known.
    NoPeer,
    /// Two headers tell of clients.
    TwoHeaders,
    /// Fewer entries than hops.
    TooFewHops,
    /// An entry that is no address.
    UnreadableHop,
    /// A proxy was taken for a client.
    ProxyCounted,
    /// A refused client speaks for others.
    UntrustedForwarder,
    /// One limiter stands around a request twice.
    CountedTwice,
    /// A burst of many windows.
    WideBurst,
    /// A wait of more than a day.
    LongWait,
    /// A cost over the burst.
    NeverFits,
    /// No route is known.
    NoRoute,
    /// More keys than there is room for.
    CoarseKeys,
}

impl Finding {
    /// Every finding, in the order of the codes.
    pub const ALL: [Self; 13] = [
        Self::UnnamedProxy,
        Self::NoPeer,
        Self::TwoHeaders,
        Self::TooFewHops,
        Self::UnreadableHop,
        Self::ProxyCounted,
        Self::UntrustedForwarder,
        Self::CountedTwice,
        Self::WideBurst,
        Self::LongWait,
        Self::NeverFits,
        Self::NoRoute,
        Self::CoarseKeys,
    ];

    /// The code, which stays what it is.
    pub const fn code(self) -> &'static str {
        self.row().0
    }

    /// What was found and how to mend it.
    pub const fn text(self) -> &'static str {
        self.row().1
    }

    const fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::UnnamedProxy => (
                "LIM-001",
                "a private address forwards requests for others and no proxy is trusted; this \
                 limit only observes its requests until the trusted proxies are named (`trust`, \
                 as CIDRs, `private` or `hops=N`)",
            ),
            Self::NoPeer => (
                "LIM-002",
                "no peer address is known, so clients cannot be counted; put a PeerAddr into \
                 the extensions of each request where connections are accepted",
            ),
            Self::TwoHeaders => (
                "LIM-003",
                "a trusted proxy sent both Forwarded and X-Forwarded-For; only the one named by \
                 `trust_header` is read: name the one that the proxy writes, and have it remove the other",
            ),
            Self::TooFewHops => (
                "LIM-004",
                "a request came over fewer proxies than `hops` says, so its peer was counted; \
                 count the proxies again, or name them by their addresses",
            ),
            Self::UnreadableHop => (
                "LIM-005",
                "an entry of the forwarding header is no address, so the proxy to its right was \
                 counted; have the proxy write addresses, not `unknown` or a hidden name",
            ),
            Self::ProxyCounted => (
                "LIM-006",
                "every entry of the forwarding header is a trusted proxy, so a proxy was counted \
                 as a client; trust no range that clients have addresses of",
            ),
            Self::UntrustedForwarder => (
                "LIM-007",
                "a client that was refused sends forwarding headers and is not trusted; if it is \
                 your proxy, name it by `trust`, for all its clients are counted as one",
            ),
            Self::CountedTwice => (
                "LIM-008",
                "one limiter stands around the same request twice, so every request counts \
                 twice; keep one of the two layers",
            ),
            Self::WideBurst => (
                "LIM-009",
                "the burst is more than ten windows' worth: after a pause so many pass at once; \
                 set a smaller burst if that is not meant",
            ),
            Self::LongWait => (
                "LIM-010",
                "a refused client may be told to wait for more than a day; use a shorter window \
                 or a smaller cost",
            ),
            Self::NeverFits => (
                "LIM-011",
                "a request cost more than the burst of its key, so it can never pass; raise the \
                 burst or have such requests split",
            ),
            Self::NoRoute => (
                "LIM-012",
                "no route is known, so a limit by route counts nothing; it needs the layer of a \
                 whole Plimsoll around it",
            ),
            Self::CoarseKeys => (
                "LIM-013",
                "more keys were active than the limit has room for, so new ones share cells; \
                 raise `max_keys` if these are real clients",
            ),
        }
    }

    /// Whether it is of the trusted proxies, which several limiters share: each
    /// of them then has the same count.
    pub const fn is_of_trust(self) -> bool {
        matches!(
            self,
            Self::TwoHeaders | Self::TooFewHops | Self::UnreadableHop | Self::ProxyCounted
        )
    }

    const fn of_flaw(flaw: Flaw) -> Self {
        match flaw {
            Flaw::OtherHeader => Self::TwoHeaders,
            Flaw::TooFewHops => Self::TooFewHops,
            Flaw::UnreadableHop => Self::UnreadableHop,
            Flaw::AllTrusted => Self::ProxyCounted,
        }
    }
}

/// A finding and how often it was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// What was found.
    pub finding: Finding,
    /// How often, since start.
    pub count: u64,
}

/// The counts of a limiter's findings.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    counts: [AtomicU64; Finding::ALL.len()],
    /// Flaws of the trust that were told.
    told: [AtomicU64; Flaw::ALL.len()],
}

impl Findings {
    /// Counts a finding; tells it the first time.
    pub(crate) fn note(&self, finding: Finding, policy: &str) {
        if self.counts[finding as usize].fetch_add(1, Ordering::Relaxed) == 0 {
            tell(finding, policy);
        }
    }

    /// Tells what walks through forwarding headers met and nobody has told yet.
    /// Nothing but a few loads when there is nothing.
    pub(crate) fn tell_flaws(&self, flaws: &Flaws, policy: &str) {
        for flaw in Flaw::ALL {
            let told = &self.told[flaw as usize];
            if flaws.of(flaw) > 0
                && told.load(Ordering::Relaxed) == 0
                && told.swap(1, Ordering::Relaxed) == 0
            {
                tell(Finding::of_flaw(flaw), policy);
            }
        }
    }

    /// Every finding with its count, zeros left out.
    pub(crate) fn all(&self, flaws: &Flaws, coarse: u64) -> Vec<Found> {
        let mut counts = self
            .counts
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed));
        for flaw in Flaw::ALL {
            counts[Finding::of_flaw(flaw) as usize] += flaws.of(flaw);
        }
        counts[Finding::CoarseKeys as usize] += coarse;
        let rows = Finding::ALL.into_iter().zip(counts);
        let met = rows.filter(|(_, count)| *count > 0);
        met.map(|(finding, count)| Found { finding, count })
            .collect()
    }
}

/// Tells a finding on the log.
pub(crate) fn tell(finding: Finding, policy: &str) {
    tracing::warn!(policy, code = finding.code(), "{}", finding.text());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_has_a_code_of_its_own_in_order() {
        for (at, finding) in Finding::ALL.into_iter().enumerate() {
            assert_eq!(finding.code(), format!("LIM-{:03}", at + 1));
            assert_eq!(finding as usize, at);
            let flaws = Flaw::ALL.map(Finding::of_flaw);
            assert_eq!(finding.is_of_trust(), flaws.contains(&finding));
            assert!(finding.text().len() > 40 && !finding.text().contains("  "));
        }
    }
}
