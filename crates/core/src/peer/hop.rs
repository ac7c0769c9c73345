//! One entry of a forwarding header, read from the right: what stands further
//! left was written by somebody further away, and must not change how an entry
//! to its right is read.

use std::net::{IpAddr, SocketAddr};

use super::canonical;

/// The entries of a line of `X-Forwarded-For`, the last one first.
pub(super) fn plain(line: &[u8]) -> impl Iterator<Item = Option<IpAddr>> {
    let hops = line.rsplit(|&byte| byte == b',');
    hops.map(|hop| address(std::str::from_utf8(hop).ok()?))
}

/// The entries of a line of `Forwarded` (RFC 7239), the last one first.
pub(super) fn elements(line: &[u8]) -> impl Iterator<Item = Option<IpAddr>> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let (before, element) = last_element(line);
        rest = before;
        Some(element.and_then(forwarded_for))
    })
}

/// What stands before the last comma outside a quoted string, and what after it.
/// The element is `None` when its quotes don't pair.
fn last_element(line: &[u8]) -> (Option<&[u8]>, Option<&[u8]>) {
    let mut quoted = false;
    for (at, &byte) in line.iter().enumerate().rev() {
        match byte {
            // An escaped quote stands in a quoted string only.
            b'"' if quoted && escapes_before(line, at) % 2 == 1 => {}
            b'"' => quoted = !quoted,
            b',' if !quoted => return (Some(&line[..at]), Some(&line[at + 1..])),
            _ => {}
        }
    }
    (None, Some(line).filter(|_| !quoted))
}

fn escapes_before(line: &[u8], at: usize) -> usize {
    let before = line[..at].iter().rev();
    before.take_while(|&&byte| byte == b'\\').count()
}

/// The address of the one `for` of an element.
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(element).ok()?;
    let mut found = None;
    let mut rest = text;
    while !rest.is_empty() {
        let (pair, after) = split_pair(rest);
        rest = after;
        let Some((name, value)) = pair.split_once('=') else {
            continue;
        };
        if !name.trim().eq_ignore_ascii_case("for") {
            continue;
        }
        // RFC 7239, section 4: no parameter twice in an element.
        if found.is_some() {
            return None;
        }
        let value = value.trim();
        let bare = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
        found = Some(bare.unwrap_or(value));
    }
    address(found?)
}

/// Up to the first semicolon outside a quoted string, and what follows it.
fn split_pair(text: &str) -> (&str, &str) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' if !quoted => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, "")
}

/// An address, its port, brackets and zone stripped. RFC 7239 allows a port that
/// is hidden: `_` and more.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    if let Ok(address) = hop.parse::<IpAddr>() {
        return Some(canonical(address));
    }
    if let Ok(address) = hop.parse::<SocketAddr>() {
        return Some(canonical(address.ip()));
    }
    let (host, port) = match hop.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?,
        None => match hop.split_once(':') {
            // More colons than one: IPv6 without brackets.
            Some((_, rest)) if rest.contains(':') => (hop, ""),
            Some((host, _)) => (host, &hop[host.len()..]),
            None => (hop, ""),
        },
    };
    let is_port = |port: &str| port.starts_with('_') || port.parse::<u16>().is_ok();
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
        return None;
    }
    let host = host.split_once('%').map_or(host, |(host, _)| host);
    host.parse().ok().map(canonical)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(line: &str) -> Vec<Option<String>> {
        let told = elements(line.as_bytes());
        told.map(|hop| hop.map(|hop| hop.to_string())).collect()
    }

    #[test]
    fn every_example_of_rfc_7239_is_read() {
        for (line, expected) in [
            (r#"for="_gazonk""#, &[None][..]),
            (
                r#"For="[2001:db8:cafe::17]:4711""#,
                &[Some("2001:db8:cafe::17")],
            ),
            (
                "for=192.0.2.60;proto=http;by=203.0.113.43",
                &[Some("192.0.2.60")],
            ),
            (
                "for=192.0.2.43, for=198.51.100.17",
                &[Some("198.51.100.17"), Some("192.0.2.43")],
            ),
            (
                r#"for=192.0.2.43,for="[2001:db8:cafe::17]",for=unknown"#,
                &[None, Some("2001:db8:cafe::17"), Some("192.0.2.43")],
            ),
            (
                "for=192.0.2.43, for=198.51.100.17;by=203.0.113.60;proto=http;host=example.com",
                &[Some("198.51.100.17"), Some("192.0.2.43")],
            ),
            (r#"for="192.0.2.43:47011""#, &[Some("192.0.2.43")]),
            (r#"for="192.0.2.43:_port""#, &[Some("192.0.2.43")]),
            (
                r#"host="a,b;for=6.6.6.6\"";for=192.0.2.1"#,
                &[Some("192.0.2.1")],
            ),
            ("for=192.0.2.1;for=192.0.2.2", &[None]),
            ("proto=http", &[None]),
            (r#"for=192.0.2.1, for="192.0.2.2"#, &[None]),
        ] {
            let told = read(line);
            let told: Vec<_> = told.iter().map(Option::as_deref).collect();
            assert_eq!(told, expected, "{line}");
        }
    }

    #[test]
    fn addresses_lose_port_brackets_and_zone_and_nothing_else() {
        for (text, expected) in [
            ("203.0.113.9:4711", Some("203.0.113.9")),
            ("[2001:db8::1]:80", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("fe80::1%eth0", Some("fe80::1")),
            ("::ffff:203.0.113.9", Some("203.0.113.9")),
            ("::FFFF:cb00:7109", Some("203.0.113.9")),
            (" 203.0.113.9\t", Some("203.0.113.9")),
            ("203.0.113.9:x", None),
            ("203.0.113.9:99999", None),
            ("[2001:db8::1]x", None),
            ("203.0.113", None),
            ("0x7f.1", None),
            ("unknown", None),
            ("", None),
        ] {
            let told = address(text).map(|told| told.to_string());
            assert_eq!(told.as_deref(), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_to_the_left_changes_the_last_entry(left: Vec<u8>, host in "[ -~]{0,20}") {
            let escaped = host.replace('\\', r"\\").replace('"', "\\\"");
            let proxy = format!(r#"host="{escaped}";for="[2001:db8::7]:80""#);
            let line = [&left[..], b", ", proxy.as_bytes()].concat();
            let expected = "2001:db8::7".parse().ok();
            prop_assert_eq!(elements(&line).next(), Some(expected));
            let line = [&left[..], b",192.0.2.1"].concat();
            prop_assert_eq!(plain(&line).next(), Some("192.0.2.1".parse().ok()));
        }

        #[test]
        fn no_line_panics_and_every_line_ends(line: Vec<u8>) {
            prop_assert!(elements(&line).count() <= line.len() + 1);
            prop_assert!(plain(&line).count() <= line.len() + 1);
        }
    }
}
