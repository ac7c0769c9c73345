//! Who the client is, and whom we trust to say so.
//!
//! Forwarding headers are ignored until proxies are named. Then one configured
//! header tells ([`Forwarding`]), all its lines joined in order, and the client is the
//! rightmost address that is not a trusted proxy, or the one a counted number of
//! hops from the right. Anything unreadable on the way stops the walk at the last
//! address that was known for sure. What a walk met that it should not have is
//! counted as a [`Flaw`].

mod flaw;
mod hop;
mod trust;

use std::net::{IpAddr, SocketAddr};

pub use flaw::{Flaw, Flaws};
pub use trust::{BadRange, BadSource, Forwarding, Trust};

/// The other end of the connection; put into a request's extensions by whoever accepts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// IPv4 addresses mapped into IPv6 become IPv4, by their bits.
#[inline]
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// An address as one number; an IPv4 address is the same as its IPv6 form.
#[inline]
pub fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// Whether a peer that forwards requests for others is likely a proxy of ours:
/// [`is_private`], and the shared address space of 100.64.0.0/10 (RFC 6598),
/// which clouds and Kubernetes give to pods and balancers. Of a client's provider
/// it is too, so `private` does not trust it.
#[inline]
pub fn may_be_proxy(address: IpAddr) -> bool {
    const SHARED: u8 = 0b0100_0000;
    match canonical(address) {
        IpAddr::V4(v4) if matches!(v4.octets(), [100, second, ..] if second & 0xc0 == SHARED) => {
            true
        }
        other => is_private(other),
    }
}

/// Whether an address is one that a proxy or a container network would have:
/// the ranges of `private`.
#[inline]
pub fn is_private(address: IpAddr) -> bool {
    match canonical(address) {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}
