//! Processes that share a store, and what they are asked.

use std::convert::Infallible;
use std::time::Duration;

use http::{Request, Response};
use plimsoll_core::Clock;
use plimsoll_core::peer::{PeerAddr, Trust};
use plimsoll_ratelimit::shared::{SharedLayer, SharedLimiter, Source};
use plimsoll_ratelimit::store::Redis;
use plimsoll_ratelimit::{Lease, Limit, Outage, Quota};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// Cells of a client; none comes back within a test.
pub(crate) const BURST: u32 = 40;

/// Cells that a process with leases holds.
pub(crate) const HELD: u32 = 5;

pub(crate) fn limit(outage: Outage) -> Limit {
    let limit = Limit::per_client()
        .quota(Quota::per_hour(1).burst(BURST))
        .outage(outage);
    match outage {
        Outage::LastLease => limit.leased(Lease::lasting(Duration::from_mins(1)).at_most(HELD)),
        _ => limit,
    }
}

/// A process of a fleet.
pub(crate) fn process(url: &str, limit: Limit, deadline: Duration) -> SharedLimiter {
    let store = Redis::open(url).unwrap().deadline(deadline);
    SharedLimiter::new([limit], store, Clock::system(), Trust::nobody()).unwrap()
}

/// What a request of a client is answered.
pub(crate) async fn ask(limiter: &SharedLimiter, client: u32) -> u16 {
    let handler =
        service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(String::from("card"))));
    let service = SharedLayer::new(limiter.clone()).layer(handler);
    let peer = PeerAddr((client.to_be_bytes(), 4711).into());
    let request = Request::builder().extension(peer).body(()).unwrap();
    service.oneshot(request).await.unwrap().status().as_u16()
}

/// How many of so many requests of a client had this answer.
pub(crate) async fn answered(limiter: &SharedLimiter, client: u32, count: u32, status: u16) -> u32 {
    let mut same = 0;
    for _ in 0..count {
        same += u32::from(ask(limiter, client).await == status);
    }
    same
}

/// How often this process decided so.
pub(crate) fn counted(limiter: &SharedLimiter, source: Source) -> u64 {
    let sources = limiter.sources();
    let same = sources.iter().find(|stat| stat.source == source);
    same.unwrap().count
}
