//! Who the client is, and whom we trust to say so.
//!
//! Forwarding headers are ignored until proxies are named. Then the client is
//! the rightmost address that is not a trusted proxy, all header lines joined
//! in order; anything unreadable on the way stops the walk at the last address
//! that was known for sure.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use http::HeaderMap;
use ipnet::IpNet;

/// The other end of the connection; put into a request's extensions by whoever accepts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// Peers whose `X-Forwarded-For` and trace context are believed.
///
/// ```
/// use http::HeaderMap;
/// use plimsoll_core::peer::Trust;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("x-forwarded-for", "203.0.113.9, 10.0.0.2".parse().unwrap());
/// let peer = "10.0.0.1".parse().unwrap();
///
/// let nobody = Trust::nobody();
/// assert_eq!(nobody.client(peer, &headers), peer);
///
/// let private: Trust = "private".parse().unwrap();
/// assert_eq!(private.client(peer, &headers).to_string(), "203.0.113.9");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    ranges: Vec<IpNet>,
}

/// A range that is neither a CIDR, an address, `private` nor `loopback`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRange(String);

impl fmt::Display for BadRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no address range; write a CIDR such as 10.0.0.0/8, an address, `private` or `loopback`",
            self.0
        )
    }
}

impl std::error::Error for BadRange {}

/// RFC 1918, RFC 4193 and link-local ranges, and loopback.
const PRIVATE: [&str; 8] = [
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

    /// Reads a comma-separated list of CIDRs, addresses, `private` and `loopback`.
    fn from_str(list: &str) -> Result<Self, BadRange> {
        let mut ranges = Vec::new();
        for word in list
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
        {
            match word {
                "private" => ranges.extend(ranges_of(&PRIVATE)),
                "loopback" => ranges.extend(ranges_of(&LOOPBACK)),
                _ => {
                    let single = || word.parse::<IpAddr>().map(IpNet::from).ok();
                    let net = word.parse().ok().or_else(single);
                    ranges.push(net.ok_or_else(|| BadRange(word.into()))?);
                }
            }
        }
        Ok(Self { ranges })
    }
}

impl Trust {
    /// Believes nobody.
    pub const fn nobody() -> Self {
        Self { ranges: Vec::new() }
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

    /// The client behind `peer`: the peer itself unless it is trusted and says otherwise.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut known = canonical(peer);
        if self.is_empty() || !self.includes(known) {
            return known;
        }
        let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
        for line in lines.iter().rev() {
            let Ok(line) = line.to_str() else {
                return known;
            };
            for hop in line.rsplit(',') {
                let Some(hop) = address(hop) else {
                    return known;
                };
                known = hop;
                if !self.includes(hop) {
                    return known;
                }
            }
        }
        known
    }
}

/// One hop of the header, its port, brackets and zone stripped.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    if let Ok(address) = hop.parse::<SocketAddr>() {
        return Some(canonical(address.ip()));
    }
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    let bare = bare.split('%').next().unwrap_or(bare);
    bare.parse().ok().map(canonical)
}

/// IPv4 addresses mapped into IPv6 become IPv4, by their bits.
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// The key a limit counts an address under: IPv4 whole, IPv6 by its /64, since
/// one client commands a whole /64.
pub fn limit_key(address: IpAddr) -> IpAddr {
    match canonical(address) {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// Whether an address is one that a proxy or a container network would have:
/// the ranges of `private`.
pub fn is_private(address: IpAddr) -> bool {
    match canonical(address) {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}

fn ranges_of(nets: &[&str]) -> impl Iterator<Item = IpNet> {
    nets.iter().filter_map(|net| net.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        headers
    }

    #[test]
    fn the_client_is_the_rightmost_untrusted_hop() {
        let trust: Trust = "10.0.0.0/8, ::1".parse().unwrap();
        for (peer, lines, client) in [
            ("203.0.113.1", &["1.1.1.1"][..], "203.0.113.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            (
                "10.0.0.1",
                &["6.6.6.6, 203.0.113.9, 10.0.0.2"],
                "203.0.113.9",
            ),
            ("10.0.0.1", &["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9:4711"], "203.0.113.9"),
            ("10.0.0.1", &["[2001:db8::1]:80"], "2001:db8::1"),
            ("10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            ("::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, _hidden, 10.9.9.9"], "10.9.9.9"),
            ("10.0.0.1", &["10.0.0.7"], "10.0.0.7"),
        ] {
            let found = trust.client(peer.parse().unwrap(), &headers(lines));
            assert_eq!(found.to_string(), client, "{peer} {lines:?}");
        }
    }

    proptest! {
        #[test]
        fn the_private_addresses_are_those_of_the_private_ranges(address: IpAddr, near in 0_usize..PRIVATE.len(), off: u16) {
            let first = ranges_of(&PRIVATE[near..]).next().unwrap().network();
            let near = match first {
                IpAddr::V4(v4) => IpAddr::V4((u32::from(v4).wrapping_add(u32::from(off) << 10)).into()),
                IpAddr::V6(v6) => IpAddr::V6((u128::from(v6).wrapping_add(u128::from(off) << 108)).into()),
            };
            for address in [address, near] {
                let listed = ranges_of(&PRIVATE).any(|net| net.contains(&canonical(address)));
                prop_assert_eq!(is_private(address), listed, "{}", address);
            }
        }

        #[test]
        fn no_header_moves_an_untrusted_peer(line in "[ -~]{0,64}") {
            let peer = "203.0.113.1".parse().unwrap();
            let trust: Trust = "private".parse().unwrap();
            prop_assert_eq!(trust.client(peer, &headers(&[&line])), peer);
        }
    }

    #[test]
    fn a_v6_client_is_its_slash_64() {
        let one = limit_key("2001:db8:1:2:3:4:5:6".parse().unwrap());
        let two = limit_key("2001:db8:1:2:ffff::1".parse().unwrap());
        assert_eq!(one, two);
    }

    #[test]
    fn a_bad_range_says_what_to_write() {
        let wrong = "10.0.0.0/99".parse::<Trust>().unwrap_err();
        assert!(wrong.to_string().contains("10.0.0.0/8"));
    }
}
