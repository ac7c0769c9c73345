//! Do client and service tell of the same requests?
//!
//! Counted at rest with nobody else calling, an endpoint agrees when
//! `answered ≤ finished ≤ answered + unanswered`: each request that was answered
//! is one that the service finished, and one that got no answer (failed
//! connection, time-out, cut) may or may not have reached it. Requests cut before
//! they told their endpoint widen the upper bound of every endpoint; the same
//! rule over the sums counts them once.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_slo::Exposition;
use serde::Serialize;

use crate::evidence;
use crate::sample::Endpoint;
use crate::stats::{EndpointStats, Stats};

/// One endpoint, or their sum.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// `None` in the sum.
    pub endpoint: Option<Endpoint>,
    /// Requests that the client got an answer to.
    pub answered: u64,
    /// Requests of the client without an answer.
    pub unanswered: u64,
    /// Requests that the service finished meanwhile.
    pub finished: u64,
    /// Whether the two agree.
    pub agrees: bool,
}

/// Both sides compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Agreement {
    /// Every endpoint that either side counted, then the sum.
    pub rows: Vec<Row>,
    /// Whether all rows agree.
    pub agrees: bool,
}

/// Compares what the client counted with what the service counted between two scrapes.
pub fn compare(stats: &Stats, before: &Exposition, after: &Exposition) -> Agreement {
    let increase = increase(before, after);
    let unknown = Endpoint::unknown();
    let astray = stats
        .endpoints()
        .get(&unknown)
        .map_or(0, EndpointStats::unanswered);
    let called = stats
        .endpoints()
        .keys()
        .filter(|endpoint| **endpoint != unknown);
    let endpoints: BTreeSet<&Endpoint> = called.chain(increase.keys()).collect();

    let mut rows: Vec<Row> = Vec::new();
    for endpoint in endpoints {
        let client = stats.endpoints().get(endpoint);
        let answered = client.map_or(0, EndpointStats::answered);
        let unanswered = client.map_or(0, EndpointStats::unanswered);
        let finished = increase.get(endpoint).copied().unwrap_or(0);
        if answered + unanswered + finished > 0 {
            let agrees = agree(answered, unanswered + astray, finished);
            let endpoint = Some(endpoint.clone());
            rows.push(Row {
                endpoint,
                answered,
                unanswered,
                finished,
                agrees,
            });
        }
    }
    let sum = |of: fn(&Row) -> u64| rows.iter().map(of).sum::<u64>();
    let (answered, finished) = (sum(|row| row.answered), sum(|row| row.finished));
    let unanswered = sum(|row| row.unanswered) + astray;
    let agrees = agree(answered, unanswered, finished);
    rows.push(Row {
        endpoint: None,
        answered,
        unanswered,
        finished,
        agrees,
    });
    let agrees = rows.iter().all(|row| row.agrees);
    Agreement { rows, agrees }
}

const fn agree(answered: u64, unanswered: u64, finished: u64) -> bool {
    answered <= finished && finished <= answered + unanswered
}

fn increase(before: &Exposition, after: &Exposition) -> BTreeMap<Endpoint, u64> {
    let before = evidence::finished(before);
    let increase = |(endpoint, count): (Endpoint, f64)| {
        let earlier = before.get(&endpoint).copied().unwrap_or(0.0);
        (endpoint, (count - earlier).max(0.0).round() as u64)
    };
    evidence::finished(after)
        .into_iter()
        .map(increase)
        .collect()
}

impl Agreement {
    /// What disagrees and what may be behind it; `None` when nothing does.
    pub fn fault(&self) -> Option<String> {
        let apart: Vec<String> = self
            .rows
            .iter()
            .filter(|row| !row.agrees)
            .map(Row::fault)
            .collect();
        (!apart.is_empty()).then(|| apart.join("; "))
    }
}

impl Row {
    fn fault(&self) -> String {
        let Self {
            answered,
            unanswered,
            finished,
            ..
        } = self;
        let name = self
            .endpoint
            .as_ref()
            .map_or_else(|| "in sum".to_owned(), Endpoint::to_string);
        format!(
            "{name}: client {answered} answered, {unanswered} unanswered; service {finished} finished"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Answer, Sample};
    use proptest::prelude::*;
    use std::time::Duration;

    fn stats(requests: &[(&str, Answer, u64)]) -> Stats {
        let mut stats = Stats::new(Duration::from_secs(10));
        for (route, answer, count) in requests {
            for _ in 0..*count {
                stats.record(&Sample {
                    endpoint: match *route {
                        "" => Endpoint::unknown(),
                        route => Endpoint::new("GET", route),
                    },
                    intended: Duration::ZERO,
                    lag: Duration::ZERO,
                    sent: Duration::ZERO,
                    done: Duration::from_millis(1),
                    answer: *answer,
                    expected: None,
                });
            }
        }
        stats
    }

    fn page(counts: &[(&str, u64)]) -> Exposition {
        let line = |(route, count): &(&str, u64)| {
            format!(
                "plimsoll_requests_total{{http_request_method=\"GET\",http_route=\"{route}\"}} {count}\n"
            )
        };
        Exposition::parse(&counts.iter().map(line).collect::<String>()).expect("a page")
    }

    const OK: Answer = Answer::Status(200);

    #[test]
    fn equal_counts_agree_whatever_stood_there_before() {
        let agreement = compare(
            &stats(&[("/a", OK, 5)]),
            &page(&[("/a", 7)]),
            &page(&[("/a", 12), ("/b", 0)]),
        );
        assert!(agreement.agrees, "{agreement:?}");
        assert_eq!(agreement.rows.len(), 2);
        assert_eq!(agreement.fault(), None);
    }

    #[test]
    fn a_service_that_counts_too_little_or_too_much_disagrees() {
        let client = stats(&[("/a", OK, 5)]);
        for counted in [0, 4, 6, 10] {
            let agreement = compare(&client, &page(&[]), &page(&[("/a", counted)]));
            assert!(!agreement.agrees, "{counted}");
        }
        let fault = compare(&client, &page(&[]), &page(&[("/a", 4)]))
            .fault()
            .expect("a fault");
        assert!(fault.contains("GET /a: client 5 answered"), "{fault}");
    }

    #[test]
    fn traffic_of_somebody_else_disagrees() {
        let after = page(&[("/a", 5), ("/b", 1)]);
        assert!(!compare(&stats(&[("/a", OK, 5)]), &page(&[]), &after).agrees);
    }

    #[test]
    fn requests_cut_without_an_endpoint_explain_a_difference_once() {
        let client = stats(&[("/a", OK, 5), ("/b", OK, 5), ("", Answer::Cut, 1)]);
        let agrees = |a, b| compare(&client, &page(&[]), &page(&[("/a", a), ("/b", b)])).agrees;
        assert!(agrees(5, 5) && agrees(6, 5) && agrees(5, 6));
        assert!(!agrees(6, 6) && !agrees(4, 6));
    }

    proptest! {
        #[test]
        fn unanswered_requests_may_have_reached_the_service_or_not(answered in 0..50_u64, lost in 0..50_u64, finished in 0..120_u64) {
            let client = stats(&[("/a", OK, answered), ("/a", Answer::Transport, lost)]);
            let agrees = compare(&client, &page(&[]), &page(&[("/a", finished)])).agrees;
            prop_assert_eq!(agrees, (answered..=answered + lost).contains(&finished));
        }
    }
}
