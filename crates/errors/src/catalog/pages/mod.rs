//! The pages that a problem's `type` leads to: what a client may know, no more.

mod html;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode, header};

use super::{Catalog, Entry};
use crate::{Fault, PlmCode};

/// A catalog changes with a release of its service and never otherwise.
const CACHE: &str = "public, max-age=3600";
/// Nothing is loaded from anywhere, and no script runs.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

impl Catalog {
    /// The routes of [`Catalog::router`].
    pub const ROUTES: [&str; 2] = ["/errors", "/errors/{code}"];

    /// `GET` and `HEAD` of `/errors`, the list, and of `/errors/{code}`, one
    /// code: as HTML for whoever accepts it and JSON for all others. Only what
    /// a client may know. The pages are made here, once.
    pub fn router(&self) -> Router {
        let [list, one] = Self::ROUTES;
        Router::new()
            .route(list, get(show_list))
            .route(one, get(show_one))
            .with_state(Arc::new(Pages::of(self)))
    }
}

struct Pages {
    list: Forms,
    /// By code in upper case.
    codes: HashMap<String, Forms>,
}

/// A page in each of its forms.
struct Forms {
    html: Page,
    json: Page,
}

struct Page {
    kind: &'static str,
    tag: String,
    body: Bytes,
}

impl Pages {
    fn of(catalog: &Catalog) -> Self {
        let entries = catalog.entries();
        let list: Vec<_> = entries.iter().map(Entry::to_public_json).collect();
        let list = format!("{{\"codes\":[{}]}}", list.join(","));
        let one = |entry: &Entry| {
            let forms = Forms::new(html::one(entry), entry.to_public_json());
            (entry.code.to_ascii_uppercase(), forms)
        };
        Self {
            list: Forms::new(html::list(entries), list),
            codes: entries.iter().map(one).collect(),
        }
    }
}

impl Forms {
    fn new(html: String, json: String) -> Self {
        Self {
            html: Page::new("text/html; charset=utf-8", html),
            json: Page::new("application/json", json),
        }
    }

    fn answer(&self, asked: &HeaderMap) -> Response {
        let page = if accepts_html(asked) {
            &self.html
        } else {
            &self.json
        };
        let headers: [(HeaderName, &str); 6] = [
            (header::CONTENT_TYPE, page.kind),
            (header::CACHE_CONTROL, CACHE),
            (header::ETAG, &page.tag),
            (header::VARY, "accept"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        if knows(asked, &page.tag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        (headers, page.body.clone()).into_response()
    }
}

impl Page {
    fn new(kind: &'static str, text: String) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self {
            kind,
            tag: format!("\"{:016x}\"", hasher.finish()),
            body: text.into(),
        }
    }
}

async fn show_list(State(pages): State<Arc<Pages>>, asked: HeaderMap) -> Response {
    pages.list.answer(&asked)
}

async fn show_one(
    State(pages): State<Arc<Pages>>,
    Path(code): Path<String>,
    asked: HeaderMap,
) -> Result<Response, Fault> {
    let forms = pages.codes.get(&code.to_ascii_uppercase());
    let forms = forms.ok_or_else(|| {
        Fault::new(PlmCode::RouteNotFound)
            .with_detail("No error code has this name. The list is at /errors.")
    })?;
    Ok(forms.answer(&asked))
}

/// Browsers name it first; programs that take anything get JSON.
fn accepts_html(asked: &HeaderMap) -> bool {
    let mut accepted = asked.get_all(header::ACCEPT).iter();
    accepted.any(|value| {
        value
            .to_str()
            .is_ok_and(|value| value.contains("text/html"))
    })
}

/// Whether the client has this page already (RFC 9110, section 13.1.2).
fn knows(asked: &HeaderMap, tag: &str) -> bool {
    let mut known = asked.get_all(header::IF_NONE_MATCH).iter();
    known.any(|value| {
        let tags = value.to_str().unwrap_or("").split(',');
        tags.map(str::trim)
            .any(|known| known == "*" || known.trim_start_matches("W/") == tag)
    })
}
