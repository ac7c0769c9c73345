use super::super::{is_private, may_be_proxy};
use super::*;
use proptest::prelude::*;
use std::net::Ipv4Addr;

fn headers(name: &'static str, lines: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(name, line.parse().unwrap());
    }
    headers
}

fn client(trust: &Trust, peer: &str, headers: &HeaderMap) -> String {
    trust.client(peer.parse().unwrap(), headers).to_string()
}

#[test]
fn the_client_is_the_rightmost_untrusted_hop() {
    let trust: Trust = "10.0.0.0/8, ::1".parse().unwrap();
    for (peer, lines, expected) in [
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
        let headers = headers("x-forwarded-for", lines);
        assert_eq!(client(&trust, peer, &headers), expected, "{peer} {lines:?}");
    }
}

#[test]
fn counted_hops_take_that_entry_from_the_right_or_the_peer() {
    let trust: Trust = "hops=2, 10.0.0.0/8".parse().unwrap();
    for (peer, lines, expected, flaw) in [
        (
            "10.0.0.1",
            &["6.6.6.6, 203.0.113.9, 198.51.100.1"][..],
            "203.0.113.9",
            None,
        ),
        (
            "10.0.0.1",
            &["203.0.113.9", "198.51.100.1"],
            "203.0.113.9",
            None,
        ),
        (
            "10.0.0.1",
            &["203.0.113.9"],
            "10.0.0.1",
            Some(Flaw::TooFewHops),
        ),
        (
            "10.0.0.1",
            &["x, 203.0.113.9"],
            "10.0.0.1",
            Some(Flaw::UnreadableHop),
        ),
        ("203.0.113.1", &["6.6.6.6, 7.7.7.7"], "203.0.113.1", None),
    ] {
        let before = Flaw::ALL.map(|flaw| trust.flaws().of(flaw));
        let headers = headers("x-forwarded-for", lines);
        assert_eq!(client(&trust, peer, &headers), expected, "{peer} {lines:?}");
        for (at, one) in Flaw::ALL.into_iter().enumerate() {
            let met = trust.flaws().of(one) - before[at];
            assert_eq!(met, u64::from(flaw == Some(one)), "{lines:?} {one:?}");
        }
    }
    let alone: Trust = "hops=1".parse().unwrap();
    let headers = headers("x-forwarded-for", &["6.6.6.6"]);
    assert_eq!(client(&alone, "203.0.113.1", &headers), "203.0.113.1");
    assert_eq!(client(&alone, "10.0.0.1", &headers), "6.6.6.6");
}

#[test]
fn one_header_tells_and_the_other_is_ignored_and_counted() {
    let mut both = headers("x-forwarded-for", &["203.0.113.1"]);
    both.insert("forwarded", "for=203.0.113.2".parse().unwrap());
    both.insert("cf-connecting-ip", "203.0.113.3".parse().unwrap());
    for (from, expected, told) in [
        ("x-forwarded-for", "203.0.113.1", 1),
        ("Forwarded", "203.0.113.2", 1),
        ("CF-Connecting-IP", "203.0.113.3", 0),
    ] {
        let trust: Trust = "private".parse().unwrap();
        let trust = trust.told_by(from.parse().unwrap());
        assert_eq!(client(&trust, "10.0.0.1", &both), expected);
        assert_eq!(trust.flaws().of(Flaw::OtherHeader), told, "{from}");
    }
    let vendor: Forwarding = "cf-connecting-ip".parse().unwrap();
    let vendor = "private".parse::<Trust>().unwrap().told_by(vendor);
    let two = headers("cf-connecting-ip", &["203.0.113.3, 203.0.113.4"]);
    assert_eq!(client(&vendor, "10.0.0.1", &two), "10.0.0.1");
}

#[test]
fn lists_are_read_in_every_form_and_wrong_words_say_what_to_write() {
    let plain: Trust = "private, 203.0.113.0/24".parse().unwrap();
    let toml: Trust = r#"["private", "203.0.113.0/24"]"#.parse().unwrap();
    assert_eq!(plain, toml);
    for wrong in ["10.0.0.0/99", "hops=0", "hops=33", "hops=", "proxy"] {
        let told = wrong.parse::<Trust>().unwrap_err().to_string();
        assert!(
            told.contains("10.0.0.0/8") && told.contains("hops=1"),
            "{told}"
        );
    }
    assert!(
        "a b"
            .parse::<Forwarding>()
            .unwrap_err()
            .to_string()
            .contains("forwarded")
    );
}

/// An entry as a proxy would append it.
fn entry(forwarded: bool, address: IpAddr, port: Option<u16>) -> String {
    let text = match (address, port) {
        (_, None) if !forwarded => return address.to_string(),
        (IpAddr::V4(v4), None) => v4.to_string(),
        (IpAddr::V6(v6), None) => format!("[{v6}]"),
        (_, Some(port)) => std::net::SocketAddr::new(address, port).to_string(),
    };
    if forwarded {
        format!("for=\"{text}\";proto=http")
    } else {
        text
    }
}

fn proxies() -> impl Strategy<Value = Vec<Ipv4Addr>> {
    let one = any::<[u8; 3]>().prop_map(|[a, b, c]| Ipv4Addr::new(10, a, b, c));
    prop::collection::vec(one, 0..4)
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
    fn a_proxy_may_have_a_private_address_or_one_of_the_shared_space(address: [u8; 4], second: u8) {
        let shared: IpNet = "100.64.0.0/10".parse().unwrap();
        for octets in [address, [100, second, address[2], address[3]]] {
            let address = IpAddr::from(octets);
            let listed = is_private(address) || shared.contains(&address);
            prop_assert_eq!(may_be_proxy(address), listed, "{}", address);
            let mapped = octets.map(u16::from);
            let mapped = format!("::ffff:{}.{}.{}.{}", mapped[0], mapped[1], mapped[2], mapped[3]);
            prop_assert_eq!(may_be_proxy(mapped.parse().unwrap()), listed);
        }
    }

    #[test]
    fn no_header_moves_an_untrusted_peer(
        lines in prop::collection::vec((prop::sample::select(vec!["forwarded", "x-forwarded-for", "x-real-ip"]), "[ -~]{0,64}"), 0..6),
        from in prop::sample::select(vec!["forwarded", "x-forwarded-for", "x-real-ip"]),
        list in prop::sample::select(vec!["", "private", "hops=1", "hops=3, 10.0.0.0/8", "loopback, 198.51.100.0/24"]),
    ) {
        let mut headers = HeaderMap::new();
        for (name, line) in &lines {
            headers.append(*name, line.parse().unwrap());
        }
        let peer = "203.0.113.1".parse().unwrap();
        let trust = list.parse::<Trust>().unwrap().told_by(from.parse().unwrap());
        prop_assert_eq!(trust.client(peer, &headers), peer);
    }

    /// Whatever a client sends, in any number of lines, of any bytes: the proxies
    /// of the chain append where it stands, and that is who it is.
    #[test]
    fn a_client_behind_trusted_proxies_is_who_they_saw(
        sent in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4),
        client: IpAddr, port: Option<u16>, chain in proxies(), forwarded: bool, counted: bool, own_line: bool,
    ) {
        let client = canonical(client);
        prop_assume!(!is_private(client));
        let name = if forwarded { "forwarded" } else { "x-forwarded-for" };
        let mut lines = sent;
        lines.retain(|line| HeaderValue::from_bytes(line).is_ok());
        // The outermost proxy sees the client, the next one sees the outermost, ...
        let seen = std::iter::once(client).chain(chain.iter().map(|&v4| v4.into()));
        let mut first = true;
        for hop in seen {
            let written = entry(forwarded, hop, port.filter(|_| first));
            match lines.last_mut().filter(|_| !(own_line && first)) {
                Some(line) => line.extend([b", ", written.as_bytes()].concat()),
                None => lines.push(written.into()),
            }
            first = false;
        }
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_bytes(&line).unwrap());
        }
        let list = if counted { format!("hops={}", chain.len() + 1) } else { "10.0.0.0/8".into() };
        let trust = list.parse::<Trust>().unwrap().told_by(name.parse().unwrap());
        let peer = "10.255.0.1".parse().unwrap();
        prop_assert_eq!(trust.client(peer, &headers), client);
    }
}
