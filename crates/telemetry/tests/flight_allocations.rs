//! The flight recorder allocates nothing for a request that ends well.
#![expect(clippy::unwrap_used, reason = "a test: a failure is the answer")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Ready, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use plimsoll_telemetry::{Format, Ownership, Telemetry};
use tower::{Layer as _, ServiceExt as _};
use tracing_subscriber::layer::SubscriberExt as _;

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

#[expect(
    unsafe_code,
    reason = "an allocator is one; calls are passed on as they came"
)]
// SAFETY: the system's allocator does the work, under the same contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

type Answer = Result<Response<Empty<Bytes>>, Infallible>;

fn handler(loud: bool) -> Ready<Answer> {
    if loud {
        for step in 0..5_u64 {
            tracing::debug!(step, card = %"crd_1", list = ?[1, 2], "reading {}", "a card");
            tracing::trace!(target: "hyper::proto", "a frame");
        }
    }
    ready(Ok(Response::new(Empty::new())))
}

/// Allocations of 500 requests on this thread.
async fn allocations(telemetry: &Telemetry, loud: bool) -> u64 {
    let service = tower::service_fn(move |_: Request<Empty<Bytes>>| handler(loud));
    let service = telemetry.layer().layer(service);
    let before = COUNT.get();
    for _ in 0..500 {
        let request = Request::new(Empty::new());
        let answer = service.clone().oneshot(request).await.unwrap();
        answer.into_body().collect().await.unwrap();
    }
    COUNT.get() - before
}

#[tokio::test]
async fn five_debug_events_of_a_request_that_ends_well_allocate_nothing() {
    let telemetry = Telemetry::builder("card-service")
        .env([])
        .format(Format::Json)
        .log_output(std::io::sink())
        .metrics(Ownership::Off)
        .traces(Ownership::Off)
        .build()
        .unwrap();
    let subscriber = tracing_subscriber::registry().with(telemetry.tracing_layer());
    let _guard = tracing::subscriber::set_default(subscriber);
    allocations(&telemetry, true).await;
    let (quiet, loud) = (
        allocations(&telemetry, false).await,
        allocations(&telemetry, true).await,
    );
    // The log's buffer may grow in either.
    assert!(
        loud.abs_diff(quiet) < 50,
        "500 requests: {quiet} and {loud}"
    );
}
