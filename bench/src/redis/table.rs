//! This section of the tables.

use std::fmt::{self, Write as _};

use super::Shared;
use crate::table::section;

/// The section's tables.
///
/// # Errors
///
/// Never: a string can be written to.
pub fn show(out: &mut String, shared: &Shared) -> fmt::Result {
    let Shared {
        taken,
        server,
        rounds,
        ..
    } = shared;
    section(
        out,
        &format!(
            "Limits shared through {server} on a core of its own, 100,000 keys, one \
             multiplexed connection, {rounds} alternating rounds: median (min-max)"
        ),
        &[
            "limiter",
            "concurrency",
            "decisions/s",
            "by the faster peer's",
            "p50 µs",
            "p99 µs",
            "server µs a decision",
            "without an answer in time",
        ],
        shared.exact.iter().map(|row| {
            vec![
                row.who.clone(),
                row.concurrency.to_string(),
                row.per_second.show(0),
                row.by_peer.show(2),
                row.p50_micros.show(0),
                row.p99_micros.show(0),
                row.server_micros.show(2),
                row.failures.to_string(),
            ]
        }),
    )?;
    if let Some(leased) = &shared.leased {
        section(
            out,
            "The same keys at 1,000/s each by leases of ten seconds",
            &[
                "decisions/s",
                "by ours exact at 64",
                "by the faster peer's at 64",
                "decisions for each step of the store",
            ],
            std::iter::once(vec![
                leased.per_second.show(0),
                leased.by_exact.show(1),
                leased.by_peer.show(1),
                leased.per_call.show(0),
            ]),
        )?;
    }
    if let Some(overshoot) = &shared.overshoot {
        writeln!(
            out,
            "\nTwo processes with leases that asked for one key at full speed admitted {} cells; \
             the quota says {}, the stated bound {} more.",
            overshoot.admitted, overshoot.quota, overshoot.bound
        )?;
    }
    writeln!(out, "\nShared limits were taken {taken} UTC.")
}
