//! Outgoing calls, and work in other tasks, stand in the request's trace.

use axum::Router;
use axum::routing::get as on_get;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;

use crate::support::{get, instance, serve};

const NOBODY: &str = "http://127.0.0.1:9/v1/traces";

#[tokio::test]
async fn work_in_a_spawned_task_keeps_the_trace_sampled_or_not() {
    for ratio in [0.0, 1.0] {
        let (plimsoll, lines) = instance(|builder| {
            builder.telemetry(|telemetry| telemetry.otlp(NOBODY).sample_ratio(ratio))
        });
        let seen = async || {
            let work = plimsoll::carry(async {
                tokio::task::yield_now().await;
                let context = Context::current();
                let trace = context.span().span_context().trace_id();
                let ids = plimsoll::current().unwrap();
                format!("{} {trace}", ids.request_id)
            });
            let seen = tokio::spawn(work).await.unwrap();
            let after = Context::current();
            assert!(after.has_active_span(), "the request's own context is back");
            seen
        };
        let app = Router::new().route("/", on_get(seen));
        let address = serve(app.layer(plimsoll.layer())).await;
        let answer = get(address, "/").await;
        let line = lines.requests(1).await.pop().unwrap();
        let text = |key: &str| line[key].as_str().unwrap();
        let expected = format!("{} {}", text("request_id"), text("trace_id"));
        assert!(answer.ends_with(&expected), "{ratio} {answer} {line}");
    }
}
