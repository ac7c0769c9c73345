//! The recorder: the exporter keeps counters and gauges, ours are the histograms.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::histogram::Buckets;
use super::page::Page;

type Labels = Vec<(String, String)>;

/// Counters and gauges of `metrics-exporter-prometheus`, histograms with the
/// semantic conventions' buckets. Shared by clones.
#[derive(Clone)]
pub struct MetricsRecorder(Arc<State>);

struct State {
    inner: PrometheusRecorder,
    handle: PrometheusHandle,
    histograms: Mutex<BTreeMap<String, BTreeMap<Labels, Arc<Buckets>>>>,
    help: Mutex<BTreeMap<String, String>>,
}

impl Default for MetricsRecorder {
    fn default() -> Self {
        let inner = PrometheusBuilder::new().build_recorder();
        Self(Arc::new(State {
            handle: inner.handle(),
            inner,
            histograms: Mutex::default(),
            help: Mutex::default(),
        }))
    }
}

impl MetricsRecorder {
    /// Everything recorded, as a page to be continued.
    pub fn render(&self) -> Page {
        let mut page = Page::after(self.0.handle.render());
        // Copied, so that no request that registers a series waits for a scrape.
        let families = self
            .0
            .histograms
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let help = self
            .0
            .help
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for (name, series) in &families {
            let help = help.get(name).map_or("", String::as_str);
            page.family(name, "histogram", help);
            for (labels, buckets) in series {
                let labels: Vec<_> = labels
                    .iter()
                    .map(|(label, text)| (label.as_str(), text.as_str()))
                    .collect();
                buckets.render(&mut page, name, &labels);
            }
        }
        page
    }
}

impl std::fmt::Debug for MetricsRecorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MetricsRecorder")
    }
}

impl Recorder for MetricsRecorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.0.inner.describe_counter(key, unit, help);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.0.inner.describe_gauge(key, unit, help);
    }

    fn describe_histogram(&self, key: KeyName, _: Option<Unit>, help: SharedString) {
        let mut all = self.0.help.lock().unwrap_or_else(PoisonError::into_inner);
        let line = help.replace('\\', "\\\\").replace('\n', "\\n");
        all.entry(clean_name(key.as_str())).or_insert(line);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.0.inner.register_counter(key, metadata)
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.0.inner.register_gauge(key, metadata)
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let labels = key
            .labels()
            .map(|label| (clean_label(label.key()), label.value().to_owned()))
            .collect();
        let families = self.0.histograms.lock();
        let mut families = families.unwrap_or_else(PoisonError::into_inner);
        let series = families.entry(clean_name(key.name())).or_default();
        let buckets: &Arc<Buckets> = series.entry(labels).or_default();
        Histogram::from_arc(Arc::clone(buckets))
    }
}

/// A name as Prometheus allows it: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
fn clean_name(name: &str) -> String {
    clean(name, |letter| letter == ':')
}

/// A label as Prometheus allows it: `[a-zA-Z_][a-zA-Z0-9_]*`.
fn clean_label(label: &str) -> String {
    clean(label, |_| false)
}

fn clean(text: &str, also: impl Fn(char) -> bool) -> String {
    let digit_first = text.starts_with(|letter: char| letter.is_ascii_digit());
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || also(letter);
    let letters = text
        .chars()
        .map(|letter| if allowed(letter) { letter } else { '_' });
    digit_first
        .then_some('_')
        .into_iter()
        .chain(letters)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_macros_are_served_by_the_same_page() {
        let recorder = MetricsRecorder::default();
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("orders_total", "kind" => "gift").increment(2);
            metrics::histogram!("basket.size", "1kind" => "a\"b").record(0.3);
        });
        let text = recorder.render().finish();
        assert!(text.contains("orders_total{kind=\"gift\"} 2"), "{text}");
        let bucket = "basket_size_bucket{_1kind=\"a\\\"b\",le=\"0.5\"} 1";
        assert!(text.contains(bucket), "{text}");
    }
}
