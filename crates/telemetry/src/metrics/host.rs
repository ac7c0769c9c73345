//! The host's recorder, told of every request beside our own registry.

use std::panic::{AssertUnwindSafe, catch_unwind};

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, with_recorder};
use plimsoll_core::names::{self, label, value};
use plimsoll_core::record::Record;

use super::labels::Text;
use super::page::Page;
use crate::config::Warning;

const METADATA: Metadata<'static> = Metadata::new("plimsoll", Level::INFO, None);

const SETTING: &str = "metrics_to_host";

/// The host's handles of one combination.
pub(super) struct OfHost {
    requests: Counter,
    duration: Histogram,
    time_to_head: Option<Histogram>,
}

impl OfHost {
    pub(super) fn new(
        requests: Vec<(Text, Text)>,
        duration: Vec<(Text, Text)>,
        time_to_head: Option<Vec<(Text, Text)>>,
    ) -> Self {
        Self {
            requests: with_recorder(|host| {
                host.register_counter(&key(names::REQUESTS, requests), &METADATA)
            }),
            duration: histogram(names::REQUEST_DURATION, duration),
            time_to_head: time_to_head.map(|labels| histogram(names::TIME_TO_HEAD, labels)),
        }
    }

    pub(super) fn finish(&self, record: &Record) {
        self.requests.increment(1);
        self.duration.record(seconds(record.duration()));
        if let Some(time_to_head) = &self.time_to_head {
            time_to_head.record(seconds(record.time_to_head()));
        }
    }
}

/// The host's gauge of requests under way, of one method.
pub(super) fn active(method: &'static str) -> Gauge {
    let labels = vec![(label::METHOD.into(), method.into())];
    with_recorder(|host| host.register_gauge(&key(names::ACTIVE_REQUESTS, labels), &METADATA))
}

fn histogram(name: &'static str, labels: Vec<(Text, Text)>) -> Histogram {
    with_recorder(|host| host.register_histogram(&key(name, labels), &METADATA))
}

fn key(name: &'static str, labels: Vec<(Text, Text)>) -> Key {
    let labels: Vec<Label> = labels
        .into_iter()
        .map(|(name, value)| Label::new(name.into_owned(), value.into_owned()))
        .collect();
    Key::from_parts(name, labels)
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

/// What is wrong with the host's recorder, as its own page shows: registers our
/// histograms without a value and looks how they come out.
pub(crate) fn examine(page: impl Fn() -> String) -> Option<Warning> {
    let labels: Vec<(Text, Text)> = vec![
        (label::METHOD.into(), value::OTHER.into()),
        (label::ROUTE.into(), value::UNMATCHED.into()),
    ];
    let names = [names::REQUEST_DURATION, names::TIME_TO_HEAD];
    for name in names {
        drop(histogram(name, labels.clone()));
    }
    let page = page();
    let kind = |name: &str| {
        let mut lines = page.lines();
        lines.find_map(|line| line.strip_prefix(&format!("# TYPE {name} ")))
    };
    let problem = if names.iter().any(|name| kind(name).is_none()) {
        "the host's page does not have what we record: install its recorder before \
         this is built, and give the page of that recorder"
            .to_owned()
    } else if names.iter().any(|name| kind(name) != Some("histogram")) {
        format!(
            "the host's recorder has no buckets for {} and {}, of which no objective can be \
             counted; give its builder `plimsoll::metrics::SECONDS_BUCKETS` for both \
             (metrics-exporter-prometheus: `set_buckets_for_metric`)",
            names[0], names[1]
        )
    } else {
        return None;
    };
    Some(Warning::new(SETTING, problem))
}

/// Writes the host's page after what stands on ours.
pub(crate) fn write(page: &mut Page, host: &(dyn Fn() -> String + Send + Sync)) {
    if let Ok(theirs) = catch_unwind(AssertUnwindSafe(host)) {
        super::foreign::append(page, &theirs);
    } else {
        // The panic hook has told why; our own series are worth a page.
        tracing::error!(target: "plimsoll::metrics", "the host's page panicked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};
    use plimsoll_core::names::SECONDS_BUCKETS;

    fn examined(recorder: &PrometheusRecorder) -> Option<Warning> {
        let page = recorder.handle();
        metrics::with_local_recorder(recorder, || examine(|| page.render()))
    }

    #[test]
    fn a_recorder_that_would_make_summaries_is_told_with_the_fix() {
        let bare = PrometheusBuilder::new().build_recorder();
        let warning = examined(&bare).unwrap();
        assert!(
            warning.problem.contains("set_buckets_for_metric"),
            "{warning}"
        );
        let mut with = PrometheusBuilder::new();
        for name in [names::REQUEST_DURATION, names::TIME_TO_HEAD] {
            let of = Matcher::Full(name.into());
            with = with.set_buckets_for_metric(of, &SECONDS_BUCKETS).unwrap();
        }
        assert_eq!(examined(&with.build_recorder()), None);
        let elsewhere = examine(String::new).unwrap();
        assert!(
            elsewhere.problem.contains("install its recorder"),
            "{elsewhere}"
        );
    }
}
