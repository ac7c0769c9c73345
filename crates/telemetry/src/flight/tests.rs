use std::fmt;

use proptest::prelude::*;
use tracing::field::FieldSet;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata};

use super::arena::{Arena, Event, LEAST};
use super::value::{self, Value};

struct Callsite;
static CALLSITE: Callsite = Callsite;
static METADATA: Metadata<'static> = Metadata::new(
    "event",
    "app",
    Level::DEBUG,
    None,
    None,
    None,
    FieldSet::new(
        &["number", "text"],
        tracing::callsite::Identifier(&CALLSITE),
    ),
    tracing::metadata::Kind::EVENT,
);

impl tracing::callsite::Callsite for Callsite {
    fn set_interest(&self, _: Interest) {}
    fn metadata(&self) -> &Metadata<'_> {
        &METADATA
    }
}

fn push(arena: &mut Arena, number: u64, text: &str, span: &str) {
    let names = METADATA.fields();
    let [first, second] = [0, 1].map(|at| names.iter().nth(at).unwrap());
    let own = |writer: &mut value::Writer<'_>| {
        use tracing::field::Visit as _;
        writer.record_u64(&first, number);
        writer.record_debug(&second, &Shown(text));
    };
    arena.push(
        &METADATA,
        number,
        |writer| writer.around("span", span.as_bytes()),
        own,
    );
}

struct Shown<'a>(&'a str);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| write!(f, "{letter}"))
    }
}

/// Number, text, span's field and whether something was cut.
fn read(event: Event<'_>) -> (u64, String, Option<String>, bool) {
    let (mut number, mut text) = (None, String::new());
    let cut = value::fields(METADATA.fields(), event.fields, |name, value| match value {
        Value::Unsigned(value) if name == "number" => number = Some(value),
        Value::Text(value) if name == "text" => text = value.into(),
        other => panic!("{name} {other:?}"),
    });
    let span = value::around(event.around).next();
    let span = span.map(|(name, json)| {
        assert_eq!(name, "span");
        json.to_owned()
    });
    (number.unwrap(), text, span, cut)
}

proptest! {
    #[test]
    fn order_is_kept_the_beginning_stays_and_the_bound_holds(
        bytes in LEAST..20_000,
        events in prop::collection::vec((any::<char>(), 0..900_usize, 0..4_u8), 0..100),
        reused: bool,
    ) {
        let text = |(letter, length, _): &(char, usize, u8)| letter.to_string().repeat(*length);
        let mut arena = Arena::new(bytes);
        if reused {
            for number in 0..50 {
                push(&mut arena, number, "earlier", "0");
            }
            arena.clear();
        }
        prop_assert!(arena.is_empty() && arena.used() == 0);
        for (number, event) in events.iter().enumerate() {
            push(&mut arena, number as u64, &text(event), &event.2.to_string());
            prop_assert!(arena.used() <= bytes, "{} of {bytes}", arena.used());
        }
        let beginning: Vec<_> = arena.beginning().map(read).collect();
        let end: Vec<_> = arena.end().map(read).collect();
        prop_assert_eq!(arena.len(), (beginning.len() + end.len()) as u64);
        prop_assert_eq!(arena.len() + arena.left_out(), events.len() as u64);
        let places = (0..beginning.len()).chain(events.len() - end.len()..events.len());
        for (at, (number, kept, span, cut)) in places.zip(beginning.iter().chain(&end)) {
            let whole = text(&events[at]);
            prop_assert_eq!(*number, at as u64);
            prop_assert!(whole.starts_with(kept.as_str()));
            prop_assert_eq!(*cut, kept.len() < whole.len());
            let around = events[at].2.to_string();
            prop_assert_eq!(span.as_deref(), Some(around.as_str()));
        }
        prop_assert!(events.is_empty() || !beginning.is_empty());
        if arena.left_out() > 0 {
            prop_assert!(!end.is_empty());
        }
    }

    #[test]
    fn no_bytes_panic_the_reader(bytes: Vec<u8>) {
        value::fields(METADATA.fields(), &bytes, |_, _| ());
        prop_assert!(value::around(&bytes).count() <= bytes.len());
    }
}
