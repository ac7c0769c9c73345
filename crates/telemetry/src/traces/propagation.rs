//! Contexts from trusted callers: W3C Trace Context and W3C Baggage.

use http::{HeaderMap, HeaderValue};
use opentelemetry::baggage::{Baggage, BaggageMetadata};
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::TraceState;
use opentelemetry::{Key, StringValue, global};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use plimsoll_core::ids::TraceParent;
use plimsoll_core::otel::Otel;
use plimsoll_core::percent;

/// Characters of a `tracestate` that are handed on: Trace Context, section 3.3.1.5.
const TRACESTATE_MAX: usize = 512;

/// A longer member goes first when the whole is too long: the same section.
const MEMBER_LONG: usize = 128;

/// Members of a `tracestate`: Trace Context, section 3.3.1.1.
const TRACESTATE_MEMBERS: usize = 32;

/// Bytes and members of a `baggage`: W3C Baggage, section 3.3.2.
const BAGGAGE_MAX: usize = 8_192;
const BAGGAGE_MEMBERS: usize = 64;

/// Which contexts are taken over and handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Propagation {
    pub(super) trace_context: bool,
    pub(super) baggage: bool,
}

impl Propagation {
    /// As `OTEL_PROPAGATORS` says; by default both.
    pub(crate) fn of(otel: &Otel) -> Self {
        let list = otel.get("OTEL_PROPAGATORS");
        let words: Vec<_> = list
            .unwrap_or("tracecontext,baggage")
            .split(',')
            .map(str::trim)
            .collect();
        let has = |word| words.contains(&word) && !words.contains(&"none");
        Self {
            trace_context: has("tracecontext"),
            baggage: has("baggage"),
        }
    }

    /// Makes these the process's propagators.
    pub(super) fn install(self) {
        let mut all: Vec<Box<dyn TextMapPropagator + Send + Sync>> = Vec::new();
        if self.trace_context {
            all.push(Box::new(TraceContextPropagator::new()));
        }
        if self.baggage {
            all.push(Box::new(BaggagePropagator::new()));
        }
        global::set_text_map_propagator(TextMapCompositePropagator::new(all));
    }

    pub(super) fn parent(self, header: Option<&HeaderValue>) -> Option<TraceParent> {
        TraceParent::parse(header.filter(|_| self.trace_context)?.as_bytes())
    }
}

/// What a trusted caller's `tracestate` says, and how many members of it were lost.
pub(super) fn trace_state(headers: &HeaderMap) -> (TraceState, u64) {
    let lines = joined(headers, "tracestate");
    let mut members = members(&lines);
    let all = members.len();
    let length = |members: &[&str]| {
        members
            .iter()
            .map(|member| member.len() + 1)
            .sum::<usize>()
            .saturating_sub(1)
    };
    members.truncate(TRACESTATE_MEMBERS);
    while length(&members) > TRACESTATE_MAX {
        let long = members
            .iter()
            .rposition(|member| member.len() > MEMBER_LONG);
        members.remove(long.unwrap_or(members.len() - 1));
    }
    let pairs: Option<Vec<_>> = members
        .iter()
        .map(|member| member.split_once('='))
        .collect();
    let state = pairs.and_then(|pairs| TraceState::from_key_value(pairs).ok());
    // A list with one bad member is discarded whole, as the specification asks.
    let kept = state.as_ref().map_or(0, |_| members.len());
    (state.unwrap_or(TraceState::NONE), (all - kept) as u64)
}

/// What a trusted caller's `baggage` says, and how many members of it were lost.
pub(super) fn baggage(headers: &HeaderMap) -> (Baggage, u64) {
    let lines = joined(headers, "baggage");
    let mut baggage = Baggage::new();
    let (mut bytes, mut lost) = (0, 0);
    for member in members(&lines) {
        bytes += member.len() + 1;
        let room = bytes <= BAGGAGE_MAX + 1 && baggage.len() < BAGGAGE_MEMBERS;
        let taken = room.then(|| {
            let (pair, properties) = member.split_once(';').unwrap_or((member, ""));
            let (name, value) = pair.split_once('=')?;
            let value = percent::decode(value.trim())?;
            let (before, name) = (baggage.len(), name.trim().to_owned());
            let replaced = baggage.insert_with_metadata(
                Key::from(name),
                StringValue::from(value),
                BaggageMetadata::from(properties.trim()),
            );
            (replaced.is_some() || baggage.len() > before).then_some(())
        });
        lost += u64::from(taken.flatten().is_none());
    }
    (baggage, lost)
}

/// All lines of a header as one list; a line that is no text counts as a member
/// that no list can hold.
fn joined(headers: &HeaderMap, name: &str) -> String {
    let lines = headers.get_all(name).iter();
    let lines: Vec<_> = lines.map(|line| line.to_str().unwrap_or("?")).collect();
    lines.join(",")
}

fn members(list: &str) -> Vec<&str> {
    let members = list.split(',').map(str::trim);
    members.filter(|member| !member.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(name: &'static str, lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, line.parse().unwrap());
        }
        headers
    }

    fn both() -> Propagation {
        Propagation::of(&Otel::default())
    }

    fn state(lines: &[&str]) -> (String, u64) {
        let (state, lost) = trace_state(&headers("tracestate", lines));
        (state.header(), lost)
    }

    #[test]
    fn the_named_propagators_are_used_and_none_stands_above_all() {
        let of = |list: &str| {
            let env = [("OTEL_PROPAGATORS".to_owned(), list.to_owned())];
            let of = Propagation::of(&Otel::read(env).0);
            (of.trace_context, of.baggage)
        };
        assert_eq!(of("baggage"), (false, true));
        assert_eq!(of("b3, tracecontext"), (true, false));
        assert_eq!(of("none"), (false, false));
        assert_eq!((both().trace_context, both().baggage), (true, true));
    }

    #[test]
    fn a_state_in_several_lines_is_one_list_in_order() {
        assert_eq!(state(&["a=1, b=2", "c=3"]), ("a=1,b=2,c=3".into(), 0));
        assert_eq!(state(&[]), (String::new(), 0));
        assert_eq!(state(&["a=1,B=2"]), (String::new(), 2), "a bad key");
    }

    #[test]
    fn a_long_state_loses_its_long_members_first_and_then_its_last() {
        let long = format!("long={}", "x".repeat(200));
        let short: Vec<_> = (10..60).map(|it| format!("k{it}={it}")).collect();
        let (kept, lost) = state(&["first=1", &long, &short.join(",")]);
        assert!(kept.starts_with("first=1,"), "{kept}");
        assert!(kept.len() <= TRACESTATE_MAX && kept.split(',').count() <= TRACESTATE_MEMBERS);
        assert_eq!(lost as usize + kept.split(',').count(), 52);
        let two = format!("a={},b={}", "x".repeat(250), "y".repeat(250));
        let (kept, lost) = state(&["c=1,d=2", &two]);
        assert_eq!((kept.len(), lost), (260, 1), "{kept}");
        assert!(kept.starts_with("c=1,d=2,a="));
    }

    #[test]
    fn baggage_is_decoded_bounded_and_counted() {
        let (sent, lost) = baggage(&headers(
            "baggage",
            &["tenant=a%20b;ttl=1, plain=7", "broken, bad=%zz"],
        ));
        assert_eq!(sent.get("tenant").unwrap().as_str(), "a b");
        assert_eq!(sent.get("plain").unwrap().as_str(), "7");
        assert_eq!((sent.len(), lost), (2, 2));
        let many: Vec<_> = (0..100).map(|it| format!("k{it}=v")).collect();
        let (sent, lost) = baggage(&headers("baggage", &[&many.join(",")]));
        assert_eq!((sent.len(), lost), (BAGGAGE_MEMBERS, 36));
        let big = format!("a={},b=1", "x".repeat(BAGGAGE_MAX));
        let (sent, lost) = baggage(&headers("baggage", &[&big]));
        assert_eq!((sent.len(), lost), (0, 2));
    }

    proptest! {
        #[test]
        fn no_header_panics_or_outgrows_its_bounds(line in "[ -~]{0,1500}") {
            let (kept, _) = state(&[&line]);
            prop_assert!(kept.len() <= TRACESTATE_MAX);
            let (sent, _) = baggage(&headers("baggage", &[&line]));
            prop_assert!(sent.len() <= BAGGAGE_MEMBERS);
        }
    }
}
