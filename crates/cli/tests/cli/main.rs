//! The real binary: results, exit codes and messages.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

mod common;
mod config;
mod cost;
mod docs;
mod errors;
mod load;
mod published;
mod slo;

use common::{code, out, plimsoll};

#[test]
fn every_command_has_help_with_examples_and_exit_codes() {
    for command in [
        &["slo", "rules"][..],
        &["slo", "check"],
        &["load", "run"],
        &["errors", "list"],
        &["errors", "explain"],
        &["errors", "coverage"],
        &["errors", "docs"],
        &["errors", "lock"],
        &["errors", "diff"],
        &["config", "check"],
        &["config", "print"],
        &["cost"],
        &["dashboards", "build"],
    ] {
        let help = plimsoll().args(command).arg("--help").output().unwrap();
        assert_eq!(code(&help), 0);
        let text = out(&help);
        assert!(text.contains("Examples:\n  plimsoll "), "{text}");
    }
}
