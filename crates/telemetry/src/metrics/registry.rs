//! Every series of an instance, within a budget. Only a new series takes the
//! lock to write; a request holds its handles.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use plimsoll_core::names;

use super::cell::{Cell, Kind};
use super::labels::{Labels, Text};
use super::offenders::{self, Offender};
use super::page::Page;

/// How many series there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// In all, as a server counts them: a histogram is many.
    pub(crate) total: usize,
    /// Label sets of one metric.
    pub(crate) per_metric: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            total: 10_000,
            per_metric: 2_000,
        }
    }
}

/// Kept free of ordinary series: half of it for those into which the excess of
/// the application is folded, the rest for those of requests.
const RESERVE: usize = 400;

/// A series that was found or made.
pub(crate) struct Found {
    pub(crate) cell: Cell,
    /// It stands for the excess of its metric.
    pub(crate) folded: bool,
}

/// What a series will be, before it is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    /// Series as a server counts them.
    pub(crate) lines: usize,
}

impl Shape {
    pub(crate) fn of(cell: &Cell) -> Self {
        Self {
            kind: cell.kind(),
            lines: cell.lines(),
        }
    }
}

/// Who asks for a series: the application may fill half of the budget, so that
/// no label of it displaces the request metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Ours,
    Theirs,
}

pub(crate) struct Family {
    whose: Whose,
    kind: Kind,
    pub(crate) series: BTreeMap<Labels, Cell>,
    overflow: Option<Cell>,
    /// How often a label set found no room.
    pub(crate) folded: AtomicU64,
}

#[derive(Default)]
pub(crate) struct Families {
    by_name: BTreeMap<Text, Family>,
    help: HashMap<Text, Text>,
    /// Series as a server counts them; of those, the application's.
    used: usize,
    theirs: usize,
}

/// All families.
#[derive(Default)]
pub(crate) struct Registry {
    budget: Budget,
    families: RwLock<Families>,
    /// Registrations of a name that has another kind, or one name too many.
    refused: AtomicU64,
    /// Label values that were cut.
    cut: AtomicU64,
    warned_folded: AtomicBool,
    warned_refused: AtomicBool,
}

impl Registry {
    pub(crate) fn new(budget: Budget) -> Self {
        Self {
            budget,
            ..Self::default()
        }
    }

    /// Says what a family is; the first to say so is believed.
    pub(crate) fn describe(&self, name: impl Into<Text>, help: impl Into<Text>) {
        let mut families = self.write();
        if families.help.len() < self.budget.per_metric {
            families
                .help
                .entry(name.into())
                .or_insert_with(|| help.into());
        }
    }

    /// Takes a name for us, before the application can.
    pub(crate) fn reserve(&self, name: &'static str, kind: Kind, help: &'static str) {
        self.describe(name, help);
        let mut families = self.write();
        let family = Family::new(Whose::Ours, kind);
        families.by_name.insert(name.into(), family);
    }

    /// The series of these labels, made if it is new and then by the labels it
    /// really gets. Over the budget, the one
    /// of its metric into which the excess is folded; ours fold before they ask.
    /// `None`, counted, if the name is of another kind or owner, or one too many.
    pub(crate) fn cell(
        &self,
        whose: Whose,
        name: &Text,
        labels: &Labels,
        shape: Shape,
        make: impl FnOnce(&Labels) -> Cell,
    ) -> Option<Found> {
        if let Some(found) = self.known(whose, name, labels) {
            return Some(found);
        }
        let mut families = self.write();
        let found = families.make(self.budget, whose, name, labels, shape, make);
        drop(families);
        match &found {
            Some(it) if it.folded => self.warn_folded(),
            Some(_) => {}
            None => self.count_refused(name),
        }
        found
    }

    /// Without writing: the series, or the one it is folded into.
    fn known(&self, whose: Whose, name: &Text, labels: &Labels) -> Option<Found> {
        let families = self.read();
        let family = families.by_name.get(name)?;
        if family.whose != whose {
            return None;
        }
        if let Some(cell) = family.series.get(labels) {
            let cell = cell.clone();
            return Some(Found {
                cell,
                folded: false,
            });
        }
        let cell = family.overflow.clone()?;
        let fits = families.room(self.budget, whose, cell.lines())
            && family.series.len() < self.budget.per_metric;
        if fits {
            return None;
        }
        family.folded.fetch_add(1, Ordering::Relaxed);
        Some(Found { cell, folded: true })
    }

    /// Whether the request metrics may grow by this much.
    pub(crate) fn has_room(&self, lines: usize) -> bool {
        let families = self.read();
        let requests = families.by_name.get(names::REQUESTS);
        let sets = requests.map_or(0, |family| family.series.len());
        families.room(self.budget, Whose::Ours, lines) && sets < self.budget.per_metric
    }

    /// Counts a combination of request labels that found no room.
    pub(crate) fn fold_requests(&self) {
        let families = self.read();
        if let Some(family) = families.by_name.get(names::REQUESTS) {
            family.folded.fetch_add(1, Ordering::Relaxed);
        }
        drop(families);
        self.warn_folded();
    }

    pub(crate) fn count_cut(&self, values: u64) {
        if values > 0 {
            self.cut.fetch_add(values, Ordering::Relaxed);
        }
    }

    /// Once: who fills the page is on the control listener, and counted.
    fn warn_folded(&self) {
        if self.warned_folded.swap(true, Ordering::Relaxed) {
            return;
        }
        let worst = self.offenders().into_iter().next();
        let (metric, label) = worst.map_or_else(Default::default, |worst| {
            let label = worst.label.unwrap_or_default();
            (worst.metric, label)
        });
        tracing::warn!(
            target: "plimsoll::metrics",
            metric,
            label,
            "metrics are over their budget of series, the excess is folded; \
             /series on the control listener lists the largest"
        );
    }

    /// Counts a registration that is not recorded.
    pub(crate) fn count_refused(&self, metric: &str) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        if !self.warned_refused.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "plimsoll::metrics",
                metric,
                "a metric is not recorded: its name is ours, has another kind already, or is \
                 one too many; give it another name"
            );
        }
    }

    /// The metrics with the most series, largest first.
    pub(crate) fn offenders(&self) -> Vec<Offender> {
        let families = self.read();
        offenders::worst(&families.by_name)
    }

    /// Writes every family, in order of its name. A request that registers a
    /// series waits for the copy of the handles, not for the text.
    pub(crate) fn render(&self, page: &mut Page) {
        let families = self.read();
        let copy: Vec<_> = families
            .by_name
            .iter()
            .filter(|(_, family)| {
                let first = family.series.values().next();
                first.is_some_and(Cell::is_written_here)
            })
            .map(|(name, family)| {
                let help = families.help.get(name).cloned().unwrap_or_default();
                let series = family.series.iter();
                let series: Vec<_> = series
                    .map(|(labels, cell)| (labels.clone(), cell.clone()))
                    .collect();
                (name.clone(), family.kind, help, series)
            })
            .collect();
        drop(families);
        for (name, kind, help, series) in copy {
            page.family(&name, kind.as_str(), &help);
            for (labels, cell) in series {
                cell.write(page, &name, &labels);
            }
        }
    }

    /// Writes what the budget cost, and last what the page itself left out.
    pub(crate) fn render_costs(&self, page: &mut Page) {
        use names::label::METRIC;
        let families = self.read();
        let folded: Vec<_> = families
            .by_name
            .iter()
            .map(|(name, family)| (name.clone(), family.folded.load(Ordering::Relaxed)))
            .filter(|(_, folded)| *folded > 0)
            .collect();
        let used = families.used;
        drop(families);
        page.family(
            names::METRICS_SERIES,
            "gauge",
            "Series of requests and of the application's own metrics.",
        );
        page.sample(names::METRICS_SERIES, &[], used);
        page.family(
            names::METRICS_SERIES_LIMIT,
            "gauge",
            "The budget of such series; what comes after is folded.",
        );
        page.sample(names::METRICS_SERIES_LIMIT, &[], self.budget.total);
        page.family(
            names::METRICS_FOLDED,
            "counter",
            "How often a label set found no room and was folded into `overflow`.",
        );
        for (name, count) in &folded {
            page.sample(names::METRICS_FOLDED, &[(METRIC, name)], count);
        }
        page.family(
            names::METRICS_REFUSED,
            "counter",
            "How often a metric was not recorded: its name has another kind, or is one too many.",
        );
        let refused = self.refused.load(Ordering::Relaxed);
        page.sample(names::METRICS_REFUSED, &[], refused);
        page.family(
            names::METRICS_CUT,
            "counter",
            "Label values that were longer than 128 bytes.",
        );
        page.sample(names::METRICS_CUT, &[], self.cut.load(Ordering::Relaxed));
        page.family(
            names::METRICS_REPEATED,
            "gauge",
            "Families left off this page because their name stands already.",
        );
        page.sample(names::METRICS_REPEATED, &[], page.repeated());
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Families> {
        self.families.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Families> {
        self.families
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Family {
    fn new(whose: Whose, kind: Kind) -> Self {
        Self {
            whose,
            kind,
            series: BTreeMap::new(),
            overflow: None,
            folded: AtomicU64::new(0),
        }
    }
}

impl Families {
    /// Whether an ordinary series of so many lines may be added.
    fn room(&self, budget: Budget, whose: Whose, lines: usize) -> bool {
        let open = budget.total.saturating_sub(RESERVE);
        let fits = self.used + lines <= open;
        fits && (whose == Whose::Ours || self.theirs + lines <= open / 2)
    }

    fn make(
        &mut self,
        budget: Budget,
        whose: Whose,
        name: &Text,
        labels: &Labels,
        shape: Shape,
        make: impl FnOnce(&Labels) -> Cell,
    ) -> Option<Found> {
        let Shape { kind, lines } = shape;
        let room = whose == Whose::Ours || self.room(budget, whose, lines);
        if !self.by_name.contains_key(name) {
            // A name costs a series, if only the one that overflows.
            if !room {
                return None;
            }
            let family = Family::new(whose, kind);
            self.by_name.insert(name.clone(), family);
        }
        let family = self.by_name.get_mut(name)?;
        if family.whose != whose || family.kind != kind {
            return None;
        }
        if let Some(known) = family.series.get(labels) {
            // Another thread was faster.
            let cell = known.clone();
            return Some(Found {
                cell,
                folded: false,
            });
        }
        let full = family.series.len() >= budget.per_metric;
        let folded = whose == Whose::Theirs && (full || !room);
        let mut labels = labels.clone();
        if folded {
            family.folded.fetch_add(1, Ordering::Relaxed);
            if let Some(cell) = family.overflow.clone() {
                return Some(Found { cell, folded });
            }
            if self.used + lines > budget.total.saturating_sub(RESERVE / 2) {
                return None;
            }
            labels = labels.overflow();
        }
        let cell = make(&labels);
        if folded {
            family.overflow = Some(cell.clone());
        }
        self.used += lines;
        if whose == Whose::Theirs {
            self.theirs += lines;
        }
        family.series.insert(labels, cell.clone());
        Some(Found { cell, folded })
    }
}
