//! The closing balance.

use std::fmt;

use plimsoll_core::Outcome;

use crate::exports::Outlet;
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
    /// Where each of them leaves the process.
    pub outlets: Vec<Outlet>,
}

impl Report {
    /// Whether requests and every ledger balance.
    pub fn holds(&self) -> bool {
        self.requests.holds() && self.signals.iter().all(|(_, balance)| balance.holds())
    }

    /// For people: one line that says of each signal what was delivered, what
    /// was lost and why, and whether it all adds up.
    pub fn summary(&self) -> String {
        use fmt::Write as _;
        let requests = &self.requests;
        let mut text = format!("requests: {} started", requests.started);
        if requests.in_flight > 0 {
            let _ = write!(text, ", {} in flight", requests.in_flight);
        }
        for (signal, balance) in &self.signals {
            let _ = write!(text, "; {signal}: {} delivered", balance.delivered);
            for (index, reason) in crate::ledger::reasons() {
                let count = balance.dropped[index];
                if count > 0 {
                    let _ = write!(text, ", {count} lost ({})", reason.as_str());
                }
            }
            if balance.pending > 0 {
                let _ = write!(text, ", {} pending", balance.pending);
            }
            if balance.surplus() != 0 {
                let _ = write!(text, ", {:+} unaccounted for", balance.surplus());
            }
        }
        text
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
            write!(f, r#","surplus":{}"#, balance.surplus())?;
            if let Some(outlet) = self.outlets.iter().find(|it| it.signal == *signal) {
                write_outlet(f, outlet)?;
            }
            f.write_str("}")?;
        }
        f.write_str("}")
    }
}

fn write_outlet(f: &mut fmt::Formatter<'_>, outlet: &Outlet) -> fmt::Result {
    write!(
        f,
        r#","queue":{{"depth":{},"capacity":{}}},"exports":{{"succeeded":{},"failed":{},"failed_in_a_row":{},"last_seconds":{},"seconds":{}"#,
        outlet.queue.depth,
        outlet.queue.capacity,
        outlet.succeeded,
        outlet.failed,
        outlet.failed_in_a_row,
        outlet.last_took.as_secs_f64(),
        outlet.took.as_secs_f64(),
    )?;
    if let Some(age) = outlet.last_success {
        write!(f, r#","last_success_age_seconds":{}"#, age.as_secs_f64())?;
    }
    f.write_str("}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exports::{Exports, Queue};
    use crate::ledger::{Ledger, Reason};
    use std::time::Duration;

    fn report() -> Report {
        let ledger = Ledger::default();
        ledger.produce(9);
        ledger.deliver(5);
        ledger.drop_for(Reason::ExportFailed, 2);
        let exports = Exports::default();
        exports.note(true, Duration::from_millis(250));
        Report {
            requests: Requests {
                started: 7,
                in_flight: 1,
                by_outcome: Outcome::ALL.map(|outcome| (outcome, 0)),
            },
            signals: vec![("traces", ledger.balance(1))],
            outlets: vec![exports.outlet("traces", Queue::default())],
        }
    }

    #[test]
    fn people_read_what_was_lost_and_by_how_much_it_does_not_add_up() {
        let expected = "requests: 7 started, 1 in flight; traces: 5 delivered, \
                        2 lost (export_failed), 1 pending, +1 unaccounted for";
        assert_eq!(report().summary(), expected);
    }

    #[test]
    fn machines_read_it_as_one_json_object() {
        let read: serde_json::Value = serde_json::from_str(&report().to_string()).unwrap();
        assert_eq!(read["balances"], false);
        assert_eq!(read["traces"]["surplus"], 1);
        assert_eq!(read["traces"]["exports"]["last_seconds"], 0.25);
    }
}
