//! One answer to a scrape.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Response};

use super::negotiate::{Exposition, takes_gzip};

/// What a client asked for in its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scrape {
    form: Exposition,
    gzip: bool,
}

impl Scrape {
    /// Reads `Accept` and `Accept-Encoding`.
    pub fn of(headers: &HeaderMap) -> Self {
        let text = |name| {
            let all = headers.get_all(name).iter();
            let texts: Vec<_> = all.filter_map(|value| value.to_str().ok()).collect();
            (!texts.is_empty()).then(|| texts.join(","))
        };
        Self {
            form: Exposition::for_accept(text(ACCEPT).as_deref()),
            gzip: takes_gzip(text(ACCEPT_ENCODING).as_deref()),
        }
    }

    /// The form of the page.
    pub fn form(&self) -> Exposition {
        self.form
    }

    /// The answer with this page in it.
    pub fn answer(&self, page: String) -> Response<Vec<u8>> {
        let body = page.into_bytes();
        let packed = self.gzip.then(|| gzip(&body)).flatten();
        let is_packed = packed.is_some();
        let mut answer = Response::new(packed.unwrap_or(body));
        let headers = answer.headers_mut();
        let kind = HeaderValue::from_static(self.form.content_type());
        headers.insert(CONTENT_TYPE, kind);
        let vary = HeaderValue::from_static("accept, accept-encoding");
        headers.insert(VARY, vary);
        if is_packed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        answer
    }
}

/// `None` if it cannot be packed; the page then goes as it is.
fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).ok()?;
    packer.finish().ok()
}
