//! What `catalog!` holds at compile time, and names of codes made from names of variants.

use plimsoll_core::Blame;

use crate::{Code, Retry};

/// Longest reason: AIP-193.
pub const REASON_MAX: usize = 63;

/// Two to eight upper-case letters: short enough to say, and so that a support
/// reference can be taken apart again.
pub const fn prefix_fits(prefix: &str) -> bool {
    let bytes = prefix.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_uppercase() {
            return false;
        }
        at += 1;
    }
    2 <= bytes.len() && bytes.len() <= 8
}

/// Client faults are 4xx; the server's and a dependency's are 5xx; lack of
/// capacity is 429 or 5xx.
pub const fn blame_fits(blame: Option<Blame>, status: Option<u16>) -> bool {
    match (blame, status) {
        (Some(Blame::Client), Some(status)) => matches!(status, 400..=499),
        (Some(Blame::Server | Blame::Dependency), Some(status)) => matches!(status, 500..=599),
        (Some(Blame::Capacity), Some(status)) => matches!(status, 429 | 500..=599),
        _ => false,
    }
}

/// A wait of zero is `Safe`, not `After`.
pub const fn retry_fits(retry: Option<Retry>) -> bool {
    match retry {
        Some(Retry::After(wait)) => !wait.is_zero(),
        Some(_) => true,
        None => false,
    }
}

/// Whether numbers ascend, which also makes them unique.
pub const fn ascending(codes: &[Code]) -> bool {
    let mut at = 1;
    while at < codes.len() {
        if codes[at - 1].number >= codes[at].number {
            return false;
        }
        at += 1;
    }
    true
}

/// Length of a variant's name in UPPER_SNAKE.
pub const fn reason_len(name: &str) -> usize {
    let bytes = name.as_bytes();
    let mut len = 0;
    let mut at = 0;
    while at < bytes.len() {
        len += 1 + starts_word(bytes, at) as usize;
        at += 1;
    }
    len
}

/// A variant's name in UPPER_SNAKE; `LEN` is its [`reason_len`].
pub const fn reason<const LEN: usize>(name: &str) -> [u8; LEN] {
    let bytes = name.as_bytes();
    let mut out = [b'_'; LEN];
    let mut to = 0;
    let mut at = 0;
    while at < bytes.len() {
        to += starts_word(bytes, at) as usize;
        out[to] = bytes[at].to_ascii_uppercase();
        to += 1;
        at += 1;
    }
    out
}

/// The text of a reason; empty, and so refused by its rule, if a name is not ASCII.
pub const fn text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.is_ascii() => text,
        _ => "",
    }
}

const fn starts_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && bytes[at].is_ascii_uppercase() && !bytes[at - 1].is_ascii_uppercase()
}
