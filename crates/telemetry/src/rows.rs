//! What is kept for each combination of a request's labels, found again without
//! a lock: series, and what its route's requests take.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use plimsoll_core::names::value;
use plimsoll_core::record::Record;
use plimsoll_core::{Blame, Outcome, Slo};

use crate::logs::access::Constants;
use crate::logs::causes::Causes;
use crate::logs::style::Style;
use crate::metrics::series::{RequestSeries, Series};
use crate::seen::Seen;
use crate::slow::Pace;

/// Distinct combinations kept apart, whatever the budget of series allows.
const MAX_COMBINATIONS: usize = 10_000;

/// Places of a thread's own cache; a power of two.
const PLACES: usize = 256;

/// The labels of a finished request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Combination {
    pub(crate) method: &'static str,
    pub(crate) route: &'static str,
    pub(crate) status: u16,
    pub(crate) outcome: Outcome,
    pub(crate) code: &'static str,
    pub(crate) blame: Option<Blame>,
    pub(crate) slo: Slo,
    /// Status of a gRPC call.
    pub(crate) grpc: Option<u16>,
}

impl Combination {
    fn of(record: &Record) -> Self {
        Self {
            method: record.method,
            route: record.route,
            status: record.status,
            outcome: record.outcome.unwrap_or(Outcome::Fault),
            code: record.code.unwrap_or(""),
            blame: record.blame,
            slo: record.slo.unwrap_or(Slo::Bad),
            grpc: record.grpc_status,
        }
    }

    /// The row into which everything over the budget is folded: what an SLO
    /// counts stays true, where it happened is lost.
    fn overflow(&self) -> Self {
        Self {
            method: value::OTHER,
            route: value::OVERFLOW,
            status: 0,
            code: "",
            grpc: None,
            ..*self
        }
    }

    /// Equal without reading a text: templates and codes are never freed.
    fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self.route, other.route)
            && std::ptr::eq(self.method, other.method)
            && std::ptr::eq(self.code, other.code)
            && self.status == other.status
            && self.outcome == other.outcome
            && self.blame == other.blame
            && self.slo == other.slo
            && self.grpc == other.grpc
    }

    fn place(&self) -> usize {
        let route = self.route.as_ptr().addr() >> 3;
        let method = self.method.as_ptr().addr() >> 2;
        let rest = usize::from(self.status) << 4 | self.outcome as usize;
        // Calls of one gRPC method may differ by nothing but this.
        let rest = rest ^ usize::from(self.grpc.unwrap_or(0)) << 20;
        let mixed = (route ^ method.rotate_left(17) ^ rest).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed >> (usize::BITS - PLACES.ilog2()) as usize
    }
}

/// What one combination has.
pub(crate) struct Row {
    pub(crate) series: Option<Series>,
    /// Of the request's line; none where several routes share the row.
    pub(crate) line: Option<Constants>,
    /// Shared by the rows of a route.
    pub(crate) pace: Arc<Pace>,
    /// Shared by the rows of a code.
    pub(crate) causes: Arc<Causes>,
}

struct Place {
    owner: u64,
    combination: Combination,
    row: Arc<Row>,
}

thread_local! {
    static SEEN: RefCell<Vec<Option<Place>>> = RefCell::new((0..PLACES).map(|_| None).collect());
}

/// All rows of one instance.
pub(crate) struct Rows {
    /// Tells the instances of a process apart in the threads' caches.
    id: u64,
    series: Option<RequestSeries>,
    style: Option<Arc<Style>>,
    seen: Option<Seen>,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    rows: HashMap<Combination, Arc<Row>>,
    paces: HashMap<&'static str, Arc<Pace>>,
    causes: HashMap<&'static str, Arc<Causes>>,
}

impl Rows {
    pub(crate) fn new(series: Option<RequestSeries>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            series,
            style: None,
            seen: None,
            known: RwLock::default(),
        }
    }

    /// Prepares in each row what the lines of its requests share.
    pub(crate) fn with_lines(mut self, style: Arc<Style>) -> Self {
        self.style = Some(style);
        self
    }

    /// Notes in a file which codes are answered where.
    pub(crate) fn with_seen(mut self, seen: Option<Seen>) -> Self {
        self.seen = seen;
        self
    }

    /// The metrics, unless they are off.
    pub(crate) fn series(&self) -> Option<&RequestSeries> {
        self.series.as_ref()
    }

    /// The row of a finished record.
    pub(crate) fn of(&self, record: &Record) -> Arc<Row> {
        let wanted = Combination::of(record);
        let place = wanted.place();
        // A record may end in a thread-local destructor, when the cache is gone.
        let seen = SEEN.try_with(|seen| {
            let seen = seen.try_borrow().ok()?;
            let found = seen.get(place)?.as_ref()?;
            let same = found.owner == self.id && found.combination.is(&wanted);
            same.then(|| Arc::clone(&found.row))
        });
        if let Ok(Some(row)) = seen {
            return row;
        }
        let row = self.shared(wanted, record);
        let _ = SEEN.try_with(|seen| {
            if let Some(free) = seen.try_borrow_mut().ok()?.get_mut(place) {
                *free = Some(Place {
                    owner: self.id,
                    combination: wanted,
                    row: Arc::clone(&row),
                });
            }
            Some(())
        });
        row
    }

    /// How many causes of each code were left off lines; codes with none are passed over.
    pub(crate) fn left_out(&self) -> Vec<(&'static str, u64)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let each = known.causes.iter().map(|(code, it)| (*code, it.left_out()));
        let mut left: Vec<_> = each.filter(|(_, count)| *count > 0).collect();
        left.sort_unstable();
        left
    }

    fn shared(&self, wanted: Combination, record: &Record) -> Arc<Row> {
        if let Some(seen) = &self.seen {
            seen.note(record);
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = known.rows.get(&wanted) {
            return Arc::clone(row);
        }
        let full = known.rows.len() >= MAX_COMBINATIONS;
        drop(known);
        let full = match &self.series {
            Some(series) => !series.has_room(full),
            None => full,
        };
        let wanted = if full { wanted.overflow() } else { wanted };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let Known {
            rows,
            paces,
            causes,
        } = &mut *known;
        let row = rows.entry(wanted).or_insert_with(|| {
            let series = self.series.as_ref();
            let style = self.style.as_ref().filter(|_| !full);
            Arc::new(Row {
                series: series.map(|series| series.register(&wanted)),
                line: style.map(|style| Constants::of(style, record)),
                pace: Arc::clone(paces.entry(wanted.route).or_default()),
                causes: Arc::clone(causes.entry(wanted.code).or_default()),
            })
        });
        Arc::clone(row)
    }
}
