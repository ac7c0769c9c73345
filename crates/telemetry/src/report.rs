//! The closing balance.

use std::fmt;

use plimsoll_core::Outcome;

use crate::ledger::Balance;

/// Requests started, finished and in flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requests {
    /// Whose call began.
    pub started: u64,
    /// Between call and end of body.
    pub in_flight: u64,
    /// Finished, by outcome.
    pub by_outcome: [(Outcome, u64); Outcome::ALL.len()],
}

impl Requests {
    /// Whether every request is accounted for.
    pub fn holds(&self) -> bool {
        let finished: u64 = self.by_outcome.iter().map(|(_, count)| count).sum();
        self.started == finished + self.in_flight
    }
}

/// What a shutdown left behind, per signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The requests.
    pub requests: Requests,
    /// The ledger of each signal that is ours.
    pub signals: Vec<(&'static str, Balance)>,
}

impl Report {
    /// Whether requests and every ledger balance.
    pub fn holds(&self) -> bool {
        self.requests.holds() && self.signals.iter().all(|(_, balance)| balance.holds())
    }

    /// Everything lost, over all signals.
    pub fn lost(&self) -> u64 {
        self.signals.iter().map(|(_, balance)| balance.lost()).sum()
    }
}

impl fmt::Display for Report {
    /// One JSON object.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests = &self.requests;
        write!(
            f,
            r#"{{"balances":{},"requests":{{"started":{},"in_flight":{}"#,
            self.holds(),
            requests.started,
            requests.in_flight
        )?;
        for (outcome, count) in requests.by_outcome {
            write!(f, r#","{}":{count}"#, outcome.as_str())?;
        }
        f.write_str("}")?;
        for (signal, balance) in &self.signals {
            write!(
                f,
                r#","{signal}":{{"produced":{},"delivered":{},"pending":{}"#,
                balance.produced, balance.delivered, balance.pending
            )?;
            for (index, reason) in crate::ledger::reasons() {
                write!(
                    f,
                    r#","dropped_{}":{}"#,
                    reason.as_str(),
                    balance.dropped[index]
                )?;
            }
            f.write_str("}")?;
        }
        f.write_str("}")
    }
}
