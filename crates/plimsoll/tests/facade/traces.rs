use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get as on_get;
use plimsoll::{Plimsoll, Trust};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::collector::Collector;
use crate::support::{Lines, get, instance, raw, serve, shut, status};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn exporting(address: SocketAddr, trust: &str) -> (Plimsoll, Lines) {
    let trust: Trust = trust.parse().unwrap();
    let endpoint = format!("http://{address}/v1/traces");
    instance(|builder| {
        builder
            .trust(trust)
            .telemetry(|telemetry| telemetry.otlp(endpoint))
    })
}

fn app() -> Router {
    Router::new().route("/cards/{id}", on_get(async || "a card"))
}

async fn with_trace(address: SocketAddr) -> String {
    let request = format!(
        "GET /cards/7 HTTP/1.1\r\nhost: test\r\ntraceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\nconnection: close\r\n\r\n"
    );
    raw(address, &request).await
}

#[tokio::test]
async fn a_trusted_callers_trace_is_on_the_line_and_in_one_span_at_the_collector() {
    let collector = Collector::start().await;
    let (plimsoll, lines) = exporting(collector.address, "loopback");
    let address = serve(app().layer(plimsoll.layer())).await;
    assert_eq!(status(&with_trace(address).await), 200);
    let line = lines.requests(1).await.pop().unwrap();
    assert_eq!(line["trace_id"], TRACE, "{line}");
    let report = shut(plimsoll, Duration::from_secs(10)).await;
    assert!(report.holds() && report.lost() == 0, "{report}");
    let spans = crate::support::until("span", || {
        let spans = collector.spans();
        spans.last()?.contains("http.route").then_some(spans)
    })
    .await;
    assert_eq!(spans.len(), 1, "{spans:?}");
    let span = &spans[0];
    for part in [
        TRACE,
        line["span_id"].as_str().unwrap(),
        "GET /cards/{id}",
        "SPAN_KIND_SERVER",
        "http.response.status_code",
        line["request_id"].as_str().unwrap(),
        // Parent.
        "00f067aa0ba902b7",
    ] {
        assert!(span.contains(part), "{part} not in {span}");
    }
}

#[tokio::test]
async fn a_strangers_trace_is_linked_and_not_adopted() {
    let collector = Collector::start().await;
    let (plimsoll, lines) = exporting(collector.address, "");
    let address = serve(app().layer(plimsoll.layer())).await;
    with_trace(address).await;
    let line = lines.requests(1).await.pop().unwrap();
    assert_ne!(line["trace_id"], TRACE);
    assert_eq!(line["linked_trace_id"], TRACE, "{line}");
    let report = shut(plimsoll, Duration::from_secs(10)).await;
    assert_eq!(report.lost(), 0, "{report}");
}

#[tokio::test]
async fn no_request_waits_for_a_collector_that_is_dead_or_hangs_and_the_ledger_balances() {
    let dead = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hangs = hanging.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = hanging.accept().await.unwrap();
            tokio::spawn(async move {
                let mut bytes = [0; 1_024];
                while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
            });
        }
    });
    for collector in [dead, hangs] {
        let (plimsoll, _) = exporting(collector, "");
        let address = serve(app().layer(plimsoll.layer())).await;
        for _ in 0..50 {
            assert_eq!(status(&get(address, "/cards/7").await), 200);
        }
        let begin = Instant::now();
        let report = shut(plimsoll, Duration::from_secs(1)).await;
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "the deadline holds"
        );
        assert!(report.holds(), "{report}");
        let (_, traces) = report
            .signals
            .iter()
            .find(|(signal, _)| *signal == "traces")
            .unwrap();
        assert_eq!(traces.produced, 50, "{report}");
        assert_eq!(traces.delivered, 0, "{report}");
    }
}

/// Answers with the trace of the OpenTelemetry context it runs in.
fn context() -> Router {
    let trace = async || {
        use opentelemetry::trace::TraceContextExt;
        tokio::task::yield_now().await;
        let context = opentelemetry::Context::current();
        context.span().span_context().trace_id().to_string()
    };
    Router::new().route("/", on_get(trace))
}

#[tokio::test]
async fn the_requests_context_is_there_for_calls_to_others_sampled_or_not() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = nobody.local_addr().unwrap();
    for ratio in [0.0, 1.0] {
        let endpoint = format!("http://{nobody}/v1/traces");
        let (plimsoll, lines) = instance(|builder| {
            builder.telemetry(|telemetry| telemetry.otlp(endpoint).sample_ratio(ratio))
        });
        let address = serve(context().layer(plimsoll.layer())).await;
        let answer = get(address, "/").await;
        let line = lines.requests(1).await.pop().unwrap();
        let trace = line["trace_id"].as_str().unwrap();
        assert!(answer.ends_with(trace), "{ratio} {answer} {line}");
    }
}

#[tokio::test]
async fn an_instance_that_owns_nothing_leaves_the_hosts_context_alone() {
    // Ids of ours would be the unsampled parent of the host's spans.
    let (plimsoll, _) = instance(|builder| builder);
    let address = serve(context().layer(plimsoll.layer())).await;
    assert!(get(address, "/").await.ends_with(&"0".repeat(32)));
}

/// Answers as its path says.
fn moods() -> Router {
    let broken = async || http::StatusCode::INTERNAL_SERVER_ERROR;
    let missing = async || http::StatusCode::NOT_FOUND;
    let panics = async || -> &'static str { panic!("mood") };
    Router::new()
        .route("/fine", on_get(async || "fine"))
        .route("/broken", on_get(broken))
        .route("/missing", on_get(missing))
        .route("/panics", on_get(panics))
}

#[tokio::test]
async fn a_request_that_fails_has_its_span_exported_although_the_sampler_said_no() {
    use plimsoll_testkit::otlp::{Behaviour, Collector, attribute, hex};
    let collector = Collector::start(Behaviour::Healthy).await;
    let (plimsoll, lines) =
        instance(|builder| builder.telemetry(|it| it.otlp(collector.endpoint()).sample_ratio(0.0)));
    let address = serve(moods().layer(plimsoll.layer())).await;
    for path in ["/fine", "/broken", "/missing", "/panics", "/fine"] {
        get(address, path).await;
    }
    let of_lines = lines.requests(5).await;
    let page = plimsoll.telemetry().render();
    let kept = |reason: &str| {
        let reason = format!("reason=\"{reason}\"");
        crate::support::metric(&page, "plimsoll_spans_kept_total", &[&reason]) as u64
    };
    assert_eq!(["failure", "panic", "slow"].map(kept), [1, 1, 0], "{page}");
    let report = shut(plimsoll, Duration::from_secs(10)).await;
    assert!(report.holds() && report.lost() == 0, "{report}");
    let spans = collector.spans();
    let kept: Vec<_> = spans
        .iter()
        .map(|span| {
            (
                span.name.as_str(),
                attribute(span, "plimsoll.keep").unwrap(),
            )
        })
        .collect();
    let expected = [
        ("GET /broken", "failure".to_owned()),
        ("GET /panics", "panic".to_owned()),
    ];
    assert_eq!(kept, expected, "{spans:?}");
    for span in &spans {
        assert_eq!(span.flags & 1, 0, "what downstream was told");
        let trace_id = hex(&span.trace_id);
        assert!(of_lines.iter().any(|line| line["trace_id"] == trace_id));
    }
}

#[tokio::test]
async fn nothing_is_kept_once_that_is_switched_off() {
    use plimsoll_testkit::otlp::{Behaviour, Collector};
    fn never() -> Vec<(String, String)> {
        vec![("OTEL_TRACES_SAMPLER".into(), "always_off".into())]
    }
    for by_sampler in [true, false] {
        let collector = Collector::start(Behaviour::Healthy).await;
        let (plimsoll, _) = instance(|builder| {
            let builder = builder.telemetry(|it| it.otlp(collector.endpoint()));
            if by_sampler {
                builder.env(never)
            } else {
                builder.telemetry(|it| it.sample_ratio(0.0).keep_failures(false))
            }
        });
        let address = serve(moods().layer(plimsoll.layer())).await;
        assert_eq!(status(&get(address, "/broken").await), 500);
        let report = shut(plimsoll, Duration::from_secs(10)).await;
        assert!(report.holds(), "{report}");
        assert_eq!(collector.exports(), 0, "{by_sampler}");
    }
}

fn call_with(headers: &str) -> String {
    format!("GET /cards/7 HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{headers}\r\n")
}

#[tokio::test]
async fn a_trusted_callers_state_and_baggage_go_on_to_whom_the_request_calls_and_a_strangers_do_not()
 {
    use opentelemetry::baggage::BaggageExt as _;
    use opentelemetry::trace::TraceContextExt as _;
    use plimsoll_testkit::otlp::{Behaviour, Collector, attribute};
    // What a propagator would write into an outgoing call.
    let outgoing = async || {
        tokio::task::yield_now().await;
        let context = opentelemetry::Context::current();
        let span = context.span();
        let ids = span.span_context();
        format!(
            "{}-{}-{}|{}|{}",
            ids.trace_id(),
            ids.span_id(),
            ids.is_sampled(),
            ids.trace_state().header(),
            context.baggage(),
        )
    };
    let sent = call_with(&format!(
        "traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\ntracestate: a=1\r\ntracestate: b=2\r\nbaggage: tenant=blue, broken\r\nx-forwarded-proto: https\r\nuser-agent: tests/1\r\n"
    ));
    for (trust, adopted) in [("loopback", true), ("10.0.0.0/8", false)] {
        let collector = Collector::start(Behaviour::Healthy).await;
        let trusted: Trust = trust.parse().unwrap();
        let (plimsoll, lines) = instance(|builder| {
            builder
                .trust(trusted)
                .telemetry(|it| it.otlp(collector.endpoint()).span_details(adopted))
        });
        let app = Router::new().route("/cards/{id}", on_get(outgoing));
        let address = serve(app.layer(plimsoll.layer())).await;
        let answer = raw(address, &sent).await;
        let told = answer.rsplit("\r\n").next().unwrap();
        let line = lines.requests(1).await.pop().unwrap();
        let own = format!(
            "{}-{}-true",
            line["trace_id"].as_str().unwrap(),
            line["span_id"].as_str().unwrap()
        );
        let beside = if adopted { "a=1,b=2|tenant=blue" } else { "|" };
        assert_eq!(told, format!("{own}|{beside}"), "{trust}");
        let page = plimsoll.telemetry().render();
        let linked = "plimsoll_trace_contexts_linked_total";
        let setting = ["range=\"loopback\"", "setting=\"PLIMSOLL_TRUST=loopback\""];
        let linked = crate::support::metric(&page, linked, &setting) as u64;
        let dropped = "plimsoll_trace_context_members_dropped_total";
        let dropped = crate::support::metric(&page, dropped, &["header=\"baggage\""]) as u64;
        assert_eq!((linked, dropped), if adopted { (0, 1) } else { (1, 0) });
        let warned = plimsoll.telemetry().warnings();
        assert_eq!(warned.len(), usize::from(!adopted), "{warned:?}");
        shut(plimsoll, Duration::from_secs(10)).await;
        let spans = collector.wait_for(1).await;
        let span = &spans[0];
        assert_eq!(span.trace_state, if adopted { "a=1,b=2" } else { "" });
        assert_eq!(span.links.len(), usize::from(!adopted));
        let said = |key| attribute(span, key).unwrap_or_default();
        assert_eq!(said("url.scheme"), if adopted { "https" } else { "http" });
        // Of a success only when that was asked for.
        let told = |text| if adopted { text } else { "" };
        assert_eq!(said("user_agent.original"), told("tests/1"));
        assert_eq!(said("client.address"), told("127.0.0.1"));
        assert_eq!(said("network.protocol.version"), told("1.1"));
        assert!(
            !format!("{spans:?} {line}").contains("tenant"),
            "baggage is for calls only"
        );
    }
}

#[tokio::test]
async fn what_the_environment_says_of_the_export_is_on_the_wire() {
    use plimsoll_testkit::otlp::{Behaviour, Collector, attribute};
    static BASE: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    fn env() -> Vec<(String, String)> {
        let env = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", BASE.get().unwrap().as_str()),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "authorization=Bearer%20hunter2",
            ),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "deployment.environment.name=test%20bed",
            ),
            ("OTEL_SERVICE_NAME", "cards"),
            ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "4"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "ca.pem"),
        ];
        env.map(|(name, value)| (name.into(), value.into())).into()
    }
    let collector = Collector::start(Behaviour::Healthy).await;
    BASE.set(collector.base()).unwrap();
    let (plimsoll, lines) = instance(|builder| builder.env(env));
    let warnings = plimsoll.telemetry().warnings();
    let named: Vec<_> = warnings.iter().map(|it| it.setting.as_str()).collect();
    assert_eq!(named, ["OTEL_EXPORTER_OTLP_CERTIFICATE"]);
    let address = serve(app().layer(plimsoll.layer())).await;
    get(address, "/cards/7").await;
    assert_eq!(lines.requests(1).await[0]["service"], "cards");
    let report = shut(plimsoll, Duration::from_secs(10)).await;
    assert_eq!(report.lost(), 0, "{report}");
    let span = collector.wait_for(1).await.remove(0);
    assert_eq!(attribute(&span, "url.path").unwrap(), "/car");
    let headers = collector.headers();
    assert_eq!(headers["authorization"], "Bearer hunter2");
    assert_eq!(headers["content-encoding"], "gzip");
    let resource = |key| collector.resource(key).unwrap_or_default();
    assert_eq!(resource("service.name"), "cards");
    assert_eq!(resource("deployment.environment.name"), "test bed");
    assert_eq!(resource("telemetry.sdk.language"), "rust");
    assert!(!lines.text().contains("hunter2"));
}

#[tokio::test]
async fn a_failing_collector_is_told_of_once_and_asked_once_more() {
    use plimsoll_testkit::otlp::{Behaviour, Collector};
    fn one_by_one() -> Vec<(String, String)> {
        vec![("OTEL_BSP_MAX_EXPORT_BATCH_SIZE".into(), "1".into())]
    }
    let collector = Collector::start(Behaviour::Failing).await;
    let (plimsoll, lines) = instance(|builder| {
        builder
            .env(one_by_one)
            .telemetry(|it| it.otlp(collector.endpoint()))
    });
    let address = serve(app().layer(plimsoll.layer())).await;
    for _ in 0..5 {
        get(address, "/cards/7").await;
    }
    let report = shut(plimsoll.clone(), Duration::from_secs(10)).await;
    assert!(report.holds(), "{report}");
    let told: Vec<_> = lines
        .all()
        .into_iter()
        .filter(|line| line["message"] == "spans cannot be exported")
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["level"], "WARN");
    assert!(
        told[0]["reason"].as_str().unwrap().contains("500"),
        "{}",
        told[0]
    );
}

#[tokio::test]
async fn a_collector_that_nobody_answers_for_is_tried_twice_an_export() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/v1/traces", nobody.local_addr().unwrap());
    drop(nobody);
    let (plimsoll, lines) = instance(|builder| builder.telemetry(|it| it.otlp(endpoint)));
    let address = serve(app().layer(plimsoll.layer())).await;
    get(address, "/cards/7").await;
    let report = shut(plimsoll.clone(), Duration::from_secs(10)).await;
    assert!(report.holds() && report.lost() == 1, "{report}");
    let page = plimsoll.telemetry().render();
    let retries = crate::support::metric(&page, "plimsoll_telemetry_retries_total", &["traces"]);
    assert_eq!(retries as u64, 1, "{page}");
    let line = lines
        .wait_for("reason", |line| {
            line["message"] == "spans cannot be exported"
        })
        .await;
    assert!(
        line["reason"].as_str().unwrap().contains("refused"),
        "{line}"
    );
}
