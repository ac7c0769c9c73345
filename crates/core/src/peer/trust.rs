//! Whom we believe, which header they write, and how far it is read.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::header::{FORWARDED, GetAll, HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use super::flaw::{Flaw, Flaws};
use super::{canonical, hop};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Most hops that can be counted.
const MAX_HOPS: u8 = 32;

/// The one header that trusted proxies tell the client by. Never two: a proxy
/// that writes one passes on what a client wrote into the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Forwarding {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// A vendor's own, which holds one address, such as `CF-Connecting-IP`.
    Vendor(HeaderName),
}

impl Forwarding {
    fn lines<'a>(&self, headers: &'a HeaderMap) -> GetAll<'a, HeaderValue> {
        match self {
            Self::XForwardedFor => headers.get_all(X_FORWARDED_FOR),
            Self::Forwarded => headers.get_all(FORWARDED),
            Self::Vendor(name) => headers.get_all(name),
        }
    }
}

/// A text that names no header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadSource(String);

impl fmt::Display for BadSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.0;
        write!(
            f,
            "{text:?} names no header; write x-forwarded-for, forwarded, or a vendor's own such as cf-connecting-ip"
        )
    }
}

impl std::error::Error for BadSource {}

impl FromStr for Forwarding {
    type Err = BadSource;

    fn from_str(name: &str) -> Result<Self, BadSource> {
        match name.trim().to_ascii_lowercase().as_str() {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            "forwarded" => Ok(Self::Forwarded),
            other => {
                let name = other.parse().map_err(|_| BadSource(name.into()))?;
                Ok(Self::Vendor(name))
            }
        }
    }
}

/// Peers whose forwarding header and trace context are believed.
///
/// ```
/// use http::HeaderMap;
/// use plimsoll_core::peer::Trust;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("x-forwarded-for", "6.6.6.6, 203.0.113.9, 10.0.0.2".parse().unwrap());
/// let peer = "10.0.0.1".parse().unwrap();
///
/// let nobody = Trust::nobody();
/// assert_eq!(nobody.client(peer, &headers), peer);
///
/// let private: Trust = "private".parse().unwrap();
/// assert_eq!(private.client(peer, &headers).to_string(), "203.0.113.9");
///
/// let counted: Trust = "hops=2".parse().unwrap();
/// assert_eq!(counted.client(peer, &headers).to_string(), "203.0.113.9");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Trust {
    ranges: Vec<IpNet>,
    /// Proxies between client and service; 0: as many as the ranges say.
    hops: u8,
    told_by: Forwarding,
    flaws: Flaws,
}

impl PartialEq for Trust {
    fn eq(&self, other: &Self) -> bool {
        (&self.ranges, self.hops, &self.told_by) == (&other.ranges, other.hops, &other.told_by)
    }
}

impl Eq for Trust {}

/// A word that is neither a CIDR, an address, `private`, `loopback` nor `hops=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRange(String);

impl fmt::Display for BadRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = &self.0;
        write!(
            f,
            "{word:?} is no address range; write a CIDR such as 10.0.0.0/8, an address, `private`, `loopback` or `hops=1` to `hops={MAX_HOPS}`"
        )
    }
}

impl std::error::Error for BadRange {}

/// RFC 1918, RFC 4193 and link-local ranges, and loopback.
pub(super) const PRIVATE: [&str; 8] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "127.0.0.0/8",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
];
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

impl FromStr for Trust {
    type Err = BadRange;

    /// Reads a list of CIDRs, addresses, `private`, `loopback` and `hops=N`,
    /// parted by commas or written as TOML's list. Hops alone believe peers with
    /// private addresses; name the ranges of others beside them.
    fn from_str(list: &str) -> Result<Self, BadRange> {
        let mut trust = Self::default();
        for word in crate::settings::list(list) {
            match word {
                "private" => trust.ranges.extend(ranges_of(&PRIVATE)),
                "loopback" => trust.ranges.extend(ranges_of(&LOOPBACK)),
                _ => match word.strip_prefix("hops=") {
                    Some(hops) => {
                        let hops = hops.trim().parse().ok();
                        let hops = hops.filter(|hops| (1..=MAX_HOPS).contains(hops));
                        trust.hops = hops.ok_or_else(|| BadRange(word.into()))?;
                    }
                    None => trust.ranges.push(range(word)?),
                },
            }
        }
        if trust.hops > 0 && trust.ranges.is_empty() {
            trust.ranges.extend(ranges_of(&PRIVATE));
        }
        Ok(trust)
    }
}

fn range(word: &str) -> Result<IpNet, BadRange> {
    let single = || word.parse::<IpAddr>().map(IpNet::from).ok();
    let net: Option<IpNet> = word.parse().ok().or_else(single);
    net.ok_or_else(|| BadRange(word.into()))
}

impl Trust {
    /// Believes nobody.
    pub fn nobody() -> Self {
        Self::default()
    }

    /// The header that trusted peers tell the client by. Default:
    /// `X-Forwarded-For`. Any other of the kind is ignored.
    #[must_use]
    pub fn told_by(mut self, header: Forwarding) -> Self {
        self.told_by = header;
        self
    }

    /// That header.
    pub fn header(&self) -> &Forwarding {
        &self.told_by
    }

    /// Whether anybody is believed.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether this peer is believed.
    pub fn includes(&self, peer: IpAddr) -> bool {
        let peer = canonical(peer);
        self.ranges.iter().any(|range| range.contains(&peer))
    }

    /// What walks met that they should not have; clones of a trust share it.
    pub fn flaws(&self) -> &Flaws {
        &self.flaws
    }

    /// The client behind `peer`: the peer itself unless it is trusted and says otherwise.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = canonical(peer);
        if self.is_empty() || !self.includes(peer) {
            return peer;
        }
        if self.is_told_otherwise(headers) {
            self.flaws.count(Flaw::OtherHeader);
        }
        let lines = self.told_by.lines(headers);
        let found = match self.told_by {
            // A proxy that sets it leaves one line; of more, the last is its own.
            Forwarding::Vendor(_) => match lines.iter().next_back() {
                Some(line) => one(line.as_bytes()),
                None => return peer,
            },
            Forwarding::XForwardedFor => {
                let hops = lines.iter().rev();
                self.walk(peer, hops.flat_map(|line| hop::plain(line.as_bytes())))
            }
            Forwarding::Forwarded => {
                let hops = lines.iter().rev();
                self.walk(peer, hops.flat_map(|line| hop::elements(line.as_bytes())))
            }
        };
        found.unwrap_or_else(|(known, flaw)| {
            self.flaws.count(flaw);
            known.unwrap_or(peer)
        })
    }

    /// The walk from the right; on a flaw, what was known for sure until then.
    fn walk(
        &self,
        peer: IpAddr,
        mut hops: impl Iterator<Item = Option<IpAddr>>,
    ) -> Result<IpAddr, (Option<IpAddr>, Flaw)> {
        if self.hops > 0 {
            return match hops.nth(usize::from(self.hops) - 1) {
                Some(Some(client)) => Ok(client),
                Some(None) => Err((None, Flaw::UnreadableHop)),
                None => Err((None, Flaw::TooFewHops)),
            };
        }
        let mut known = None;
        for hop in hops {
            match hop {
                None => return Err((known, Flaw::UnreadableHop)),
                Some(hop) if self.includes(hop) => known = Some(hop),
                Some(client) => return Ok(client),
            }
        }
        match known {
            Some(proxy) => Err((Some(proxy), Flaw::AllTrusted)),
            // Nothing was told: the peer asks for itself.
            None => Ok(peer),
        }
    }

    /// Whether the other of the two common headers is there too.
    fn is_told_otherwise(&self, headers: &HeaderMap) -> bool {
        match self.told_by {
            Forwarding::XForwardedFor => headers.contains_key(FORWARDED),
            Forwarding::Forwarded => headers.contains_key(X_FORWARDED_FOR),
            // A vendor's header stands beside the common ones by habit.
            Forwarding::Vendor(_) => false,
        }
    }
}

/// The one address of a vendor's header.
fn one(line: &[u8]) -> Result<IpAddr, (Option<IpAddr>, Flaw)> {
    let mut hops = hop::plain(line);
    match (hops.next(), hops.next()) {
        (Some(Some(client)), None) => Ok(client),
        _ => Err((None, Flaw::UnreadableHop)),
    }
}

fn ranges_of(nets: &[&str]) -> impl Iterator<Item = IpNet> {
    nets.iter().filter_map(|net| net.parse().ok())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
