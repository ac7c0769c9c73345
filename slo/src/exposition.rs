//! What a `/metrics` page says: series and their values.
//!
//! Reads the Prometheus text format 0.0.4 and what OpenMetrics adds to it
//! (`# EOF`, exemplars, `_created`). Comments, types and timestamps are dropped.

use std::collections::BTreeMap;

mod line;

/// Label names and values of one series, without the metric name.
pub type Labels = BTreeMap<String, String>;

/// Every series of one scrape.
///
/// ```
/// use plimsoll_slo::Exposition;
/// let page = "# TYPE requests_total counter\nrequests_total{code=\"200\"} 7\n";
/// let scraped = Exposition::parse(page).unwrap();
/// let (labels, value) = scraped.series("requests_total").next().unwrap();
/// assert_eq!((labels["code"].as_str(), value), ("200", 7.0));
///
/// let error = Exposition::parse("requests_total{code=200} 7").unwrap_err();
/// assert_eq!(error.line, 1);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exposition {
    metrics: BTreeMap<String, BTreeMap<Labels, f64>>,
}

/// A line that is no series, or a series told twice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the metrics page: {what}")]
pub struct ParseError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl Exposition {
    /// Reads a whole page. Never panics, whatever the text.
    ///
    /// # Errors
    /// The first line that is not understood. Half a page is no evidence, so
    /// nothing is skipped.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut read = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            read.add(line).map_err(|what| ParseError {
                line: index + 1,
                what,
            })?;
        }
        Ok(read)
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let sample = line::parse(line)?;
        let series = self.metrics.entry(sample.name).or_default();
        match series.insert(sample.labels, sample.value) {
            None => Ok(()),
            Some(_) => Err("the same series stands there twice".to_owned()),
        }
    }

    /// The series of one metric, in the order of their labels.
    pub fn series(&self, name: &str) -> impl Iterator<Item = (&Labels, f64)> {
        self.metrics
            .get(name)
            .into_iter()
            .flatten()
            .map(|(labels, value)| (labels, *value))
    }

    /// The value of exactly this series.
    pub fn value(&self, name: &str, labels: &Labels) -> Option<f64> {
        self.metrics.get(name)?.get(labels).copied()
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.metrics.values().map(BTreeMap::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.metrics.is_empty()
    }
}
