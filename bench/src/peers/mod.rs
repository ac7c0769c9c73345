//! What services are built of without us: the latest crates, each as its own
//! documentation shows it.

mod access;
mod careful;
mod lean;
mod parts;
mod signals;

use plimsoll_bench_ours::stack::Stack;

/// The two whole stacks, and their parts alone.
pub const STACKS: &[Stack] = &[
    Stack {
        name: "careful",
        what: "tower-http trace, request id, catch-panic, timeout; tracing-subscriber JSON; tracing-opentelemetry; axum-prometheus; tower_governor; sentry-tower",
        build: careful::build,
    },
    Stack {
        name: "lean",
        what: "the same crates and duties; the access log is one event outside every span",
        build: lean::build,
    },
    Stack {
        name: "peer-guards",
        what: "tower-http request id, catch-panic, timeout",
        build: parts::guards,
    },
    Stack {
        name: "peer-limit",
        what: "tower_governor",
        build: parts::limit,
    },
    Stack {
        name: "peer-metrics",
        what: "axum-prometheus",
        build: parts::metrics,
    },
    Stack {
        name: "peer-sentry",
        what: "sentry-tower, and no error",
        build: parts::sentry,
    },
    Stack {
        name: "peer-log",
        what: "tower-http trace and tracing-subscriber JSON: the event has the span's fields",
        build: parts::log,
    },
    Stack {
        name: "peer-plainlog",
        what: "one event with all fields and tracing-subscriber JSON, no span",
        build: parts::plain_log,
    },
    Stack {
        name: "peer-trace",
        what: "tower-http trace and tracing-opentelemetry",
        build: parts::trace,
    },
];
