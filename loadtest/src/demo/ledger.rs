//! What the service says of itself at its end.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The report in the log line `ledger`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Ledger {
    /// Whether every signal adds up, by the service's own reckoning.
    pub(super) balances: bool,
    /// `started`, `in_flight`, and a count for each outcome.
    pub(super) requests: BTreeMap<String, u64>,
}

impl Ledger {
    /// Out of one line of the service's log, if it is the one.
    pub(super) fn read(line: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Line {
            message: String,
            report: Ledger,
        }
        let line: Line = serde_json::from_str(line).ok()?;
        (line.message == "ledger").then_some(line.report)
    }

    /// Requests that were begun.
    pub(super) fn started(&self) -> u64 {
        self.requests.get("started").copied().unwrap_or(0)
    }

    /// Requests that came to an end, whatever end.
    pub(super) fn ended(&self) -> u64 {
        let ends = self
            .requests
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "started" | "in_flight"));
        ends.map(|(_, count)| count).sum()
    }

    /// Reckons again; what does not add up.
    pub(super) fn fault(&self, answered: u64) -> Option<String> {
        let (started, ended) = (self.started(), self.ended());
        if !self.balances {
            return Some("the service says that its ledger does not balance".to_owned());
        }
        if started != ended {
            return Some(format!("{started} requests started, {ended} ended"));
        }
        (started != answered).then(|| {
            format!("the service started {started} requests, the client has {answered} answers")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(balances: bool, started: u64, success: u64, fault: u64) -> String {
        format!(
            r#"{{"time":"2026-11-21T05:09:08Z","message":"ledger","report":{{"balances":{balances},"requests":{{"started":{started},"in_flight":0,"success":{success},"fault":{fault}}},"logs":{{"produced":9,"exports":{{"succeeded":1,"seconds":0.5}}}}}}}}"#
        )
    }

    #[test]
    fn a_ledger_that_adds_up_has_no_fault() {
        let ledger = Ledger::read(&line(true, 10, 7, 3)).expect("a ledger");
        assert_eq!(ledger.fault(10), None);
    }

    #[test]
    fn each_way_not_to_add_up_is_told() {
        let fault = |line: &str, answered| Ledger::read(line).expect("a ledger").fault(answered);
        assert!(fault(&line(false, 10, 7, 3), 10).is_some());
        assert!(fault(&line(true, 10, 7, 2), 10).is_some_and(|why| why.contains("9 ended")));
        assert!(fault(&line(true, 10, 7, 3), 11).is_some_and(|why| why.contains("11 answers")));
    }

    #[test]
    fn other_lines_are_no_ledger() {
        assert_eq!(Ledger::read("listening"), None);
        assert_eq!(Ledger::read(r#"{"message":"draining"}"#), None);
    }
}
