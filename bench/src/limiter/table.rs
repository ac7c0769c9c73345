//! This section of the tables.

use std::fmt::{self, Write as _};

use super::Limiters;
use crate::table::section;

/// The section's tables.
///
/// # Errors
///
/// Never: a string can be written to.
pub fn show(out: &mut String, limiters: &Limiters) -> fmt::Result {
    let Limiters { taken, rounds, .. } = limiters;
    section(
        out,
        &format!(
            "Limits in process beside governor: millions of decisions a second, {rounds} \
             alternating rounds: median (min-max)"
        ),
        &[
            "keys",
            "threads",
            "time",
            "ours",
            "governor",
            "ours by governor's",
        ],
        limiters.races.iter().map(|race| {
            vec![
                race.keys.clone(),
                race.threads.to_string(),
                if race.time_given {
                    "given"
                } else {
                    "own clock"
                }
                .into(),
                race.ours.show(1),
                race.governor.show(1),
                race.ratio.show(2),
            ]
        }),
    )?;
    section(
        out,
        "Single decisions over a million keys in ns, two clock readings included: with and \
         without keys that are reclaimed",
        &[
            "limiter",
            "p50 without",
            "p99.99 without",
            "worst without",
            "p50 with",
            "p99.99 with",
            "worst with",
        ],
        limiters.reclaims.iter().map(|row| {
            let numbers = [row.without, row.with];
            let numbers = numbers.map(|it| [it.p50, it.p9999, it.worst].map(|n| n.to_string()));
            let mut cells = vec![row.who.clone()];
            cells.extend(numbers.into_iter().flatten());
            cells
        }),
    )?;
    section(
        out,
        "A key and a decision",
        &[
            "limiter",
            "resident bytes a key at 1,000,000 keys of 16 to 40 bytes",
            "instructions of a decision on a resident key",
        ],
        limiters.costs.iter().map(|row| {
            vec![
                row.who.clone(),
                format!("{:.1}", row.bytes_per_key),
                format!("{:.0}", row.instructions),
            ]
        }),
    )?;
    writeln!(out, "\nLimits were taken {taken} UTC.")
}
