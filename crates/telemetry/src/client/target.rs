//! Where a call goes, and its URL as a span may say it.

use std::fmt::Write as _;

use http::uri::Scheme;
use http::{HeaderMap, Uri, header};

use crate::logs::access;

/// What stands for a server that nothing names.
const UNKNOWN: &str = "unknown";

/// What stands for a value of a query.
const REDACTED: &str = "REDACTED";

/// Host without the brackets of an IPv6 address, and port, 0 when unknown.
pub(super) fn server<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> (&'a str, u16) {
    let default = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => 443,
        Some(_) => 80,
        None => 0,
    };
    if let Some(host) = uri.host() {
        return (bare(host), uri.port_u16().unwrap_or(default));
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let Some(host) = host.filter(|host| !host.is_empty()) else {
        return (UNKNOWN, default);
    };
    match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => {
            (bare(host), port.parse().unwrap_or(default))
        }
        _ => (bare(host), default),
    }
}

fn bare(host: &str) -> &str {
    let inner = host.strip_prefix('[');
    inner
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

/// `url.full`: without user and password, every value of the query redacted.
pub(super) fn url(uri: &Uri, (host, port): (&str, u16)) -> String {
    let scheme = uri.scheme_str().unwrap_or("http");
    let mut url = format!("{scheme}://");
    if host.contains(':') {
        let _ = write!(url, "[{host}]");
    } else {
        url.push_str(host);
    }
    if !matches!((scheme, port), ("http", 80) | ("https", 443) | (_, 0)) {
        let _ = write!(url, ":{port}");
    }
    url.push_str(access::shortened(uri.path()));
    let query = uri.query().map(access::shortened).unwrap_or_default();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    for (index, pair) in pairs.enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((key, _)) => _ = write!(url, "{key}={REDACTED}"),
            None => url.push_str(REDACTED),
        }
    }
    url
}

/// Service and method of a gRPC path: `/package.Service/Method`.
pub(super) fn rpc(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Whether a host is on a list; an entry that begins with a dot stands for all
/// that end with it.
pub(super) fn is_listed(host: &str, list: &[String]) -> bool {
    list.iter().any(|entry| {
        let from = host.len().checked_sub(entry.len());
        let tail = from.and_then(|from| host.get(from..));
        let ends = tail.is_some_and(|tail| tail.eq_ignore_ascii_case(entry));
        ends && (entry.starts_with('.') || entry.len() == host.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(uri: &str) -> (String, u16, String) {
        let uri: Uri = uri.parse().unwrap();
        let headers = HeaderMap::new();
        let (host, port) = server(&uri, &headers);
        (host.into(), port, url(&uri, (host, port)))
    }

    #[test]
    fn a_url_tells_neither_who_calls_nor_what_stands_in_its_query() {
        let (host, port, url) = told("https://user:pass@api.example/v1/x?token=abc&b&=d");
        assert_eq!((host.as_str(), port), ("api.example", 443));
        assert_eq!(
            url,
            "https://api.example/v1/x?token=REDACTED&REDACTED&=REDACTED"
        );
        let (host, port, url) = told("http://[::1]:8080/");
        assert_eq!((host.as_str(), port), ("::1", 8080));
        assert_eq!(url, "http://[::1]:8080/");
        let (host, port, _) = told("/only/a/path");
        assert_eq!((host.as_str(), port), (UNKNOWN, 0));
    }

    #[test]
    fn the_host_header_names_a_server_that_the_uri_does_not() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "[::1]:99".parse().unwrap());
        assert_eq!(server(&"/x".parse().unwrap(), &headers), ("::1", 99));
    }

    #[test]
    fn the_request_id_goes_only_where_it_may() {
        let list = [".svc.local".into(), "api.example".into()];
        for (host, wanted) in [
            ("a.svc.local", true),
            ("API.example", true),
            ("svc.local", false),
            ("evil-api.example", false),
            ("api.example.evil", false),
            ("", false),
        ] {
            assert_eq!(is_listed(host, &list), wanted, "{host}");
        }
    }

    #[test]
    fn a_grpc_path_has_a_service_and_a_method() {
        assert_eq!(rpc("/pkg.Cards/Get"), ("pkg.Cards", "Get"));
        assert_eq!(rpc("odd"), ("", "odd"));
    }
}
