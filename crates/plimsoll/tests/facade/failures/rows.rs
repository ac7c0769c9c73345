//! What is sent and what must come back.

use axum::body::Body;
use bytes::Bytes;
use http::Request;

use super::app::{PLANTED, planted};

/// One way to fail.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) request: fn() -> Request<Body>,
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) blame: &'static str,
    /// What else the head must say.
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// What the line must say of the cause.
    pub(super) cause: &'static str,
}

impl Default for Row {
    fn default() -> Self {
        Self {
            name: "",
            request: || get("/"),
            status: 0,
            code: "",
            blame: "client",
            headers: &[],
            cause: "",
        }
    }
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn post(path: &str, kind: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post(path).header("content-type", kind);
    request.body(body.into()).unwrap()
}

fn bare(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).body(body.into()).unwrap()
}

/// A body of unknown length.
fn chunked(bytes: usize) -> Body {
    let chunks = (0..bytes.div_ceil(16)).map(|_| Ok(Bytes::from_static(&[b'x'; 16])));
    let chunks: Vec<Result<_, std::io::Error>> = chunks.collect();
    Body::from_stream(futures_util::stream::iter(chunks))
}

fn with(request: Request<Body>, name: &'static str, value: &'static str) -> Request<Body> {
    let (mut head, body) = request.into_parts();
    head.headers.insert(name, value.parse().unwrap());
    Request::from_parts(head, body)
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Of the planted texts, as the client's own values where the client is at fault.
#[rustfmt::skip]
pub(super) fn rows() -> Vec<Row> {
    let client = |name, status, code, request| Row { name, request, status, code, ..Row::default() };
    let server = |name, status, code, request| Row { blame: "server", ..client(name, status, code, request) };
    vec![
        client("no route", 404, "PLM-1001", || get("/nowhere?token=tok_live_51Hplanted")),
        Row {
            headers: &[("allow", "GET,HEAD")],
            ..client("wrong method", 405, "PLM-1002", || bare("/fine", Body::empty()))
        },
        client("JSON syntax", 400, "PLM-1003", || post("/json", JSON, format!("{{\"number\":\"{}", planted()))),
        client("JSON data", 422, "PLM-1004", || post("/json", JSON, format!("{{\"number\":\"{}\"}}", PLANTED[2]))),
        client("content type", 415, "PLM-1005", || post("/json", "text/plain", "{}")),
        client("no content type", 415, "PLM-1005", || bare("/json", "{}")),
        client("form content type", 415, "PLM-1005", || post("/form", JSON, "{}")),
        client("path", 400, "PLM-1006", || get("/path/tok_live_51Hplanted")),
        client("query", 400, "PLM-1007", || get("/query?number=tok_live_51Hplanted")),
        client("form in the query", 400, "PLM-1008", || get("/form?number=tok_live_51Hplanted")),
        client("form", 422, "PLM-1009", || post("/form", FORM, "number=tok_live_51Hplanted")),
        client("declared too large", 413, "PLM-1010", || bare("/bytes", vec![b'x'; 2_000])),
        client("declared too large for the route", 413, "PLM-1010", || bare("/bytes", vec![b'x'; 800])),
        client("chunked too large", 413, "PLM-1010", || bare("/bytes", chunked(4_000))),
        client("not UTF-8", 400, "PLM-1012", || bare("/text", vec![0xff])),
        Row {
            cause: "Missing request extension",
            ..server("missing extension", 500, "PLM-5002", || get("/extension"))
        },
        Row { cause: "secret.toml", ..server("panic in the future", 500, "PLM-5001", || get("/panic")) },
        Row { cause: "secret.toml", ..server("panic in call", 500, "PLM-5001", || get("/panic-in-call")) },
        server("timeout", 504, "PLM-3004", || get("/hangs")),
        client("over the quota", 429, "PLM-2001", || get("/limited")),
        Row {
            headers: &[("www-authenticate", "Bearer realm=\"cards\"")],
            ..client("not signed in", 401, "PLM-1014", || get("/guarded"))
        },
        client("forbidden", 403, "PLM-1015", || with(get("/guarded"), "authorization", "Bearer bad")),
        client("no idempotency key", 400, "PLM-1016", || bare("/keyed", "")),
        Row {
            headers: &[("retry-after", "1")],
            ..client("key in use", 409, "PLM-1017", || with(bare("/keyed", ""), "idempotency-key", "running"))
        },
        client("key used before", 422, "PLM-1018", || with(bare("/keyed", ""), "idempotency-key", "old")),
        Row {
            blame: "dependency",
            cause: "while reading a card: ",
            headers: &[("retry-after", "2")],
            ..client("a dependency", 503, "SHOP-2001", || get("/store"))
        },
        Row { cause: "while reading a card: ", ..client("of the application", 404, "SHOP-1001", || get("/card")) },
        Row { cause: "secret.toml", ..server("without a code", 500, "PLM-5000", || get("/uncoded")) },
        Row { cause: "secret.toml", ..server("a foreign text", 502, "PLM-5003", || get("/foreign")) },
        client("a foreign status", 404, "PLM-1019", || get("/empty")),
    ]
}
