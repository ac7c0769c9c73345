//! A host that keeps its tracer to itself: Plimsoll has none to join, and takes
//! none of the host's spans away.
#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

#[path = "guest/recording.rs"]
mod recording;

use guest_service::{after, before};
use plimsoll::Ownership::Join;
use plimsoll::Plimsoll;
use recording::{Tracer, ask, get, record, told};

#[test]
fn no_span_is_lost_where_the_tracer_is_not_the_global_one() {
    let plimsoll = Plimsoll::builder("orders").env(Vec::new).signals(Join);
    let plimsoll = plimsoll.build().unwrap();
    let asked = async |app| ask(&app, get("/orders/1")).await;
    let before = record(Tracer::NotGlobal, before::app, asked);
    let after = record(Tracer::NotGlobal, |host| after::app(host, plimsoll), asked);
    let had = told(&before.spans, "orders");
    assert_eq!(had, told(&after.spans, "orders"));
    assert!(had.len() > 1, "{had:?}");
    assert_eq!(before.answers.body, after.answers.body);
    assert_eq!(before.lines.len() + 1, after.lines.len());
    assert!(
        !after.page.contains("plimsoll"),
        "the recorder is the host's"
    );
}
