//! Which form of the page a client gets: RFC 9110, section 12.5.

/// A form of the page.
///
/// ```
/// use plimsoll_telemetry::metrics::Exposition;
///
/// assert_eq!(Exposition::for_accept(None), Exposition::Text);
/// let accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
/// let form = Exposition::for_accept(Some(accept));
/// assert!(form.content_type().starts_with("application/openmetrics-text"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exposition {
    /// Prometheus text format 0.0.4.
    #[default]
    Text,
    /// OpenMetrics 1.0: with exemplars.
    OpenMetrics,
}

impl Exposition {
    /// The form for a header `Accept`. OpenMetrics must be named, in a version
    /// that is ours, and not be wanted less than plain text; whoever wants
    /// neither gets text all the same: a page is better than none.
    pub fn for_accept(accept: Option<&str>) -> Self {
        let mut open = 0;
        // By how exactly the range names text; the most exact one decides.
        let mut text = [None; 3];
        for range in accept.unwrap_or("*/*").split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or("").to_ascii_lowercase();
            let (quality, version) = parameters(parts);
            match kind.as_str() {
                "application/openmetrics-text" if matches!(version, None | Some("1.0.0")) => {
                    open = quality.max(open);
                }
                "text/plain" if matches!(version, None | Some("0.0.4")) => {
                    text[0] = text[0].max(Some(quality));
                }
                "text/*" => text[1] = text[1].max(Some(quality)),
                "*/*" => text[2] = text[2].max(Some(quality)),
                _ => {}
            }
        }
        let text = text.into_iter().flatten().next().unwrap_or(0);
        if open > 0 && open >= text {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    /// The value of `Content-Type`; Prometheus 3 refuses a page without one.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Whether a header `Accept-Encoding` takes gzip.
pub(super) fn takes_gzip(accept_encoding: Option<&str>) -> bool {
    let mut codings = accept_encoding.unwrap_or("").split(',');
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or("");
        let gzip = name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip");
        gzip && parameters(parts).0 > 0
    })
}

/// The weight in thousandths, and the version.
fn parameters<'a>(parts: impl Iterator<Item = &'a str>) -> (u32, Option<&'a str>) {
    let (mut quality, mut version) = (1_000, None);
    for part in parts {
        match part.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("q") => {
                let weight: f64 = value.trim().parse().unwrap_or(0.0);
                quality = (weight.clamp(0.0, 1.0) * 1_000.0) as u32;
            }
            Some((name, value)) if name.trim().eq_ignore_ascii_case("version") => {
                version = Some(value.trim().trim_matches('"'));
            }
            _ => {}
        }
    }
    (quality, version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_client_gets_the_form_it_wants_most() {
        use Exposition::{OpenMetrics, Text};
        for (accept, form) in [
            // Prometheus 2.42.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
            ),
            // The same with native histograms.
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
            ),
            // Prometheus 3.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                OpenMetrics,
            ),
            // The same with scrape_protocols: [PrometheusText0.0.4].
            ("text/plain;version=0.0.4;q=0.6,*/*;q=0.5", Text),
            // curl, a browser, an old scraper.
            ("*/*", Text),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                Text,
            ),
            ("", Text),
            ("text/plain", Text),
            ("application/openmetrics-text", OpenMetrics),
            (
                "Application/OpenMetrics-Text; Version=\"1.0.0\"; Q=0.9",
                OpenMetrics,
            ),
            ("application/openmetrics-text;version=0.0.1", Text),
            ("application/openmetrics-text;q=0", Text),
            ("application/openmetrics-text;q=0.4,text/*;q=0.5", Text),
            (
                "application/openmetrics-text;q=0.5,text/plain;q=0.5",
                OpenMetrics,
            ),
            (
                "application/openmetrics-text;q=0.5,text/plain;q=0.1,*/*",
                OpenMetrics,
            ),
            ("application/openmetrics-text;q=much,text/plain;q=0.1", Text),
            ("application/json", Text),
        ] {
            assert_eq!(Exposition::for_accept(Some(accept)), form, "{accept}");
        }
        assert_eq!(Exposition::for_accept(None), Text);
    }

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for (header, takes) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("br", false),
            ("", false),
            ("identity;q=1, *;q=0", false),
        ] {
            assert_eq!(takes_gzip(Some(header)), takes, "{header}");
        }
        assert!(!takes_gzip(None));
    }

    proptest! {
        #[test]
        fn no_header_panics(header in ".*") {
            let _ = (Exposition::for_accept(Some(&header)), takes_gzip(Some(&header)));
        }
    }
}
