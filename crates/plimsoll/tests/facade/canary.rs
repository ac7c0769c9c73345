//! A marker in every input, and every output of every signal searched for it:
//! the table of [`plimsoll_core::redact`], held.

use std::time::Duration;

use axum::Router;
use axum::routing::post;
use http::StatusCode;
use plimsoll_testkit::signals::Receivers;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{instance, raw, serve, shut, status};

const LOG: &str = "log";
const SPANS: &str = "spans";
const PAGE: &str = "page";
const SENTRY: &str = "sentry";
const REST: &str = "ledger, warnings, debug texts";

/// What may be seen where; a sign of life for each way, and nothing else.
const TABLE: [(&str, &[&str]); 22] = [
    ("canary-route", &[LOG, SPANS, PAGE, SENTRY]),
    ("canary-path", &[LOG, SPANS]),
    ("canary-agent", &[SPANS]),
    ("canary-tenant", &[LOG, SPANS]),
    ("canary-page", &[LOG, SPANS]),
    ("canary-cause", &[LOG, SENTRY]),
    ("canary-event", &[LOG, SENTRY]),
    ("canary-authorization", &[]),
    ("canary-cookie", &[]),
    ("canary-key", &[]),
    ("canary-other", &[]),
    ("canary-referer", &[]),
    ("canary-query", &[]),
    ("canary-signature", &[]),
    ("canary-sent", &[]),
    ("canary-answer", &[]),
    ("canary-baggage", &[]),
    ("canary-password", &[]),
    ("canary-dsn", &[]),
    ("canary-collector", &[]),
    ("canary-otlp", &[]),
    ("canary-token", &[]),
];

const REQUEST: &str = "POST /canary-route/canary-path?page=canary-page&sig=canary-signature&q=canary-query HTTP/1.1\r\n\
    host: test\r\nconnection: close\r\ncontent-length: 11\r\n\
    user-agent: canary-agent/1.0\r\n\
    x-tenant: canary-tenant\r\n\
    authorization: Bearer canary-authorization\r\n\
    cookie: session=canary-cookie\r\n\
    x-api-key: canary-key\r\n\
    x-other: canary-other\r\n\
    referer: https://app:canary-referer@host/\r\n\
    baggage: who=canary-baggage\r\n\
    \r\ncanary-sent";

async fn handler(body: String) -> StatusCode {
    assert_eq!(body, "canary-sent");
    tracing::warn!(seen = "canary-event", password = "canary-password", "odd");
    // Values that the program itself calls secret are scrubbed where they leave
    // for others; its own log has what it wrote.
    panic!("canary-cause: postgres://app:canary-password@db, token=canary-password")
}

#[tokio::test]
async fn a_marker_in_any_input_appears_where_the_table_says_and_nowhere_else() {
    let receivers = Receivers::start().await;
    let (lines, collector, sentry) = (
        receivers.lines.clone(),
        receivers.collector.endpoint(),
        receivers.sentry.dsn(),
    );
    let collector = collector.replace("http://", "http://app:canary-collector@");
    let sentry = sentry.replace("key@", "canary-dsn@");
    let (plimsoll, _) = instance(|builder| {
        builder
            .env(|| {
                let headers = "x-auth=canary-otlp,authorization=canary-otlp";
                vec![
                    ("OTEL_EXPORTER_OTLP_HEADERS".into(), headers.into()),
                    ("PLIMSOLL_LOG_HEADERS".into(), "x-tenant".into()),
                    ("PLIMSOLL_LOG_QUERY".into(), "page,sig".into()),
                    // Refused, and told without its value.
                    ("PLIMSOLL_CONTROL_TOKEN".into(), "canary-token".into()),
                ]
            })
            .telemetry(|it| {
                let it = it.log_output(lines.clone());
                it.otlp(collector).sentry_dsn(sentry)
            })
    });
    let subscriber = tracing_subscriber::registry().with(plimsoll.tracing_layer());
    let _guard = tracing::subscriber::set_default(subscriber);
    let app = Router::new().route("/canary-route/{name}", post(handler));
    let address = serve(app.layer(plimsoll.layer())).await;
    assert_eq!(status(&raw(address, REQUEST).await), 500);
    lines.requests(1).await;

    let page = plimsoll.telemetry().render();
    let mut rest = format!("{plimsoll:?} {:?}", plimsoll.telemetry().warnings());
    let report = shut(plimsoll, Duration::from_secs(10)).await;
    rest += &[report.to_string(), format!("{report:?}"), report.summary()].concat();
    assert!(report.holds() && report.lost() == 0, "{report}");
    let spans = receivers.collector.spans();
    let envelopes = receivers.sentry.envelopes();
    assert_eq!((spans.len(), envelopes.len()), (1, 1), "{report}");
    let outputs = [
        (LOG, lines.text()),
        (SPANS, format!("{spans:?}")),
        (PAGE, page),
        (SENTRY, envelopes[0].text.clone()),
        (REST, rest),
    ];
    for (marker, expected) in TABLE {
        let seen = outputs.iter().filter(|(_, text)| text.contains(marker));
        let seen: Vec<_> = seen.map(|(output, _)| *output).collect();
        // The program's own event says its password to its own log.
        if marker == "canary-password" {
            assert_eq!(seen, [LOG]);
            let line = lines.requests(1).await.pop().unwrap();
            assert!(!line.to_string().contains(marker), "{line}");
            continue;
        }
        assert_eq!(seen, expected, "{marker}: {outputs:#?}");
    }
    let line = lines.requests(1).await.pop().unwrap();
    assert_eq!(line["header.x-tenant"], "canary-tenant", "{line}");
    assert_eq!(line["query.sig"], "REDACTED", "{line}");
}
