//! The recorder of the `metrics` facade: the application's own macros, on the
//! same page and within the same budget.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use plimsoll_core::names::{BYTES_BUCKETS, SECONDS_BUCKETS};

use super::cell::{Cell, Kind};
use super::foreign;
use super::histogram::Buckets;
use super::labels::{Labels, Text, clean_name};
use super::page::Page;
use super::registry::{Budget, Registry, Shape, Whose};

/// Keys whose series is remembered, so that a macro finds it at once.
const KEYS_MAX: usize = 20_000;

const METADATA: Metadata<'static> = Metadata::new("plimsoll", Level::INFO, None);

/// Counters, gauges and histograms of the application. Shared by clones.
///
/// Counters and gauges are `metrics-exporter-prometheus`'s; histograms are ours,
/// for its have no exemplars and grow until somebody looks after them.
/// Names and labels are made what Prometheus can read, values are cut at 128
/// bytes, and what goes over the budget is folded into one series for each
/// metric. A histogram has the semantic conventions' buckets for seconds,
/// those for bytes when it is described with that unit, or the builder's.
#[derive(Clone)]
pub struct MetricsRecorder(Arc<State>);

struct State {
    registry: Registry,
    exporter: PrometheusRecorder,
    keys: RwLock<HashMap<Key, Cell>>,
    units: RwLock<HashMap<String, Unit>>,
    bounds: BTreeMap<String, Arc<[f64]>>,
    exemplars: bool,
}

impl std::fmt::Debug for MetricsRecorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MetricsRecorder")
    }
}

impl MetricsRecorder {
    /// With `exemplars`, histograms keep the traces of sampled requests: only
    /// when those are exported.
    pub(crate) fn new(
        budget: Budget,
        bounds: BTreeMap<String, Arc<[f64]>>,
        exemplars: bool,
    ) -> Self {
        Self(Arc::new(State {
            registry: Registry::new(budget),
            exporter: PrometheusBuilder::new().build_recorder(),
            keys: RwLock::default(),
            units: RwLock::default(),
            bounds,
            exemplars,
        }))
    }

    /// Writes the application's counters and gauges, in order of their names.
    pub(crate) fn render_theirs(&self, page: &mut Page) {
        let text = self.0.exporter.handle().render();
        let mut families: Vec<_> = text.split("\n\n").filter(|text| !text.is_empty()).collect();
        families.sort_unstable();
        for family in families {
            let mut lines: Vec<_> = family.lines().collect();
            // HELP and TYPE stay first: `#` is below what begins a name.
            lines.sort_unstable();
            foreign::append(page, &lines.join("\n"));
        }
    }

    /// A series of the exporter's, under a name and labels that it can keep.
    fn key(name: &str, labels: &Labels) -> Key {
        let labels = labels.iter();
        let labels: Vec<_> = labels
            .map(|(label, value)| Label::new(label.to_owned(), value.to_owned()))
            .collect();
        Key::from_parts(name.to_owned(), labels)
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// The series of a key; `None` when it is not recorded.
    fn cell(
        &self,
        key: &Key,
        kind: Kind,
        shape: impl FnOnce(&str) -> Shape,
        make: impl FnOnce(&str, &Labels) -> Cell,
    ) -> Option<Cell> {
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner);
        let known = keys.get(key).cloned();
        drop(keys);
        if known.as_ref().is_some_and(|cell| cell.kind() == kind) {
            return known;
        }
        let (labels, cut) = Labels::of_key(key);
        let registry = &self.0.registry;
        registry.count_cut(cut);
        let name: Text = clean_name(key.name()).into();
        let shape = shape(&name);
        let make = |labels: &Labels| make(&name, labels);
        let found = registry.cell(Whose::Theirs, &name, &labels, shape, make)?;
        if found.cell.kind() != kind {
            registry.count_refused(&name);
            return None;
        }
        // What was folded is not remembered: its keys have no bound.
        if !found.folded {
            let mut keys = self.0.keys.write().unwrap_or_else(PoisonError::into_inner);
            if keys.len() < KEYS_MAX {
                keys.insert(key.clone(), found.cell.clone());
            }
        }
        Some(found.cell)
    }

    fn buckets(&self, name: &str) -> Cell {
        let bounds = self.0.bounds.get(name).cloned().unwrap_or_else(|| {
            let units = self.0.units.read().unwrap_or_else(PoisonError::into_inner);
            match units.get(name) {
                Some(Unit::Bytes) => BYTES_BUCKETS.into(),
                _ => SECONDS_BUCKETS.into(),
            }
        });
        Cell::Buckets(Arc::new(Buckets::new(bounds, self.0.exemplars)))
    }

    fn describe(&self, key: &KeyName, unit: Option<Unit>, help: SharedString) {
        let name = clean_name(key.as_str());
        if let Some(unit @ Unit::Bytes) = unit {
            let units = self.0.units.write();
            let mut units = units.unwrap_or_else(PoisonError::into_inner);
            if units.len() < KEYS_MAX {
                units.insert(name.clone(), unit);
            }
        }
        self.0.registry.describe(name, help.into_owned());
    }
}

impl Recorder for MetricsRecorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.0
            .exporter
            .describe_counter(cleaned(&key), unit, help.clone());
        self.describe(&key, unit, help);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.0
            .exporter
            .describe_gauge(cleaned(&key), unit, help.clone());
        self.describe(&key, unit, help);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe(&key, unit, help);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let made = |name: &str, labels: &Labels| {
            let key = Self::key(name, labels);
            Cell::TheirCounter(self.0.exporter.register_counter(&key, &METADATA))
        };
        let shape = Shape {
            kind: Kind::Counter,
            lines: 1,
        };
        match self.cell(key, Kind::Counter, |_| shape, made) {
            Some(Cell::TheirCounter(counter)) => counter,
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        let made = |name: &str, labels: &Labels| {
            let key = Self::key(name, labels);
            Cell::TheirGauge(self.0.exporter.register_gauge(&key, &METADATA))
        };
        let shape = Shape {
            kind: Kind::Gauge,
            lines: 1,
        };
        match self.cell(key, Kind::Gauge, |_| shape, made) {
            Some(Cell::TheirGauge(gauge)) => gauge,
            _ => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let shape = |name: &str| Shape::of(&self.buckets(name));
        let made = |name: &str, _: &Labels| self.buckets(name);
        match self.cell(key, Kind::Histogram, shape, made) {
            Some(Cell::Buckets(buckets)) => Histogram::from_arc(buckets),
            _ => Histogram::noop(),
        }
    }
}

impl Default for MetricsRecorder {
    fn default() -> Self {
        Self::new(Budget::default(), BTreeMap::new(), false)
    }
}

fn cleaned(key: &KeyName) -> KeyName {
    clean_name(key.as_str()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Exposition;

    fn text(recorder: &MetricsRecorder) -> String {
        let mut page = Page::new(Exposition::Text);
        recorder.registry().render(&mut page);
        recorder.render_theirs(&mut page);
        recorder.registry().render_costs(&mut page);
        page.finish()
    }

    #[test]
    fn users_macros_are_served_by_the_same_page() {
        let bounds = BTreeMap::from([("wait".to_owned(), [1.0, 2.0].into())]);
        let recorder = MetricsRecorder::new(Budget::default(), bounds, false);
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("orders_total", "kind" => "gift").increment(2);
            metrics::histogram!("basket.size", "1kind" => "a\"b").record(0.3);
            metrics::describe_histogram!("body", Unit::Bytes, "Bytes\nof it");
            metrics::histogram!("body").record(5_000.0);
            metrics::histogram!("wait").record(3.0);
            metrics::gauge!("level", "b" => "2", "a" => "1").set(f64::INFINITY);
            metrics::gauge!("level", "a" => "1", "b" => "2").increment(1.0);
        });
        let text = text(&recorder);
        for line in [
            "orders_total{kind=\"gift\"} 2\n",
            "basket_size_bucket{_1kind=\"a\\\"b\",le=\"0.5\"} 1\n",
            "# HELP body Bytes\\nof it\n",
            "body_bucket{le=\"4096\"} 0\nbody_bucket{le=\"16384\"} 1\n",
            "wait_bucket{le=\"2\"} 0\nwait_bucket{le=\"+Inf\"} 1\n",
            "level{a=\"1\",b=\"2\"} inf\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn a_name_has_one_kind_and_what_has_another_is_counted() {
        let recorder = MetricsRecorder::default();
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("thing").increment(2);
            metrics::gauge!("thing").set(7.0);
            metrics::gauge!("thing", "a" => "b").set(7.0);
        });
        let text = text(&recorder);
        assert!(text.contains("# TYPE thing counter\nthing 2\n"), "{text}");
        assert!(
            text.contains("plimsoll_metrics_refused_total 2\n"),
            "{text}"
        );
    }

    #[test]
    fn a_label_without_bounds_folds_into_one_series_and_its_sum_stays() {
        let budget = Budget {
            total: 2_000,
            per_metric: 50,
        };
        let recorder = MetricsRecorder::new(budget, BTreeMap::new(), false);
        metrics::with_local_recorder(&recorder, || {
            for user in 0..500 {
                metrics::counter!("logins_total", "user" => user.to_string(), "how" => "web")
                    .increment(1);
            }
            for tenant in 0..100 {
                metrics::histogram!("wait", "tenant" => tenant.to_string()).record(0.1);
            }
            for name in 0..3_000 {
                metrics::counter!(format!("name_{name}")).increment(1);
            }
            metrics::counter!("cut", "long" => "ä".repeat(100)).increment(1);
        });
        let text = text(&recorder);
        let folded = "logins_total{how=\"overflow\",user=\"overflow\"} 450\n";
        assert!(text.contains(folded), "{text}");
        let counted = "plimsoll_metrics_folded_total{metric=\"logins_total\"} 450\n";
        assert!(text.contains(counted), "{text}");
        let worst = recorder.registry().offenders();
        assert!(worst.len() <= 20);
        assert_eq!(
            (worst[0].metric.as_str(), worst[0].values),
            ("logins_total", 51)
        );
        assert_eq!(worst[0].label.as_deref(), Some("user"));
        let lines = text.lines().filter(|line| !line.starts_with('#')).count();
        assert!(lines <= budget.total / 2, "{lines}");
        assert!(text.contains("wait_count{tenant=\"overflow\"}"), "{text}");
    }
}
