use std::fmt;
use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use plimsoll_core::Clock;
use plimsoll_core::ids::{Ids, RequestId, SpanId, TraceId};
use plimsoll_core::record::{Open, Record as RequestRecord, Sink};
use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::{Builder, Reason, Telemetry};

#[derive(Clone, Default)]
struct Output(std::sync::Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Output {
    fn lines(&self, telemetry: &Telemetry) -> Vec<String> {
        telemetry.shutdown(Duration::from_secs(10));
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().filter(|line| !line.contains("\"ledger\""));
        lines.map(str::to_owned).collect()
    }

    fn values(&self, telemetry: &Telemetry) -> Vec<Value> {
        let lines = self.lines(telemetry);
        let read = |line: &String| serde_json::from_str(line).unwrap();
        lines.iter().map(read).collect()
    }
}

/// An instance at a time that stands still, and what it logs while `act` runs.
fn logged(change: fn(Builder) -> Builder, act: impl FnOnce()) -> (Telemetry, Output) {
    let output = Output::default();
    let (clock, _) = Clock::manual();
    let builder = Telemetry::builder("card-service")
        .traces(crate::Ownership::Off)
        .clock(clock)
        .log_output(output.clone());
    let telemetry = change(builder).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(telemetry.tracing_layer());
    tracing::subscriber::with_default(subscriber, act);
    (telemetry, output)
}

fn json(builder: Builder) -> Builder {
    builder.format(crate::Format::Json)
}

struct Nowhere;

impl Sink for Nowhere {
    fn now(&self) -> u64 {
        0
    }
    fn finish(&self, _: Box<RequestRecord>) {}
}

fn in_request(act: impl FnOnce()) {
    let ids = Ids {
        trace_id: TraceId(0xabc),
        span_id: SpanId(0xdef),
        sampled: false,
        request_id: RequestId::parse(b"req-1").unwrap(),
    };
    let record = Box::new(RequestRecord::new(ids, 0));
    let mut open = Open::new(record, std::sync::Arc::new(Nowhere));
    let _entered = open.enter();
    act();
}

#[test]
fn the_line_of_an_event_in_a_request_has_these_bytes() {
    let (telemetry, output) = logged(json, || {
        in_request(|| {
            let outer = tracing::info_span!("outer", tenant = "a\"b", shared = 1, own = 1);
            let _outer = outer.enter();
            let inner = tracing::info_span!("inner", shared = 2, later = tracing::field::Empty);
            let _inner = inner.enter();
            inner.record("later", true);
            inner.record("shared", 3);
            tracing::warn!(target: "cards", own = -2, level = 7, "card {} of {:?}", 1, "x");
        });
    });
    let expected = concat!(
        r#"{"time":"1970-01-02T00:00:01.000000Z","level":"WARN","target":"cards","#,
        r#""message":"card 1 of \"x\"","service":"card-service","#,
        r#""trace_id":"00000000000000000000000000000abc","span_id":"0000000000000def","request_id":"req-1","#,
        r#""tenant":"a\"b","later":true,"shared":3,"own":-2,"field.level":7}"#,
    );
    assert_eq!(output.lines(&telemetry), [expected]);
}

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such card")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn values_keep_their_types() {
    let (telemetry, output) = logged(json, || {
        let error = Outer("x".parse::<u8>().unwrap_err());
        let error: &(dyn std::error::Error + 'static) = &error;
        tracing::info!(
            unsigned = u64::MAX,
            wide = u128::from(u64::MAX) + 1,
            negative = i128::MIN,
            float = 0.5,
            infinite = f64::INFINITY,
            truth = true,
            nothing = None::<u64>,
            bytes = &[0_u8, 255][..],
            error,
            r#type = "raw",
            debugged = ?Some("a\nb"),
            long = "x".repeat(20_000),
        );
    });
    let lines = output.lines(&telemetry);
    let line = &lines[0];
    for part in [
        r#""message":"","#,
        r#""unsigned":18446744073709551615,"wide":18446744073709551616,"#,
        r#""negative":-170141183460469231731687303715884105728,"float":0.5,"infinite":"inf","truth":true,"bytes":"00ff","#,
        r#""error":"no such card: invalid digit found in string","type":"raw","debugged":"Some(\"a\\nb\")","#,
        "\u{2026} (3616 bytes more)\"",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
}

#[test]
fn a_callsite_that_logs_too_much_is_cut_counted_and_told() {
    let (telemetry, output) = logged(json, || {
        for number in 0..1_500 {
            tracing::error!(target: "cards::api", number, "again");
        }
        tracing::error!(target: "cards::api", "another");
    });
    let lines = output.values(&telemetry);
    let of = |message: &str| {
        lines
            .iter()
            .filter(|line| line["message"] == message)
            .count()
    };
    assert_eq!((of("again"), of("another")), (1_000, 1));
    let told: Vec<_> = lines
        .iter()
        .filter(|line| line["suppressed"] != Value::Null)
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["message"], "suppressed 500 lines");
    assert_eq!(told[0]["suppressed"], 500);
    assert_eq!(told[0]["callsite"], "cards::api");
    let file = told[0]["callsite_file"].as_str().unwrap();
    assert!(file.contains("tests.rs:"), "{file}");
    let report = telemetry.report();
    assert_eq!(
        report.signals[0].1.dropped[Reason::RateLimited as usize],
        500
    );
    assert!(report.holds(), "{report}");
}

#[test]
fn what_was_suppressed_is_told_although_nothing_is_logged_any_more() {
    let output = Output::default();
    let builder = Telemetry::builder("card-service")
        .traces(crate::Ownership::Off)
        .log_callsite(1)
        .log_output(output.clone());
    let telemetry = json(builder).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(telemetry.tracing_layer());
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..15 {
            tracing::info!("again");
        }
    });
    let deadline = Instant::now() + Duration::from_secs(20);
    let told = || String::from_utf8_lossy(&output.0.lock().unwrap()).contains("suppressed 5 lines");
    while !told() && Instant::now() < deadline {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    assert!(told());
    telemetry.shutdown(Duration::from_secs(10));
}

#[test]
fn without_a_limit_every_line_is_written() {
    let (telemetry, output) = logged(
        |builder| json(builder).log_callsite(None),
        || {
            for _ in 0..3_000 {
                tracing::info!("again");
            }
        },
    );
    assert_eq!(output.lines(&telemetry).len(), 3_000);
}

#[test]
fn two_instances_in_one_registry_keep_their_spans_fields_apart() {
    let build = |filter: &str| {
        let output = Output::default();
        let builder = Telemetry::builder("card-service")
            .traces(crate::Ownership::Off)
            .log_filter(filter)
            .log_output(output.clone());
        (json(builder).build().unwrap(), output)
    };
    let (terse, of_terse) = build("info");
    let (verbose, of_verbose) = build("debug");
    let subscriber = tracing_subscriber::registry()
        .with(terse.tracing_layer())
        .with(verbose.tracing_layer());
    tracing::subscriber::with_default(subscriber, || {
        let outer = tracing::info_span!("outer", outer = 1).entered();
        let inner = tracing::debug_span!("inner", inner = 2).entered();
        outer.record("outer", 3);
        tracing::info!("event");
        drop((inner, outer));
    });
    let (terse, verbose) = (of_terse.values(&terse), of_verbose.values(&verbose));
    assert_eq!(
        (&terse[0]["outer"], &terse[0]["inner"]),
        (&json!(3), &Value::Null)
    );
    assert_eq!(
        (&verbose[0]["outer"], &verbose[0]["inner"]),
        (&json!(3), &json!(2))
    );
}

#[test]
fn a_value_that_logs_while_it_is_formatted_breaks_no_line() {
    struct Chatty;
    impl fmt::Debug for Chatty {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            tracing::info!(inner = 1, "inside");
            f.write_str("chatty")
        }
    }
    let (telemetry, output) = logged(json, || {
        in_request(|| tracing::info!(before = 1, value = ?Chatty, "outside"));
    });
    let lines = output.values(&telemetry);
    // A subscriber of one thread, as here, is not asked from within itself.
    let outside = lines.last().unwrap();
    assert_eq!(outside["message"], "outside");
    assert_eq!(outside["before"], 1);
    assert_eq!(outside["value"], "chatty");
}

#[test]
fn people_read_plain_lines_without_colours_where_there_is_no_terminal() {
    let (telemetry, output) = logged(
        |builder| builder.format(crate::Format::Pretty),
        || {
            let _span = tracing::info_span!("span", tenant = "a").entered();
            tracing::info!(target: "cards", number = 1, "said \"so\"\u{1b}[2J");
        },
    );
    let line = r#"1970-01-02T00:00:01.000Z INFO  said \"so\"\u001b[2J tenant="a" number=1 (cards)"#;
    assert_eq!(output.lines(&telemetry)[0], line);
}
