use std::io;
use std::net::IpAddr;
use std::time::Duration;

use plimsoll_core::ids::{Ids, RequestId, SpanId, TraceId, TraceParent};
use plimsoll_core::messages::Messages;
use plimsoll_core::{Agent, Clock, Decided, Keep, Slo};
use proptest::prelude::*;
use proptest::sample::select;
use serde::ser::{SerializeMap as _, Serializer as _};
use serde_json::ser::{CharEscape, Formatter};

use super::super::style::Sample;
use super::*;

fn style(sample: f64) -> Style {
    let (clock, _) = Clock::manual();
    Style::new(
        Format::Json,
        false,
        clock,
        "card-service",
        Sample::new(sample),
    )
}

fn line(style: &Style, record: &Record) -> String {
    let mut out = Vec::new();
    write(&mut out, style, Some(&Constants::of(style, record)), record);
    let mut alone = Vec::new();
    write(&mut alone, style, None, record);
    assert_eq!(out, alone, "a line does not depend on what was prepared");
    String::from_utf8(out).unwrap()
}

fn record() -> Record {
    let ids = Ids {
        trace_id: TraceId(1),
        span_id: SpanId(2),
        sampled: true,
        request_id: RequestId::parse(b"req-1").unwrap(),
    };
    let mut record = Record::new(ids, 0);
    record.method = "GET";
    record.route = "/cards/{id}";
    record.path = "/cards/7".into();
    record.client = Some([127, 0, 0, 1].into());
    record.decision = Some(Decided::new("per-client", "allow"));
    record.criticality = Some(plimsoll_core::Criticality::Critical);
    record.in_flight = 3;
    record.head = Some(1_500_000);
    record.ended = 2_250_000;
    record
}

/// So many empty messages.
fn messages(count: usize) -> Messages {
    let mut messages = Messages::default();
    messages.follow(&bytes::Bytes::from(vec![0; 5 * count]));
    messages
}

#[test]
fn the_line_of_a_failure_has_these_bytes() {
    let mut record = record();
    record.path = "/cards/7\u{1b}[2J".into();
    record.status = 503;
    record.code = Some("CARD-2001");
    record.fail(Outcome::Fault, Blame::Dependency, Slo::Bad);
    record.keep = Some(Keep::Failure);
    record.reference = Some("CARD-2001-X".into());
    record.cause = Some("pool \"timed\" out".into());
    record.agent = Agent::Program;
    let expected = concat!(
        r#"{"time":"1970-01-02T00:00:00.002250Z","level":"WARN","target":"plimsoll::access","#,
        r#""message":"request","service":"card-service","#,
        r#""trace_id":"00000000000000000000000000000001","span_id":"0000000000000002","request_id":"req-1","#,
        r#""method":"GET","route":"/cards/{id}","path":"/cards/7\u001b[2J","status":503,"outcome":"fault","#,
        r#""code":"CARD-2001","blame":"dependency","slo":"bad","ref":"CARD-2001-X","cause":"pool \"timed\" out","#,
        r#""keep":"failure","duration_ms":2.250,"head_ms":1.500,"bytes_in":0,"bytes_out":0,"in_flight":3,"#,
        r#""sampled":true,"agent":"program","client":"127.0.0.1","limit":"per-client","decision":"allow","criticality":"critical"}"#,
        "\n",
    );
    assert_eq!(line(&style(0.5), &record), expected);
}

#[test]
fn the_line_of_a_sampled_grpc_success_has_these_bytes() {
    let mut record = record();
    record.method = "POST";
    record.route = "/cards.v1.Cards/Get";
    record.path = record.route.into();
    record.status = 200;
    record.outcome = Some(Outcome::Success);
    record.slo = Some(Slo::Good);
    record.grpc_status = Some(0);
    record.grpc = Some(Box::new(Grpc {
        timeout: Some(250_000_000),
        sent: messages(1),
    }));
    record.link = Some(TraceParent {
        trace_id: TraceId(0xabc),
        span_id: SpanId(1),
        sampled: true,
    });
    let expected = concat!(
        r#"{"time":"1970-01-02T00:00:00.002250Z","level":"INFO","target":"plimsoll::access","#,
        r#""message":"request","service":"card-service","#,
        r#""trace_id":"00000000000000000000000000000001","span_id":"0000000000000002","request_id":"req-1","#,
        r#""method":"POST","route":"/cards.v1.Cards/Get","path":"/cards.v1.Cards/Get","status":200,"#,
        r#""outcome":"success","slo":"good","weight":4,"rpc_service":"cards.v1.Cards","rpc_method":"Get","#,
        r#""grpc_status":0,"grpc_timeout_ms":250.000,"grpc_sent":1,"#,
        r#""duration_ms":2.250,"head_ms":1.500,"bytes_in":0,"bytes_out":0,"in_flight":3,"#,
        r#""sampled":true,"agent":"none","client":"127.0.0.1","limit":"per-client","decision":"allow","criticality":"critical","#,
        r#""linked_trace_id":"00000000000000000000000000000abc"}"#,
        "\n",
    );
    assert_eq!(line(&style(0.25), &record), expected);
    record.route = "/{service}/{*rest}";
    let unknown = line(&style(1.0), &record);
    assert!(unknown.contains(r#""rpc_service":"_OTHER","rpc_method":"_OTHER","#));
    assert!(!unknown.contains("weight"));
}

#[test]
fn the_schema_lists_the_keys_of_a_line_in_their_order_and_no_others() {
    let mut record = record();
    record.outcome = Some(Outcome::Success);
    record.blame = Some(Blame::Client);
    record.slo = Some(Slo::Good);
    record.code = Some("CARD-1001");
    record.reference = Some("CARD-1001-X".into());
    record.cause = Some("cause".into());
    record.grpc_status = Some(0);
    record.grpc = Some(Box::new(Grpc {
        timeout: Some(1),
        sent: messages(1),
    }));
    record.decision = Some(Decided {
        retry_after: Some(Duration::from_secs(1)),
        ..Decided::new("per-client", "deny")
    });
    record.calls.begin(0);
    record.link = Some(TraceParent {
        trace_id: TraceId(1),
        span_id: SpanId(1),
        sampled: false,
    });
    // Two lines, since a request that is kept stands for itself alone.
    let style = style(0.5);
    let weighted = line(&style, &record);
    record.keep = Some(Keep::Slow);
    let kept = line(&style, &record);
    let (_, schema) = crate::LOG_LINE_SCHEMA.split_once("\"access\"").unwrap();
    let (schema, _) = schema.split_once("\"event\"").unwrap();
    let listed: Vec<_> = schema
        .lines()
        .filter_map(|line| line.strip_prefix("        \"")?.split_once("\": {"))
        .map(|(key, _)| key)
        .collect();
    let written = |key: &&str| [&weighted, &kept].map(|line| line.find(&format!("\"{key}\":")));
    assert_eq!(
        weighted.matches("\":").count(),
        listed.len() - 1,
        "all but keep"
    );
    for line in [0, 1] {
        let places: Vec<_> = listed.iter().filter_map(|key| written(key)[line]).collect();
        assert_eq!(places.len(), listed.len() - 1);
        assert!(places.is_sorted(), "{places:?}");
    }
}

#[test]
fn no_text_of_any_length_makes_a_line_of_any_length() {
    let mut record = record();
    record.path = "\u{e9}".repeat(100_000);
    record.cause = Some("x\n".repeat(100_000).into());
    let line = line(&style(1.0), &record);
    assert!(line.len() < 8_000, "{}", line.len());
    assert!(line.contains("\u{2026} (199744 bytes more)"));
    assert!(line.contains("\u{2026} (195904 bytes more)"));
    assert_eq!(cut(&record.path, CAUSE_MAX - 1).len(), CAUSE_MAX - 2);
    assert_eq!(shortened("/short"), "/short");
}

#[test]
fn a_share_of_the_successes_and_all_the_rest_get_a_line() {
    let style = style(0.1);
    let mut of_success = record();
    of_success.outcome = Some(Outcome::Success);
    let mut slow = record();
    slow.outcome = Some(Outcome::Success);
    slow.keep = Some(Keep::Slow);
    let mut missing = record();
    missing.outcome = Some(Outcome::ClientError);
    let mut written = 0;
    for index in 0..10_000_u128 {
        let id = TraceId(index.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834));
        for record in [&mut of_success, &mut slow, &mut missing] {
            record.ids.trace_id = id;
        }
        written += u32::from(style.sample.takes(&of_success));
        assert!(style.sample.takes(&slow) && style.sample.takes(&missing));
        assert_eq!(style.sample.weight(&slow), None);
    }
    assert!((900..1_100).contains(&written), "{written}");
    assert_eq!(style.sample.weight(&of_success), Some(10.0));
    assert!(!Sample::new(0.0).takes(&of_success));
    assert!(Sample::new(1.0).takes(&of_success));
}

/// What serde_json needs to be told to write as we do: three digits behind the
/// point, and no control character of any kind.
struct AsOurs;

impl Formatter for AsOurs {
    fn write_f64<W: ?Sized + io::Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        write!(out, "{value:.3}")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        text: &str,
    ) -> io::Result<()> {
        for letter in text.chars() {
            if letter.is_control() {
                let escape = CharEscape::AsciiControl(letter as u8);
                self.write_char_escape(out, escape)?;
            } else {
                write!(out, "{letter}")?;
            }
        }
        Ok(())
    }
}

fn by_serde(style: &Style, record: &Record) -> String {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, AsOurs);
    let mut map = serializer.serialize_map(None).unwrap();
    macro_rules! put {
        ($key:expr, $value:expr) => {
            map.serialize_entry($key, &$value).unwrap()
        };
    }
    macro_rules! maybe {
        ($key:expr, $value:expr) => {
            if let Some(value) = $value {
                put!($key, value);
            }
        };
    }
    let ms = |nanos: u64| (nanos / 1_000) as f64 / 1e3;
    let time = humantime::format_rfc3339_micros(style.clock.wall(record.ended));
    put!("time", time.to_string());
    put!("level", level(record).as_str());
    put!("target", TARGET);
    put!("message", "request");
    put!("service", "card-service");
    put!("trace_id", record.ids.trace_id.to_string());
    put!("span_id", record.ids.span_id.to_string());
    put!("request_id", record.ids.request_id.as_str());
    put!("method", record.method);
    put!("route", record.route);
    put!("path", record.path);
    put!("status", record.status);
    put!("outcome", record.outcome.unwrap().as_str());
    maybe!("code", record.code);
    maybe!("blame", record.blame.map(Blame::as_str));
    maybe!("slo", record.slo.map(Slo::as_str));
    if record.outcome == Some(Outcome::Success) && record.keep.is_none() {
        put!("weight", 2);
    }
    if let Some(status) = record.grpc_status {
        put!("rpc_service", "_OTHER");
        put!("rpc_method", "_OTHER");
        put!("grpc_status", status);
        if let Some(grpc) = &record.grpc {
            maybe!("grpc_timeout_ms", grpc.timeout.map(ms));
            maybe!("grpc_sent", grpc.sent.count());
        }
    }
    maybe!("ref", record.reference.as_deref());
    maybe!("cause", record.cause.as_deref());
    maybe!("keep", record.keep.map(Keep::as_str));
    put!("duration_ms", ms(record.duration()));
    put!("head_ms", ms(record.time_to_head()));
    put!("bytes_in", record.bytes_in);
    put!("bytes_out", record.bytes_out);
    put!("in_flight", record.in_flight);
    if record.calls.begun > 0 {
        put!("calls", record.calls.begun);
        put!("calls_failed", record.calls.failed);
        put!("calls_ms", ms(record.calls.nanos(record.ended)));
    }
    put!("sampled", record.ids.sampled);
    put!("agent", record.agent.as_str());
    maybe!("client", record.client.map(|client| client.to_string()));
    if let Some(decided) = record.decision {
        put!("limit", decided.policy);
        put!("decision", decided.decision);
        maybe!(
            "retry_after_ms",
            decided.retry_after.map(|wait| wait.as_millis() as u64)
        );
    }
    maybe!(
        "criticality",
        record.criticality.map(plimsoll_core::Criticality::as_str)
    );
    maybe!(
        "linked_trace_id",
        record.link.map(|link| link.trace_id.to_string())
    );
    map.end().unwrap();
    out.push(b'\n');
    String::from_utf8(out).unwrap()
}

prop_compose! {
    fn texts()(
        path in ".{0,60}",
        cause in proptest::option::of(".{0,60}"),
        reference in proptest::option::of("[A-Z0-9-]{1,20}"),
        request_id in "[A-Za-z0-9_.:-]{1,64}",
        method in select(vec!["GET", "_OTHER"]),
        route in select(vec!["/cards/{id}", "unmatched", "/a\"b/{*rest}"]),
        code in proptest::option::of(select(vec!["CARD-1001", "X\\Y"])),
        decision in proptest::option::of(select(vec![("per-client", "allow"), ("a\"b", "deny")])),
        waits in proptest::option::of(any::<u32>()),
    ) -> Record {
        let request_id = RequestId::parse(request_id.as_bytes()).unwrap();
        let ids = Ids { trace_id: TraceId(1), span_id: SpanId(1), sampled: false, request_id };
        let mut record = Record::new(ids, 0);
        record.path = path;
        record.cause = cause.map(Into::into);
        record.reference = reference.map(Into::into);
        record.method = method;
        record.route = route;
        record.code = code;
        record.decision = decision.map(|(policy, decision)| Decided {
            retry_after: waits.map(|wait| Duration::from_millis(wait.into())),
            ..Decided::new(policy, decision)
        });
        record
    }
}

prop_compose! {
    fn any_record()(
        mut record in texts(),
        (trace, span, sampled) in any::<(u128, u64, bool)>(),
        client in proptest::option::of(any::<IpAddr>()),
        link in proptest::option::of(any::<u128>()),
        (started, head, ended) in (0..1_u64 << 50, proptest::option::of(0..1_u64 << 50), 0..1_u64 << 50),
        (bytes_in, bytes_out, in_flight, status) in any::<(u64, u64, u64, u16)>(),
        outcome in select(Outcome::ALL.to_vec()),
        blame in proptest::option::of(select(vec![Blame::Client, Blame::Server, Blame::Capacity])),
        slo in proptest::option::of(select(vec![Slo::Good, Slo::Bad, Slo::Excluded])),
        keep in proptest::option::of(select(Keep::ALL.to_vec())),
        agent in select(vec![Agent::None, Agent::Bot, Agent::Browser]),
        grpc in proptest::option::of((0_u16..20, proptest::option::of((proptest::option::of(0..1_u64 << 50), 0..3_usize)))),
    ) -> Record {
        record.ids.trace_id = TraceId(trace);
        record.ids.span_id = SpanId(span);
        record.ids.sampled = sampled;
        record.client = client;
        record.link = link.map(|id| TraceParent { trace_id: TraceId(id), span_id: SpanId(1), sampled });
        record.started = started;
        record.head = head;
        record.ended = ended;
        record.bytes_in = bytes_in;
        record.bytes_out = bytes_out;
        record.in_flight = in_flight;
        record.status = status;
        record.outcome = Some(outcome);
        for call in 0..bytes_in % 3 {
            record.calls.begin(call);
            record.calls.end(ended / 2 + call, sampled);
        }
        record.blame = blame;
        record.slo = slo;
        record.keep = keep;
        record.agent = agent;
        record.grpc_status = grpc.map(|(status, _)| status);
        record.grpc = grpc.and_then(|(_, known)| known).map(|(timeout, sent)| Box::new(Grpc { timeout, sent: messages(sent) }));
        record
    }
}

proptest! {
    #[test]
    fn any_line_has_the_bytes_that_a_general_serializer_writes(record in any_record()) {
        let style = style(0.5);
        prop_assert_eq!(line(&style, &record), by_serde(&style, &record));
    }
}
