//! The client's own measurements under the service's names, so that one
//! evaluator judges both by the same objectives.
//!
//! Requests that no SLO counts stand in `plimsoll_requests_total` as excluded
//! and not in the histogram, as the service counts them. A route that the
//! service knows and the client never called stands there at 0: no evidence is
//! INCONCLUSIVE, and no typing mistake in an objective.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use plimsoll_core::names::{PROCESS_START, REQUESTS, SECONDS_BUCKETS, TIME_TO_HEAD, label};
use plimsoll_core::outcome::{Blame, Outcome};
use plimsoll_slo::Exposition;
use plimsoll_slo::exposition::ParseError;

use crate::sample::{Answer, Endpoint, Judgement};
use crate::stats::{Counted, Reach};

/// The endpoints that the service has series for.
pub fn endpoints(page: &Exposition) -> BTreeSet<Endpoint> {
    finished(page).into_keys().collect()
}

/// How many requests the service has finished, by endpoint.
pub fn finished(page: &Exposition) -> BTreeMap<Endpoint, f64> {
    let mut finished = BTreeMap::new();
    for (labels, count) in page.series(REQUESTS) {
        let label = |name: &str| labels.get(name).map_or("", String::as_str);
        let endpoint = Endpoint::new(label(label::METHOD), label(label::ROUTE));
        *finished.entry(endpoint).or_default() += count;
    }
    finished
}

/// A metrics page that counts these requests, and `known` endpoints at 0.
///
/// ```
/// use std::collections::BTreeMap;
/// use plimsoll_loadtest::{evidence, sample::Endpoint};
/// let cards = Endpoint::new("GET", "/cards/{id}");
/// let page = evidence::page(&BTreeMap::new(), &[cards.clone()].into()).unwrap();
/// assert_eq!(evidence::finished(&page)[&cards], 0.0);
/// ```
///
/// # Errors
/// A route that no metrics page can hold.
pub fn page(
    counted: &BTreeMap<&Endpoint, Counted>,
    known: &BTreeSet<Endpoint>,
) -> Result<Exposition, ParseError> {
    let mut page = format!("{PROCESS_START} 1\n");
    let nothing = Counted::default();
    let endpoints: BTreeSet<&Endpoint> = counted.keys().copied().chain(known).collect();
    for endpoint in endpoints {
        let counted = counted.get(endpoint).unwrap_or(&nothing);
        let of = format!(
            "{}=\"{}\",{}=\"{}\"",
            label::METHOD,
            escape(&endpoint.method),
            label::ROUTE,
            escape(&endpoint.route)
        );
        requests(&mut page, &of, counted);
        latencies(&mut page, &of, &counted.reach);
    }
    Exposition::parse(&page)
}

fn requests(page: &mut String, of: &str, counted: &Counted) {
    let good = Judgement::of(Answer::Status(200), None);
    let bad = Judgement::of(Answer::Status(500), None);
    let mut all: BTreeMap<Judgement, u64> = [(good, 0), (bad, 0)].into();
    all.extend(&counted.judgements);
    for (judgement, count) in all {
        let outcome = Outcome::as_str(judgement.outcome);
        let blame = judgement.blame.map_or("", Blame::as_str);
        let slo = judgement.slo().as_str();
        write_line(
            page,
            format_args!(
                "{REQUESTS}{{{of},{}=\"{outcome}\",{}=\"\",{}=\"{blame}\",{}=\"{slo}\"}} {count}",
                label::OUTCOME,
                label::ERROR_CODE,
                label::BLAME,
                label::SLO,
            ),
        );
    }
}

fn latencies(page: &mut String, of: &str, reach: &Reach) {
    for (bound, within) in SECONDS_BUCKETS.iter().zip(reach.within) {
        write_line(
            page,
            format_args!("{TIME_TO_HEAD}_bucket{{{of},le=\"{bound}\"}} {within}"),
        );
    }
    let (count, sum) = (reach.count, reach.sum_seconds);
    write_line(
        page,
        format_args!("{TIME_TO_HEAD}_bucket{{{of},le=\"+Inf\"}} {count}"),
    );
    write_line(page, format_args!("{TIME_TO_HEAD}_count{{{of}}} {count}"));
    write_line(page, format_args!("{TIME_TO_HEAD}_sum{{{of}}} {sum}"));
}

fn write_line(page: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String doesn't fail.
    let _ = writeln!(page, "{line}");
}

fn escape(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_slo::exposition::Labels;

    #[test]
    fn requests_and_buckets_stand_under_the_services_names() {
        let endpoint = Endpoint::new("GET", "/cards/{id}");
        let mut counted = Counted::default();
        counted
            .judgements
            .insert(Judgement::of(Answer::Status(200), None), 7);
        counted
            .judgements
            .insert(Judgement::of(Answer::Status(409), None), 2);
        counted.reach.count = 7;
        counted.reach.within[6] = 5;
        let page = page(&[(&endpoint, counted)].into(), &BTreeSet::new()).expect("a page");
        let total = |slo: &str| -> f64 {
            let series = page.series(REQUESTS);
            series
                .filter(|(labels, _)| labels[label::SLO] == slo)
                .map(|(_, count)| count)
                .sum()
        };
        assert_eq!(
            (total("good"), total("bad"), total("excluded")),
            (7.0, 0.0, 2.0)
        );
        let labels: Labels = [
            (label::METHOD, "GET"),
            (label::ROUTE, "/cards/{id}"),
            ("le", "0.25"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let bucket = format!("{TIME_TO_HEAD}_bucket");
        assert_eq!(page.value(&bucket, &labels), Some(5.0));
    }

    #[test]
    fn any_route_can_be_told() {
        let odd = Endpoint::new("GET", "/a\"b\\c\nd");
        let page = page(&BTreeMap::new(), &[odd.clone()].into()).expect("a page");
        assert!(endpoints(&page).contains(&odd));
    }
}
