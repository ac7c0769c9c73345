//! What limits tell, read by parsers that are not ours.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test: a failure is the answer"
)]

mod examples;
mod npm;
mod structured;

use http::Request;
use plimsoll_core::peer::{PeerAddr, Trust};
use plimsoll_core::{Clock, Mode};
use plimsoll_ratelimit::limiter::Answer;
use plimsoll_ratelimit::{Answers, Limit, Limiter};

/// What is told of each of so many requests of one client at one time.
fn told(limits: Vec<Limit>, answers: Answers, requests: usize) -> Vec<(Limiter, Answer)> {
    let limiter = Limiter::with(limits, Clock::manual().0, Trust::nobody(), answers).unwrap();
    let peer = PeerAddr(([203, 0, 113, 9], 4711).into());
    let request = Request::builder().extension(peer).body(()).unwrap();
    let parts = request.into_parts().0;
    let ask = |_| (limiter.clone(), limiter.decide(&parts, Mode::Enforce));
    (0..requests).map(ask).collect()
}
