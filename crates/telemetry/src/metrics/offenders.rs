//! Which metrics have the most series, and by which label.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use super::labels::{Labels, Text};
use super::registry::Family;

/// How many are listed.
const MOST: usize = 20;

/// A metric among those with the most series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offender {
    /// Its name.
    pub metric: String,
    /// Series as a server counts them: a histogram has one for each bucket.
    pub series: usize,
    /// Label sets.
    pub label_sets: usize,
    /// The label with the most distinct values, if it has labels.
    pub label: Option<String>,
    /// Distinct values of that label.
    pub values: usize,
    /// How often a label set found no room.
    pub folded: u64,
}

/// Largest first, by how much was folded and then by size.
pub(super) fn worst(families: &BTreeMap<Text, Family>) -> Vec<Offender> {
    let mut all: Vec<_> = families
        .iter()
        .map(|(name, family)| offender(name, family))
        .collect();
    all.sort_by_key(|one| std::cmp::Reverse((one.folded, one.series)));
    all.truncate(MOST);
    all
}

fn offender(name: &str, family: &Family) -> Offender {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (label, value) in family.series.keys().flat_map(Labels::iter) {
        values.entry(label).or_default().insert(value);
    }
    let most = values.into_iter().max_by_key(|(_, values)| values.len());
    let (label, values) = most.map_or((None, 0), |(label, values)| {
        (Some(label.to_owned()), values.len())
    });
    Offender {
        metric: name.to_owned(),
        series: family.series.values().map(super::cell::Cell::lines).sum(),
        label_sets: family.series.len(),
        label,
        values,
        folded: family.folded.load(Ordering::Relaxed),
    }
}
