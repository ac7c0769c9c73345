//! The bad requests.

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Empty, Full};

use super::RequestBody;
use crate::body::{Script, Step};

/// Stands wherever a client can put a value; looks like what nobody may repeat.
pub(super) const PLANTED: &str = "planted4242424242424242";

/// A request and what it is called.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) request: Request<RequestBody>,
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const GRPC: &str = "application/grpc";

/// Larger than any limit.
const DECLARED: &str = "1099511627776";

fn whole(bytes: impl Into<Bytes>) -> RequestBody {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

fn nothing() -> RequestBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body of unknown length.
fn chunked(steps: impl IntoIterator<Item = Step>) -> RequestBody {
    Script::new(steps).map_err(Into::into).boxed_unsync()
}

/// Over 2 MiB, which is axum's and Plimsoll's limit, in chunks.
fn too_much() -> RequestBody {
    const CHUNK: &str = "planted4242424242424242 and sixty-four bytes in all, as it is here";
    chunked((0..40_000).map(|_| Step::Data(CHUNK)))
}

/// GET of a path that is known to be one.
pub(super) fn get(path: &str) -> Request<RequestBody> {
    let mut request = Request::new(nothing());
    *request.uri_mut() = path.parse().unwrap();
    request
}

/// All cases: those that need no route, then those of each route.
pub(super) fn bad(routes: &[(Method, String)]) -> Vec<Case> {
    let mut cases = Cases(Vec::new());
    cases.of_any_service();
    for (method, template) in routes {
        let methods: Vec<_> = routes
            .iter()
            .filter(|(_, other)| other == template)
            .collect();
        cases.of_paths(method, template);
        cases.of_methods(template, |method| {
            methods.iter().any(|(known, _)| known == method)
        });
        cases.of_heads(method, template);
        if [Method::POST, Method::PUT, Method::PATCH].contains(method) {
            cases.of_bodies(method, template);
        }
    }
    cases.0
}

/// A template with every parameter filled in.
fn filled(template: &str, value: &str) -> String {
    let segment = |part| {
        if str::starts_with(part, '{') {
            value
        } else {
            part
        }
    };
    let parts: Vec<_> = template.split('/').map(segment).collect();
    parts.join("/")
}

struct Cases(Vec<Case>);

impl Cases {
    /// One more; what `http` cannot build is no request.
    fn add(
        &mut self,
        why: &str,
        method: &Method,
        path: &str,
        fields: &[(&str, &str)],
        body: RequestBody,
    ) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        if let Ok(request) = request.body(body) {
            let name = format!("{method} {path} ({why})");
            self.0.push(Case { name, request });
        }
    }

    fn bare(&mut self, why: &str, method: &Method, path: &str, fields: &[(&str, &str)]) {
        self.add(why, method, path, fields, nothing());
    }

    fn of_any_service(&mut self) {
        let nowhere = format!("/no-such-path/{PLANTED}?token={PLANTED}");
        for method in [
            Method::GET,
            Method::POST,
            Method::DELETE,
            Method::HEAD,
            Method::OPTIONS,
        ] {
            self.bare("no such path", &method, &nowhere, &[]);
        }
        self.bare(
            "escapes that are no UTF-8",
            &Method::GET,
            "/no-such-path/%ff%fe",
            &[],
        );
        self.bare(
            "a long path",
            &Method::GET,
            &format!("/{}", "a/".repeat(2_000)),
            &[],
        );
        self.bare(
            "dots and slashes",
            &Method::GET,
            "//..//%2e%2e/etc/passwd",
            &[],
        );
        let planted = [
            ("authorization", PLANTED),
            ("cookie", PLANTED),
            ("user-agent", PLANTED),
            ("accept", PLANTED),
            ("traceparent", PLANTED),
        ];
        self.bare("values in headers", &Method::GET, "/no-such-path", &planted);
        self.bare(
            "a gRPC call",
            &Method::POST,
            "/no.such.Service/Get",
            &[("content-type", GRPC)],
        );
        let large = [(header::CONTENT_LENGTH.as_str(), DECLARED)];
        self.bare(
            "a terabyte declared",
            &Method::POST,
            "/no-such-path",
            &large,
        );
        self.add(
            "too much in chunks",
            &Method::POST,
            "/no-such-path",
            &[],
            too_much(),
        );
    }

    fn of_paths(&mut self, method: &Method, template: &str) {
        if !template.contains('{') {
            return;
        }
        let json = [("content-type", JSON)];
        for value in [
            PLANTED,
            "-1",
            "%ff",
            "%00",
            "99999999999999999999999",
            "..%2f..",
            "'%20or%201=1",
        ] {
            self.add(
                "a bad parameter",
                method,
                &filled(template, value),
                &json,
                whole("{}"),
            );
        }
    }

    fn of_methods(&mut self, template: &str, known: impl Fn(&Method) -> bool) {
        let path = filled(template, "1");
        let methods = [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ];
        for method in methods.iter().filter(|method| !known(method)) {
            self.bare("a method of no route", method, &path, &[]);
        }
    }

    fn of_heads(&mut self, method: &Method, template: &str) {
        let path = filled(template, "1");
        let query = format!("{path}?page={PLANTED}&limit={PLANTED}&{PLANTED}=%ff");
        self.bare("a bad query", method, &query, &[]);
        self.bare("HEAD", &Method::HEAD, &filled(template, PLANTED), &[]);
        self.bare("a gRPC call", method, &path, &[("content-type", GRPC)]);
        let wrong = format!("Bearer {PLANTED}");
        self.bare(
            "wrong credentials",
            method,
            &path,
            &[("authorization", &wrong)],
        );
    }

    fn of_bodies(&mut self, method: &Method, template: &str) {
        let path = filled(template, "1");
        let texts = [
            ("no JSON", JSON, "{".to_owned()),
            (
                "JSON of another form",
                JSON,
                format!("{{\"{PLANTED}\":\"{PLANTED}\"}}"),
            ),
            ("a JSON list", JSON, format!("[\"{PLANTED}\"]")),
            ("JSON null", JSON, "null".into()),
            ("deep JSON", JSON, "[".repeat(10_000)),
            ("nothing as JSON", JSON, String::new()),
            ("text", "text/plain", PLANTED.into()),
            ("a form", FORM, format!("{PLANTED}={PLANTED}")),
            ("an unknown type", PLANTED, "{}".into()),
            ("a gRPC message", GRPC, "\0\0\0\0\0".into()),
        ];
        for (why, kind, text) in texts {
            self.add(why, method, &path, &[("content-type", kind)], whole(text));
        }
        self.add("no content type", method, &path, &[], whole("{}"));
        let json = [("content-type", JSON)];
        self.add("no UTF-8", method, &path, &json, whole(&b"\xff\xfe"[..]));
        let large = [("content-type", JSON), ("content-length", DECLARED)];
        self.bare("a terabyte declared", method, &path, &large);
        self.add("too much in chunks", method, &path, &json, too_much());
        let broken = chunked([Step::Data("{"), Step::Fail("the client is gone")]);
        self.add("a body that breaks off", method, &path, &json, broken);
    }
}
