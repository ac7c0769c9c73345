//! The budget of our counts: `bench/budget.toml`, written by the tool, read by
//! the test that holds it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use crate::Fault;
use crate::measure::Bench;
use crate::rows::{self, Counts, OURS_ROWS};

/// How far over the budget a count may be, by share and by number.
#[derive(Debug, Clone, Copy)]
struct Slack {
    share: f64,
    number: f64,
}

/// A row of a hundred instructions cannot be held to 3 %: the C library copies memory
/// by other instructions on another processor, and two runs of one build differ too.
const INSTRUCTIONS: Slack = Slack {
    share: 0.03,
    number: 150.0,
};
const ALLOCATIONS: Slack = Slack {
    share: 0.03,
    number: 0.05,
};

/// With every span kept at full speed, how the exporting thread and the request's
/// take turns decides how large the batches are and how soon records come back; a
/// record that did not come back in time is made anew on the request's thread.
const SAMPLED_INSTRUCTIONS_OWN: Slack = Slack {
    share: 0.03,
    number: 600.0,
};
const SAMPLED_INSTRUCTIONS_ALL: Slack = Slack {
    share: 0.1,
    number: 60.0,
};
const SAMPLED_ALLOCATIONS: Slack = Slack {
    share: 0.03,
    number: 4.0,
};

/// How the budget is written anew.
const COMMAND: &str = "make budget-write";

type Budget = BTreeMap<String, Counts>;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../budget.toml")
}

fn measure(requests: u64, say: &(dyn Fn(&str) + Sync)) -> Result<Budget, Fault> {
    let bench = Bench::start()?;
    let cases = rows::cases(OURS_ROWS);
    let counted = rows::count_all(&bench, &cases, requests, &|case| say(&case.to_string()))?;
    OURS_ROWS
        .iter()
        .map(|row| Ok((row.name.to_owned(), rows::of(row, &counted)?)))
        .collect()
}

/// Measures and writes the budget; says each case that is done.
///
/// # Errors
///
/// When it cannot be measured or written.
pub fn write(requests: u64, say: &(dyn Fn(&str) + Sync)) -> Result<String, Fault> {
    let budget = measure(requests, say)?;
    let mut text = format!(
        "# What Plimsoll may add to a request, per row of `bench/ours/src/rows.rs`: instructions by
# callgrind, and heap allocations, on the request's thread (own) and on all.
# Written by `{COMMAND}` with N = {requests}; `make budget` fails at 3 % over.\n"
    );
    for row in OURS_ROWS {
        let counts = &budget[row.name];
        write!(
            text,
            "\n[{:?}]\ninstructions_own = {:.0}.0\ninstructions_all = {:.0}.0\nallocations_own = {:.2}\nallocations_all = {:.2}\n",
            row.name,
            counts.instructions_own,
            counts.instructions_all,
            counts.allocations_own,
            counts.allocations_all
        )?;
    }
    std::fs::write(path(), &text)?;
    Ok(text)
}

/// What a check found.
#[derive(Debug)]
pub struct Verdict {
    /// A line for each count of each row.
    pub lines: Vec<String>,
    /// What is over the budget, and what to do.
    pub faults: Vec<String>,
}

/// Measures and compares with the budget.
///
/// # Errors
///
/// When it cannot be measured, or the budget is not the one of these rows.
pub fn check(requests: u64, say: &(dyn Fn(&str) + Sync)) -> Result<Verdict, Fault> {
    let path = path();
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("{}: {error}; `{COMMAND}` writes it", path.display()))?;
    let budget: Budget = toml::from_str(&text)
        .map_err(|error| format!("{}: {error}`{COMMAND}` writes it anew", path.display()))?;
    Ok(compare(&budget, &measure(requests, say)?))
}

fn compare(budget: &Budget, measured: &Budget) -> Verdict {
    let mut verdict = Verdict {
        lines: Vec::new(),
        faults: Vec::new(),
    };
    let rows: BTreeSet<_> = measured.keys().chain(budget.keys()).collect();
    for row in rows {
        let (Some(allowed), Some(found)) = (budget.get(row), measured.get(row)) else {
            let fault = format!("{row}: is in the budget or measured, but not both; `{COMMAND}`");
            verdict.faults.push(fault);
            continue;
        };
        let sampled = OURS_ROWS
            .iter()
            .any(|known| known.name == row && known.case.sampling >= 1.0);
        let (instructions_own, instructions_all, allocations) = if sampled {
            (
                SAMPLED_INSTRUCTIONS_OWN,
                SAMPLED_INSTRUCTIONS_ALL,
                SAMPLED_ALLOCATIONS,
            )
        } else {
            (INSTRUCTIONS, INSTRUCTIONS, ALLOCATIONS)
        };
        let counts = [
            (
                "instructions, request's thread",
                found.instructions_own,
                allowed.instructions_own,
                instructions_own,
            ),
            (
                "instructions, all threads",
                found.instructions_all,
                allowed.instructions_all,
                instructions_all,
            ),
            (
                "allocations, request's thread",
                found.allocations_own,
                allowed.allocations_own,
                allocations,
            ),
            (
                "allocations, all threads",
                found.allocations_all,
                allowed.allocations_all,
                allocations,
            ),
        ];
        for (what, found, allowed, slack) in counts {
            let line = format!("{row}: {what}: {found:.2}, budget {allowed:.2}");
            let most = allowed + (allowed.abs() * slack.share).max(slack.number);
            if found > most {
                verdict.faults.push(format!(
                    "{line}, at most {most:.2}; if it is meant to cost more, `{COMMAND}` and say why in the commit"
                ));
            }
            verdict.lines.push(line);
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(instructions: f64, allocations: f64) -> Budget {
        let counts = Counts {
            instructions_own: instructions,
            instructions_all: instructions,
            allocations_own: allocations,
            allocations_all: allocations,
        };
        Budget::from([("default".to_owned(), counts)])
    }

    #[test]
    fn three_percent_over_fails_and_names_row_budget_measure_and_command() {
        assert!(
            compare(&budget(10_000.0, 4.0), &budget(10_299.0, 4.0))
                .faults
                .is_empty()
        );
        let faults = compare(&budget(10_000.0, 4.0), &budget(10_301.0, 4.0)).faults;
        assert_eq!(faults.len(), 2);
        for part in ["default", "10301.00", "10000.00", COMMAND] {
            assert!(faults[0].contains(part), "{part} is not in {}", faults[0]);
        }
        assert_eq!(
            compare(&budget(10_000.0, 4.0), &budget(10_000.0, 4.2))
                .faults
                .len(),
            2
        );
    }

    #[test]
    fn a_row_without_a_budget_and_a_budget_without_a_row_fail() {
        let (some, none) = (budget(1.0, 1.0), Budget::new());
        assert_eq!(compare(&none, &some).faults.len(), 1);
        assert_eq!(compare(&some, &none).faults.len(), 1);
    }
}
