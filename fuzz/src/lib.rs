//! Any request through `Service::call` of a router with the whole layer, and the
//! judge of its answer.

mod app;
mod input;
mod judge;

pub use input::Input;

use std::sync::OnceLock;

use app::{Apps, PLANTED};
use http_body_util::BodyExt as _;
use judge::Asked;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

struct World {
    runtime: Runtime,
    apps: Apps,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World {
        runtime: Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime"),
        apps: Apps::new(),
    })
}

/// Says nothing of the panics that handlers are made to have; every other panic is
/// told, and is the end of the run.
pub fn quiet_planted_panics() {
    std::panic::set_hook(Box::new(|panic| {
        if panic.payload_as_str() != Some(PLANTED) {
            eprintln!("{panic}");
        }
    }));
}

/// Sends it and judges the answer.
///
/// # Panics
///
/// When an answer is outside the shape, or a panic comes out of the service.
pub fn check(input: &Input<'_>) {
    // What `http` refuses to build cannot be asked.
    let Some(request) = input.request() else {
        return;
    };
    let world = world();
    let asked = Asked::of(input, &request);
    let app = world.apps.of(input.all).clone();
    let (head, body) = world.runtime.block_on(async {
        let answer = app.oneshot(request).await;
        let (head, body) = answer.unwrap_or_else(|never| match never {}).into_parts();
        let body = body.collect().await.expect("a body that ends");
        (head, body.to_bytes())
    });
    judge::judge(&asked, &head, &body);
}
