//! What the service said before it says after.

use std::collections::{BTreeSet, HashSet};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use guest_service::{after, before};
use plimsoll::Ownership::Join;
use plimsoll::Plimsoll;
use serde_json::Value;

use crate::recording::{Answer, Recording, Tracer, ask, get, record, told};

const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNSAMPLED: &str = "00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-00";

fn order(body: &str) -> Request<Body> {
    Request::post("/orders")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

fn of(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

/// Everything the service does by itself: success, each of its failures, a trace
/// that is continued, one that is not sampled, an answer in pieces.
fn requests() -> Vec<Request<Body>> {
    vec![
        get("/orders/1"),
        of(Method::GET, "/orders/2", &[("traceparent", SAMPLED)]),
        of(Method::GET, "/orders/3", &[("traceparent", UNSAMPLED)]),
        of(Method::GET, "/orders/4", &[("x-request-id", "theirs")]),
        of(Method::HEAD, "/orders/1", &[]),
        get("/orders/999"),
        get("/orders/none"),
        get("/orders/7/receipt"),
        get("/orders/8/changes"),
        order(r#"{"id":5,"article":"a thing"}"#),
        order(r#"{"id":5"#),
        order("[]"),
        of(Method::POST, "/orders", &[]),
        of(
            Method::POST,
            "/orders/9/payment",
            &[("traceparent", SAMPLED)],
        ),
        of(Method::DELETE, "/orders/1", &[]),
        get("/nowhere"),
    ]
}

fn run(app: impl FnOnce(guest_service::telemetry::Host) -> Router) -> Recording<Vec<Answer>> {
    let mut page = Vec::new();
    let mut recording = record(Tracer::Global, app, async |app| {
        let mut answers = Vec::new();
        for request in requests() {
            answers.push(ask(&app, request).await);
        }
        page = ask(&app, get("/metrics")).await.body.to_vec();
        answers
    });
    // The page as it is served, not as the recorder has it.
    recording.page = String::from_utf8(page).unwrap();
    recording
}

fn both() -> (Recording<Vec<Answer>>, Recording<Vec<Answer>>) {
    let before = run(before::app);
    let after = run(|host| {
        let builder = Plimsoll::builder("orders").env(Vec::new);
        // The longest wait of the service is not Plimsoll's to end.
        let builder = builder.timeout(guest_service::orders::PATIENCE * 2);
        after::app(host, builder.signals(Join).build().unwrap())
    });
    (before, after)
}

/// A line without what differs from run to run, values for their kinds.
fn steady(line: &Value) -> Value {
    let mut line = line.clone();
    line.as_object_mut().unwrap().remove("timestamp");
    let varying = |place: &mut Value| {
        if !place.is_null() {
            *place = Value::from(if place.is_string() { "text" } else { "number" });
        }
    };
    if let Some(seconds) = line.pointer_mut("/fields/seconds") {
        varying(seconds);
    }
    // The trace is the caller's where there is one.
    let known = [&SAMPLED[3..35], &UNSAMPLED[3..35]];
    let spans = line
        .get("spans")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    let places = (0..spans).map(|at| format!("/spans/{at}/trace"));
    for place in places.chain(["/span/trace".to_owned()]) {
        if let Some(trace) = line.pointer_mut(&place)
            && !known.iter().any(|known| *trace == **known)
        {
            varying(trace);
        }
    }
    line
}

#[test]
fn no_byte_and_no_header_of_its_answers() {
    let (before, after) = both();
    for ((had, has), request) in before.answers.iter().zip(&after.answers).zip(requests()) {
        assert_eq!(had.status, has.status, "{request:?}");
        assert_eq!(had.body, has.body, "{request:?}");
        for (name, value) in &had.headers {
            let kept = has.headers.get_all(name).iter().any(|has| has == value);
            assert!(kept, "{request:?}: {name}: {value:?}: {:?}", has.headers);
        }
    }
    let statuses: BTreeSet<_> = before
        .answers
        .iter()
        .map(|had| had.status.as_u16())
        .collect();
    assert_eq!(
        statuses,
        BTreeSet::from([200, 201, 204, 400, 404, 405, 502])
    );
}

#[test]
fn no_line_and_no_field_of_its_log() {
    let (before, after) = both();
    let (ours, theirs): (Vec<_>, Vec<_>) = after.lines.iter().partition(|line| {
        let target = line["target"].as_str().unwrap();
        target.starts_with("plimsoll")
    });
    let had: Vec<_> = before.lines.iter().map(steady).collect();
    let has: Vec<_> = theirs.into_iter().map(steady).collect();
    assert_eq!(had, has);
    assert!(had.len() > requests().len());
    assert!(
        had.iter()
            .any(|line| line["span"]["trace"] == SAMPLED[3..35])
    );

    let (access, notices): (Vec<_>, Vec<_>) = ours
        .into_iter()
        .partition(|line| line["target"] == "plimsoll::access");
    assert_eq!(access.len(), requests().len());
    assert_eq!(access[0]["fields"]["route"], "/orders/{id}");
    // Once, that a caller's trace was linked and not adopted, and how to adopt it.
    let told: Vec<_> = notices
        .iter()
        .map(|line| (&line["level"], &line["fields"]["setting"]))
        .collect();
    assert_eq!(
        told,
        [(&"WARN".into(), &"PLIMSOLL_TRUST".into())],
        "{notices:?}"
    );
}

#[test]
fn no_series_of_its_metrics() {
    fn series(page: &str) -> BTreeSet<String> {
        let told = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            // Counts are the same; times are not.
            let count = name.contains("_total") || name.contains("_count");
            let comment = line.starts_with('#');
            Some(if count || comment { line } else { name }.to_owned())
                .filter(|_| !value.is_empty())
        };
        page.lines().filter_map(told).collect()
    }
    let (before, after) = both();
    let (had, has) = (series(&before.page), series(&after.page));
    let lost: Vec<_> = had.difference(&has).collect();
    assert!(lost.is_empty(), "{lost:?}\n{}", after.page);
    assert!(had.len() > 20, "{had:?}");
    assert!(after.page.contains("plimsoll_requests_total{"));
}

#[test]
fn no_span_of_its_traces_and_no_parent() {
    let (before, after) = both();
    let (had, has) = (told(&before.spans, "orders"), told(&after.spans, "orders"));
    assert_eq!(had, has);
    assert!(had.len() > requests().len(), "{had:?}");
    let continued = format!("under {} in {}", &SAMPLED[36..52], &SAMPLED[3..35]);
    assert!(had.iter().any(|span| span.contains(&continued)), "{had:#?}");

    // Ours stand above those whose caller sent no trace.
    let ours: HashSet<_> = after
        .spans
        .iter()
        .filter(|span| span.instrumentation_scope.name() == "plimsoll")
        .map(|span| span.span_context.span_id())
        .collect();
    assert_eq!(ours.len(), requests().len());
    let below = |span: &&opentelemetry_sdk::trace::SpanData| ours.contains(&span.parent_span_id);
    assert_eq!(
        after.spans.iter().filter(below).count(),
        requests().len() - 3
    );
}
