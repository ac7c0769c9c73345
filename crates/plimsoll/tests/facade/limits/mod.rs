//! Limits over real sockets: one decision in every signal, identities inside the
//! stack, the control listener.

mod proxied;

use std::time::Duration;

use axum::routing::get as on_get;
use axum::{Extension, Router};
use plimsoll::ratelimit::Jitter;
use plimsoll::{Answers, Key, Limit, Mode, Quota};
use plimsoll_testkit::otlp::{Behaviour, Collector, attribute};
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{get, instance, metric, raw, serve, shut, status, until};

/// Headers of a raw answer, by lower-case name, and its body.
fn parted(answer: &str) -> (Vec<(String, String)>, Value) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let pairs = head.lines().filter_map(|line| line.split_once(": "));
    let pairs = pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    (
        pairs.collect(),
        serde_json::from_str(body).unwrap_or_default(),
    )
}

#[tokio::test]
async fn fields_body_metrics_span_and_line_tell_one_decision() {
    let collector = Collector::start(Behaviour::Healthy).await;
    let limit = |name, quota| Limit::per_client().named(name).quota(quota);
    let (plimsoll, lines) = instance(|builder| {
        builder
            .limit(limit("wide", Quota::per_hour(100)))
            .limit(limit("minute", Quota::per_minute(1)))
            .limit(limit("hour", Quota::per_hour(1)))
            .answers(Answers::default().jitter(Jitter::share(0.5).seeded(1)))
            .telemetry(|telemetry| telemetry.otlp(collector.endpoint()))
    });
    let app = Router::new().route("/", on_get(async || "ok"));
    let address = serve(app.layer(plimsoll.layer())).await;
    assert_eq!(status(&get(address, "/").await), 200);
    let (headers, body) = parted(&get(address, "/").await);
    let header = |name: &str| {
        let found = headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    };

    let lines = lines.requests(2).await;
    let line = lines.iter().find(|line| line["status"] == 429).unwrap();
    assert_eq!(
        (&line["limit"], &line["decision"]),
        (&"hour".into(), &"deny".into())
    );
    let wait = line["retry_after_ms"].as_u64().unwrap();
    assert!((3_590_000..=3_630_000).contains(&wait), "{wait}");

    assert_eq!(body["retry"]["after_ms"], wait);
    assert_eq!(
        body["violated-policies"],
        serde_json::json!(["minute", "hour"])
    );
    assert_eq!(body["code"], line["code"]);
    assert_eq!(header("retry-after"), wait.div_ceil(1_000).to_string());
    let field = header("ratelimit");
    assert!(field.starts_with(r#""wide";r=99;t="#), "{field}");
    assert!(field.contains(r#""minute";r=0;t="#) && field.contains(r#""hour";r=0;t="#));

    let page = plimsoll.telemetry().render();
    let decided = |policy: &str, decision: &str| {
        let labels = [
            format!("policy=\"{policy}\""),
            format!("decision=\"{decision}\""),
        ];
        let labels = labels.each_ref().map(String::as_str);
        metric(&page, "plimsoll_ratelimit_decisions_total", &labels) as u64
    };
    for (policy, decision, count) in [
        ("wide", "allow", 1),
        ("minute", "deny", 1),
        ("hour", "deny", 1),
        ("hour", "allow", 1),
    ] {
        assert_eq!(decided(policy, decision), count, "{policy} {decision}");
    }
    let report = shut(plimsoll, Duration::from_secs(10)).await;
    assert!(report.holds(), "{report}");
    let spans = collector.spans();
    let said = |key| spans.iter().find_map(|span| attribute(span, key));
    assert_eq!(said("plimsoll.limit").as_deref(), Some("hour"));
    assert_eq!(said("plimsoll.decision").as_deref(), Some("deny"));
    assert_eq!(said("plimsoll.retry_after_ms"), Some(wait.to_string()));
}

#[tokio::test]
async fn a_limit_by_identity_works_inside_the_layer_that_knows_who_asks() {
    #[derive(Clone)]
    struct User(u64);
    impl From<&User> for Key {
        fn from(user: &User) -> Self {
            Self::Number(user.0)
        }
    }
    let outer = Limit::per_client().quota(Quota::per_hour(100));
    let (plimsoll, lines) = instance(|builder| builder.limit(outer));
    let per_user = || Limit::by_extension::<User>().and(Limit::per_route());
    let per_user = plimsoll.limits([per_user().named("per-user").quota(Quota::per_hour(1))]);
    let per_user = per_user.unwrap();
    let twice = plimsoll.limits([Limit::per_client().quota(Quota::per_hour(1))]);
    assert!(twice.unwrap_err().to_string().contains("per-client"));
    let of = |id| {
        let cards = Router::new()
            .route("/cards", on_get(async || "cards"))
            .route("/orders", on_get(async || "orders"));
        cards.layer(per_user.clone()).layer(Extension(User(id)))
    };
    let app = Router::new().nest("/one", of(1)).nest("/two", of(2));
    let address = serve(app.layer(plimsoll.layer())).await;
    for (path, expected) in [
        ("/one/cards", 200),
        ("/one/cards", 429),
        ("/two/cards", 200),
        ("/one/orders", 200),
        ("/one/orders", 429),
    ] {
        assert_eq!(status(&get(address, path).await), expected, "{path}");
    }
    let lines = lines.requests(5).await;
    assert_eq!(
        (&lines[1]["limit"], &lines[1]["decision"]),
        (&"per-user".into(), &"deny".into())
    );
    assert_eq!(lines[1]["code"], "PLM-2001");
    let page = plimsoll.telemetry().render();
    let denied = ["policy=\"per-user\"", "decision=\"deny\""];
    let refused = metric(&page, "plimsoll_ratelimit_decisions_total", &denied);
    assert_eq!(refused as u64, 2);
}

#[tokio::test]
async fn the_control_listener_tells_limits_and_changes_the_mode_of_one() {
    let live = Limit::per_client().quota(Quota::per_hour(2));
    let limit = live.candidate(Quota::per_hour(1)).mode(Mode::Observe);
    let (plimsoll, _) = instance(|builder| builder.limit(limit));
    let app = Router::new().route("/", on_get(async || "ok"));
    let address = serve(app.layer(plimsoll.layer())).await;
    let control = serve(plimsoll.control_router()).await;
    for _ in 0..3 {
        assert_eq!(status(&get(address, "/").await), 200);
    }
    let ask = "GET /limits HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let (_, told) = parted(&raw(control, ask).await);
    let policy = &told["policies"][0];
    assert_eq!(
        (&policy["policy"], &policy["mode"]),
        (&"per-client".into(), &"observe".into())
    );
    assert_eq!(policy["quota"], "2/h");
    assert_eq!(policy["decisions"]["observed"], 1);
    assert_eq!(policy["candidate"]["requests"]["newly_denied"], 1);
    assert_eq!(policy["candidate"]["requests"]["both_deny"], 1);
    assert_eq!(policy["most_refused"][0]["count"], 1);

    let put = |body: &str| {
        let length = body.len();
        format!(
            "PUT /limits HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
    };
    assert_eq!(
        status(&raw(control, &put(r#"{"nobody":"off"}"#)).await),
        400
    );
    assert_eq!(status(&get(address, "/").await), 200);
    let answer = raw(control, &put(r#"{"per-client":"enforce"}"#)).await;
    assert_eq!(status(&answer), 200, "{answer}");
    assert_eq!(status(&get(address, "/").await), 429);

    let asked = |answer: &str| parted(answer).1["policies"][0]["quota"].clone();
    let answer = raw(control, &put(r#"{"per-client":{"quota":"2/h burst 9"}}"#)).await;
    assert_eq!(
        (status(&answer), asked(&answer)),
        (200, "2/h burst 9".into())
    );
    assert_eq!(status(&get(address, "/").await), 200);
    assert_eq!(
        plimsoll.limiter().report()[0].quota,
        Quota::per_hour(2).burst(9)
    );
    let wrong = put(r#"{"per-client":{"quota":"0/h","mode":"off"}}"#);
    assert_eq!(status(&raw(control, &wrong).await), 400);
    let (_, told) = parted(&raw(control, ask).await);
    let policy = &told["policies"][0];
    assert_eq!(
        (&policy["quota"], &policy["mode"]),
        (&"2/h burst 9".into(), &"enforce".into())
    );
}

#[tokio::test]
async fn a_request_that_is_shed_costs_its_client_nothing() {
    let (open, closed) = tokio::sync::watch::channel(false);
    let wait = move || {
        let mut closed = closed.clone();
        async move {
            let _ = closed.wait_for(|open| *open).await;
        }
    };
    let limit = Limit::per_client().quota(Quota::per_hour(3));
    let (plimsoll, _) = instance(|builder| builder.limit(limit).concurrency(1));
    let app = Router::new()
        .route("/wait", on_get(wait))
        .route("/", on_get(async || "ok"));
    let address = serve(app.layer(plimsoll.layer())).await;
    let waiting = tokio::spawn(async move { get(address, "/wait").await });
    until("a permit to be taken", || {
        let page = plimsoll.telemetry().render();
        (metric(&page, "plimsoll_concurrency_in_use", &[]) > 0.0).then_some(())
    })
    .await;
    for _ in 0..9 {
        assert_eq!(status(&get(address, "/").await), 503);
    }
    open.send_replace(true);
    assert_eq!(status(&waiting.await.unwrap()), 200);
    for expected in [200, 200, 429] {
        assert_eq!(status(&get(address, "/").await), expected);
    }
}

#[tokio::test]
async fn what_several_limiters_find_is_told_alike_and_once_on_the_log() {
    let wide = |name: &str| {
        let limit = Limit::by_header("x-key").named(name).max_keys(12);
        limit.quota(Quota::per_hour(1).burst(100))
    };
    let (plimsoll, lines) = instance(|builder| builder.limit(wide("outer")));
    let subscriber = tracing_subscriber::registry().with(plimsoll.tracing_layer());
    let _here = tracing::subscriber::set_default(subscriber);
    let inner = plimsoll.limits([wide("inner")]).unwrap();
    let app = Router::new().route("/", on_get(async || "ok"));
    let app = app
        .layer(inner.clone())
        .layer(inner)
        .layer(plimsoll.layer());
    let address = serve(app).await;
    let control = serve(plimsoll.control_router()).await;
    for key in 0..60 {
        let ask = format!(
            "GET / HTTP/1.1\r\nhost: localhost\r\nx-key: {key}\r\nconnection: close\r\n\r\n"
        );
        raw(address, &ask).await;
    }
    let ask = "GET /limits HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let (_, told) = parted(&raw(control, ask).await);
    let page = plimsoll.telemetry().render();
    // Each of the two limiters has a wide burst; only the inner one stands there twice.
    for (code, count) in [("LIM-009", 2), ("LIM-008", 60)] {
        let label = format!("finding=\"{code}\"");
        let on_page = metric(&page, "plimsoll_ratelimit_findings_total", &[&label]) as u64;
        assert_eq!(
            (on_page, &told["findings"][code]["count"]),
            (count, &count.into()),
            "{code}"
        );
    }
    lines.requests(60).await;
    for policy in ["outer", "inner"] {
        let told = |line: &Value| line["code"] == "LIM-013" && line["policy"] == policy;
        let all = lines.all();
        let warned: Vec<_> = all.iter().filter(|line| line["level"] == "WARN").collect();
        assert_eq!(
            all.iter().filter(|line| told(line)).count(),
            1,
            "{warned:?}"
        );
    }
}
