//! The card service's journeys as a load test with a verdict.

use std::process::ExitCode;

use plimsoll_loadtest::journeys::card;

fn main() -> ExitCode {
    plimsoll_loadtest::main(card::scenarios(card::ACCOUNTS))
}
