//! Our stacks, and those without us that they are compared with.

use std::time::Duration;

use plimsoll::{Criticality, Limit, Mode, Overload, Ownership, Part, Plimsoll, Quota, Telemetry};
use plimsoll_errors::ErrorsLayer;
use plimsoll_ratelimit::{ConcurrencyLayer, Limiter, RateLimitLayer, TimeoutLayer};
use plimsoll_telemetry::{Builder, Format};
use tower_layer::Identity;

use crate::Fault;
use crate::probed::{Asked, ProbedLayer};
use crate::stack::{Built, Setup, Stack, log_output};
use crate::workload::app;
use crate::wrapped::WrappedLayer;

const SERVICE: &str = "card-service";

/// A DSN at which nobody listens: no request here fails, so nothing is sent.
pub const DSN: &str = "http://public@127.0.0.1:9/1";

/// How long the last flush may take; under Valgrind everything is slow.
pub const FLUSH: Duration = Duration::from_mins(2);

/// A quota that never denies: the highest there is.
const QUOTA: Quota = Quota::per_second(1_000_000).burst(1_000_000);

/// Every stack that needs no crate but ours.
pub const STACKS: &[Stack] = &[
    Stack {
        name: "none",
        what: "no service: the making of a request alone",
        build: |_| {
            Ok(Built {
                app: None,
                finish: Box::new(|| Ok(0)),
            })
        },
    },
    Stack {
        name: "bare",
        what: "axum and the handler",
        build: |setup| Built::silent(app(setup.events)),
    },
    Stack {
        name: "identity",
        what: "a layer that is not there: what `Router::layer` itself costs",
        build: |setup| Built::silent(app(setup.events).layer(Identity::new())),
    },
    Stack {
        name: "wrapped",
        what: "a layer with an own future and body, and nothing in them",
        build: |setup| Built::silent(app(setup.events).layer(WrappedLayer)),
    },
    Stack {
        name: "ours-probe",
        what: "axum and the handler, and beside it a decision whether eight checks are fine",
        build: |setup| {
            let layer = ProbedLayer::new(Asked::Decision)?;
            Built::silent(app(setup.events).layer(layer))
        },
    },
    Stack {
        name: "ours-probe-text",
        what: "axum and the handler, and beside it the whole answer to /readyz",
        build: |setup| {
            let layer = ProbedLayer::new(Asked::Text)?;
            Built::silent(app(setup.events).layer(layer))
        },
    },
    Stack {
        name: "ours",
        what: "the whole facade: every signal, limit, timeout, error shape; all modes enforce",
        build: |setup| whole(setup, Mode::Enforce),
    },
    Stack {
        name: "ours-observe",
        what: "the whole facade; all modes observe",
        build: |setup| whole(setup, Mode::Observe),
    },
    Stack {
        name: "ours-lean",
        what: "the whole facade, spans of unsampled requests refused; all modes enforce",
        build: |setup| whole_with(setup, Mode::Enforce, |on| on.lean(true)),
    },
    Stack {
        name: "ours-record",
        what: "telemetry with every signal off: the record, the ids, the header",
        build: |setup| part(setup, off),
    },
    Stack {
        name: "ours-metrics",
        what: "telemetry with metrics alone",
        build: |setup| part(setup, |on, _| off(on, setup).metrics(Ownership::Own)),
    },
    Stack {
        name: "ours-log",
        what: "telemetry with logs alone: one access line a request",
        build: |setup| part(setup, |on, _| off(on, setup).logs(Ownership::Own)),
    },
    Stack {
        name: "ours-trace",
        what: "telemetry with traces alone",
        build: |setup| part(setup, |on, _| off(on, setup).traces(Ownership::Own)),
    },
    Stack {
        name: "ours-trace-lean",
        what: "telemetry with traces alone, spans of unsampled requests refused",
        build: |setup| {
            part(setup, |on, _| {
                off(on, setup).traces(Ownership::Own).lean(true)
            })
        },
    },
    Stack {
        name: "ours-sentry",
        what: "telemetry with Sentry alone, and no error",
        build: |setup| part(setup, |on, _| off(on, setup).sentry(Ownership::Own)),
    },
    Stack {
        name: "ours-guards",
        what: "telemetry with every signal off (request id), catch-panic with error shape, timeout",
        build: |setup| {
            let telemetry = telemetry(setup, off)?;
            // One `Router::layer`, as the facade has: each costs an axum box or two.
            let layers = (
                telemetry.layer(),
                ErrorsLayer::new(),
                TimeoutLayer::default(),
            );
            let app = app(setup.events).layer(layers);
            Built::new(app, move || Ok(telemetry.shutdown(FLUSH).lost()))
        },
    },
    Stack {
        name: "ours-errors",
        what: "telemetry with every signal off (request id), catch-panic with error shape",
        build: |setup| {
            let telemetry = telemetry(setup, off)?;
            let layers = (telemetry.layer(), ErrorsLayer::new());
            let app = app(setup.events).layer(layers);
            Built::new(app, move || Ok(telemetry.shutdown(FLUSH).lost()))
        },
    },
    Stack {
        name: "ours-limit",
        what: "telemetry with every signal off, and a limit per client",
        build: |setup| {
            let telemetry = telemetry(setup, off)?;
            // As the facade does it.
            let clock = telemetry.clock().clone();
            let limits = vec![Limit::per_client().quota(QUOTA)];
            let limiter = Limiter::new(limits, clock, plimsoll::Trust::nobody())?;
            let limit = RateLimitLayer::new(limiter).clocked_by_record();
            let layers = (telemetry.layer(), limit);
            let app = app(setup.events).layer(layers);
            Built::new(app, move || Ok(telemetry.shutdown(FLUSH).lost()))
        },
    },
    Stack {
        name: "ours-concurrency",
        what: "telemetry with every signal off, and a concurrency limit",
        build: |setup| concurrency(setup, None),
    },
    Stack {
        name: "ours-overload",
        what: "the same, which sheds by the criticality of routes and by what trusted callers say",
        build: |setup| concurrency(setup, Some(overload())),
    },
];

fn overload() -> Overload {
    let overload = Overload::new()
        .header("x-criticality")
        .deadline_header("x-request-timeout-ms");
    ["/accounts/{id}", "/cards/{id}", "/invoices/{id}", "/spends"]
        .into_iter()
        .fold(overload, |all, route| {
            all.route(route, Criticality::Sheddable)
        })
}

fn concurrency(setup: &Setup, overload: Option<Overload>) -> Result<Built, Fault> {
    let telemetry = telemetry(setup, off)?;
    let mut layer = ConcurrencyLayer::default();
    if let Some(overload) = overload {
        layer = layer.overload(&overload)?;
    }
    let app = app(setup.events).layer((telemetry.layer(), layer));
    Built::new(app, move || Ok(telemetry.shutdown(FLUSH).lost()))
}

fn whole(setup: &Setup, mode: Mode) -> Result<Built, Fault> {
    whole_with(setup, mode, |on| on)
}

fn whole_with(
    setup: &Setup,
    mode: Mode,
    change: impl FnOnce(Builder) -> Builder,
) -> Result<Built, Fault> {
    let output = log_output()?;
    let (otlp, ratio) = (setup.otlp.clone(), setup.sampling);
    let plimsoll = Plimsoll::builder(SERVICE)
        .limit(Limit::per_client().quota(QUOTA))
        .mode_of_all(mode)
        .telemetry(|on| change(own(on, output, otlp, ratio)))
        .install()?;
    for part in Part::ALL {
        if plimsoll.rollout().mode(part) != mode {
            return Err(format!("{part:?} is not in mode {mode:?}").into());
        }
    }
    no_warnings(plimsoll.telemetry())?;
    let app = app(setup.events).layer(plimsoll.layer());
    Built::new(app, move || Ok(plimsoll.shutdown(FLUSH).lost()))
}

fn own(on: Builder, output: std::fs::File, otlp: String, ratio: f64) -> Builder {
    // An event at every request is no fault of a callsite here; every line is paid for.
    on.log_callsite(None)
        .format(Format::Json)
        .log_output(output)
        // All lines of a run come from one callsite, faster than any should.
        .log_callsite(None)
        .otlp(otlp)
        .sample_ratio(ratio)
        .sentry_dsn(DSN)
}

fn off(on: Builder, _: &Setup) -> Builder {
    on.logs(Ownership::Off)
        .metrics(Ownership::Off)
        .traces(Ownership::Off)
        .sentry(Ownership::Off)
}

fn telemetry(
    setup: &Setup,
    choose: impl FnOnce(Builder, &Setup) -> Builder,
) -> Result<Telemetry, Fault> {
    let on = own(
        Telemetry::builder(SERVICE),
        log_output()?,
        setup.otlp.clone(),
        setup.sampling,
    );
    let telemetry = choose(on, setup).build()?;
    telemetry.install()?;
    no_warnings(&telemetry)?;
    Ok(telemetry)
}

fn part(setup: &Setup, choose: impl FnOnce(Builder, &Setup) -> Builder) -> Result<Built, Fault> {
    let telemetry = telemetry(setup, choose)?;
    let app = app(setup.events).layer(telemetry.layer());
    Built::new(app, move || Ok(telemetry.shutdown(FLUSH).lost()))
}

/// A setting that did not hold would measure something else.
fn no_warnings(telemetry: &Telemetry) -> Result<(), Fault> {
    match telemetry.warnings().first() {
        None => Ok(()),
        Some(warning) => Err(warning.to_string().into()),
    }
}
