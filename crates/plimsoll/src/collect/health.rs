//! Probes, checks and the drain, on the metrics page.

use plimsoll_core::names::{self, label};
use plimsoll_health::{Drain, Health};
use plimsoll_telemetry::metrics::Page;

pub(super) fn write(page: &mut Page, health: &Health) {
    page.family(names::HEALTH_PROBE, "gauge", "1 while a probe answers 200.");
    for (probe, passes) in health.probes() {
        let labels = [(label::PROBE, probe)];
        page.sample(names::HEALTH_PROBE, &labels, u8::from(passes));
    }
    gauge(
        page,
        names::STARTUP_PENDING,
        "Steps of starting up that are not done.",
        health.pending() as u64,
    );
    checks(page, health);
    drain(page, health.drain());
    gauge(
        page,
        names::HEALTH_WATCHES,
        "Streams of gRPC's health Watch that are open.",
        health.watches(),
    );
    let help = "Streams of gRPC's health Watch that found no room.";
    page.family(names::HEALTH_WATCHES_REFUSED, "counter", help);
    page.sample(names::HEALTH_WATCHES_REFUSED, &[], health.watches_refused());
}

fn checks(page: &mut Page, health: &Health) {
    let checks = health.stats();
    let help = "1 passing, 0.5 wavering or old, 0 failing.";
    page.family(names::CHECK_STATUS, "gauge", help);
    for check in &checks {
        let labels = [(label::CHECK, &*check.check), (label::EFFECT, check.effect)];
        page.sample(names::CHECK_STATUS, &labels, check.status);
    }
    let help = "Seconds since the evidence of a check was taken.";
    page.family(names::CHECK_AGE, "gauge", help);
    for check in &checks {
        if let Some(age) = check.age_seconds {
            page.sample(names::CHECK_AGE, &[(label::CHECK, &check.check)], age);
        }
    }
    let help = "Seconds the last run of a check took.";
    page.family(names::CHECK_DURATION, "gauge", help);
    for check in &checks {
        if let Some(took) = check.duration_seconds {
            page.sample(names::CHECK_DURATION, &[(label::CHECK, &check.check)], took);
        }
    }
    let help = "How often a check changed between failing and not.";
    page.family(names::CHECK_FLAPS, "counter", help);
    for check in &checks {
        let labels = [(label::CHECK, &*check.check)];
        page.sample(names::CHECK_FLAPS, &labels, check.flaps);
    }
}

fn drain(page: &mut Page, drain: &Drain) {
    gauge(
        page,
        names::DRAINING,
        "1 while the service drains.",
        u64::from(drain.is_draining()),
    );
    gauge(
        page,
        names::DRAIN_IN_FLIGHT,
        "Requests and upgraded connections that a drain would wait for.",
        drain.in_flight(),
    );
    gauge(
        page,
        names::DRAIN_UPGRADED,
        "Upgraded connections among them.",
        drain.upgraded(),
    );
    let help = "Requests refused after the drain deadline.";
    page.family(names::DRAIN_REFUSED, "counter", help);
    page.sample(names::DRAIN_REFUSED, &[], drain.refused());
}

fn gauge(page: &mut Page, name: &str, help: &str, value: u64) {
    page.family(name, "gauge", help);
    page.sample(name, &[], value);
}
