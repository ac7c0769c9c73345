//! The pages that `type` points to, in the client's voice only.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderName, header};

use super::{Catalog, Entry};
use crate::{Fault, PlmCode};

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;\
color:#1a1a1a;background:#fff}code{font-size:1.1em}dt{font-weight:600;margin-top:.8rem}dd{margin:0}";

impl Catalog {
    /// `GET /errors`: the list, as JSON. `GET /errors/{code}`: one code, as
    /// HTML for browsers and JSON for all others. Only what a client may know.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/errors", get(list))
            .route("/errors/{code}", get(one))
            .with_state(Arc::new(self.clone()))
    }
}

async fn list(State(catalog): State<Arc<Catalog>>) -> Response {
    let codes: Vec<_> = catalog
        .entries()
        .iter()
        .map(Entry::to_public_json)
        .collect();
    json(format!("{{\"codes\":[{}]}}", codes.join(",")))
}

async fn one(
    State(catalog): State<Arc<Catalog>>,
    Path(code): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let is_it = |entry: &&Entry| entry.code.eq_ignore_ascii_case(&code);
    let entry = catalog.entries().iter().find(is_it);
    let entry = entry.ok_or_else(|| {
        Fault::new(PlmCode::RouteNotFound)
            .with_detail("No error code has this name. The list is at /errors.")
    })?;
    let mut response = if wants_html(&headers) {
        html(entry)
    } else {
        json(entry.to_public_json())
    };
    let vary = header::HeaderValue::from_static("accept");
    response.headers_mut().insert(header::VARY, vary);
    Ok(response)
}

fn wants_html(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter();
    accepted.any(|value| {
        value
            .to_str()
            .is_ok_and(|value| value.contains("text/html"))
    })
}

fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

fn html(entry: &Entry) -> Response {
    let code = escape(&entry.code);
    let title = escape(&entry.title);
    let reason = escape(&entry.reason);
    let told = escape(&entry.client);
    let retry = match entry.retry.policy.as_str() {
        "never" => "The same request fails again: change it first.",
        "safe" => "Nothing was done: you may send it again.",
        "after" => "Nothing was done: wait as Retry-After says, then send it again.",
        _ => "It may have been done: send it again only with the same idempotency key.",
    };
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{code} {title}</title><style>{STYLE}</style></head><body>\
         <p><code>{code}</code></p><h1>{title}</h1><p>{told}</p>\
         <dl><dt>May I try again?</dt><dd>{retry}</dd>\
         <dt>HTTP status</dt><dd>{}</dd><dt>Reason</dt><dd><code>{reason}</code></dd></dl>\
         <p>If you ask for help, quote the <code>ref</code> of the answer you got.</p>\
         </body></html>\n",
        entry.status
    );
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, page).into_response()
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}
