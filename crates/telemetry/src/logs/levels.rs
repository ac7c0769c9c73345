//! The levels that hold now: those configured, or others for a while, after
//! which the configured ones return by themselves.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use plimsoll_core::{Clock, Keep};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};

use super::filter::{BadDirectives, Rules};
use crate::traces::{Root, Sampler};

/// What can be changed while a service runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Directives {
    /// Which events are logged, in the syntax of `RUST_LOG`.
    pub log: String,
    /// Which events the flight recorder takes; `None` when it is off.
    pub flight: Option<String>,
    /// For which endings it writes them.
    pub triggers: Vec<Keep>,
    /// Share of requests without a trusted parent that are sampled, 0 to 1;
    /// `None` leaves it to the configured sampler.
    pub sample_ratio: Option<f64>,
}

/// What follows the directives and is asked without a lock.
#[derive(Debug, Default)]
pub(crate) struct Switches {
    /// One bit for each [`Keep`].
    triggers: AtomicU8,
    /// Bits of a ratio that stands above the configured sampler, and one that none does.
    ratio: AtomicU64,
    ratio_set: AtomicBool,
}

impl Switches {
    fn set(&self, directives: &Directives) {
        let bits = directives.triggers.iter().map(|keep| 1 << *keep as u8);
        self.triggers
            .store(bits.fold(0, |all, bit: u8| all | bit), Ordering::Relaxed);
        let ratio = directives.sample_ratio;
        if let Some(ratio) = ratio {
            self.ratio.store(ratio.to_bits(), Ordering::Relaxed);
        }
        self.ratio_set.store(ratio.is_some(), Ordering::Relaxed);
    }

    /// Whether the flight recorder writes for this ending.
    pub(crate) fn triggered(&self, keep: Keep) -> bool {
        self.triggers.load(Ordering::Relaxed) & 1 << keep as u8 != 0
    }

    /// The sampler that holds now, in place of the configured one.
    pub(crate) fn sampler(&self, configured: Sampler) -> Sampler {
        if !self.ratio_set.load(Ordering::Relaxed) {
            return configured;
        }
        let ratio = f64::from_bits(self.ratio.load(Ordering::Relaxed));
        Sampler {
            root: Root::Ratio(ratio),
            ..configured
        }
    }
}

/// A change with an end.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What holds instead.
    pub directives: Directives,
    /// Clock reading at which it ends.
    pub until: u64,
    /// Who asked for it.
    pub by: String,
}

struct Seen {
    owner: u64,
    generation: u64,
    rules: Arc<Rules>,
}

thread_local! {
    /// So that an event finds the rules without a lock.
    static SEEN: RefCell<Option<Seen>> = const { RefCell::new(None) };
    /// So that an event need not be held against them again.
    static CLASSES: [Cell<Option<Classed>>; PLACES] = const { [const { Cell::new(None) }; PLACES] };
}

/// Callsites whose class a thread remembers. A power of two.
const PLACES: usize = 256;

/// What becomes of the events of a callsite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// A line.
    Line,
    /// The flight recorder's.
    Quiet,
    /// Nobody's: some other layer wanted it.
    Neither,
    /// The moment's spans tell.
    Asks,
}

#[derive(Clone, Copy)]
struct Classed {
    /// A callsite's metadata are never freed, so their address stands for them.
    address: usize,
    owner: u64,
    generation: u64,
    class: Class,
}

/// The rules of one instance.
#[derive(Debug)]
pub(crate) struct Levels {
    /// Tells the instances of a process apart.
    pub(crate) id: u64,
    configured: Directives,
    change: Mutex<Option<Change>>,
    rules: RwLock<Arc<Rules>>,
    generation: AtomicU64,
    recorded: AtomicU8,
    access: AtomicU8,
    dynamic: AtomicBool,
    pub(crate) switches: Arc<Switches>,
    clock: Clock,
}

impl Levels {
    pub(crate) fn new(configured: Directives, rules: Rules, clock: Clock) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let switches = Switches::default();
        switches.set(&configured);
        Self {
            switches: Arc::new(switches),
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            configured,
            change: Mutex::new(None),
            recorded: AtomicU8::new(rank(rules.most_recorded())),
            access: AtomicU8::new(rank(rules.access)),
            dynamic: AtomicBool::new(rules.dynamic().is_some()),
            rules: RwLock::new(Arc::new(rules)),
            generation: AtomicU64::new(0),
            clock,
        }
    }

    /// Asks the rules that hold now.
    pub(crate) fn ask<R>(&self, question: impl Fn(&Rules) -> R) -> R {
        let generation = self.generation.load(Ordering::Acquire);
        // An event may come from a thread-local destructor, or while a rule is asked.
        let answer = SEEN.try_with(|seen| {
            let mut seen = seen.try_borrow_mut().ok()?;
            let fresh = |seen: &Seen| seen.owner == self.id && seen.generation == generation;
            if !seen.as_ref().is_some_and(fresh) {
                *seen = Some(Seen {
                    owner: self.id,
                    generation,
                    rules: self.rules(),
                });
            }
            seen.as_ref().map(|seen| question(&seen.rules))
        });
        match answer {
            Ok(Some(answer)) => answer,
            Ok(None) | Err(_) => question(&self.rules()),
        }
    }

    fn rules(&self) -> Arc<Rules> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&rules)
    }

    /// What becomes of the events of a callsite.
    pub(crate) fn class(&self, metadata: &'static Metadata<'static>) -> Class {
        let generation = self.generation.load(Ordering::Acquire);
        let address = std::ptr::from_ref(metadata).addr();
        let place = address / align_of::<Metadata<'_>>() % PLACES;
        CLASSES
            .try_with(|classes| {
                let cell = &classes[place];
                if let Some(known) = cell.get()
                    && known.address == address
                    && known.owner == self.id
                    && known.generation == generation
                {
                    return known.class;
                }
                let class = self.ask(|rules| rules.class(metadata));
                cell.set(Some(Classed {
                    address,
                    owner: self.id,
                    generation,
                    class,
                }));
                class
            })
            .unwrap_or_else(|_| self.ask(|rules| rules.class(metadata)))
    }

    /// Whether the flight recorder may want events of this level.
    pub(crate) fn may_record(&self, level: Level) -> bool {
        rank(LevelFilter::from_level(level)) <= self.recorded.load(Ordering::Relaxed)
    }

    /// Whether some directives go by spans.
    pub(crate) fn is_dynamic(&self) -> bool {
        self.dynamic.load(Ordering::Relaxed)
    }

    /// Whether the request's own line of this level is wanted.
    pub(crate) fn wants_access(&self, level: Level) -> bool {
        rank(LevelFilter::from_level(level)) <= self.access.load(Ordering::Relaxed)
    }

    /// What holds without a change.
    pub(crate) fn configured(&self) -> &Directives {
        &self.configured
    }

    /// The change that holds, and for how many nanoseconds yet.
    pub(crate) fn change(&self) -> Option<(Change, u64)> {
        let change = self.lock().clone()?;
        let left = change.until.saturating_sub(self.clock.now());
        Some((change, left))
    }

    /// Lets other directives hold for `nanos`.
    pub(crate) fn set(
        &self,
        directives: Directives,
        nanos: u64,
        by: &str,
    ) -> Result<(), BadDirectives> {
        let rules = Rules::parse(&directives.log, directives.flight.as_deref())?;
        let mut change = self.lock();
        self.swap(rules, &directives);
        *change = Some(Change {
            directives,
            until: self.clock.now().saturating_add(nanos),
            by: by.into(),
        });
        Ok(())
    }

    /// Lets the configured directives hold again if a change is over, or at
    /// once when `now`. Returns the change that ended.
    pub(crate) fn revert(&self, now: bool) -> Option<Change> {
        let mut change = self.lock();
        let over = change
            .as_ref()
            .is_some_and(|change| now || change.until <= self.clock.now());
        let ended = if over { change.take() } else { None }?;
        let Directives { log, flight, .. } = &self.configured;
        let rules = Rules::parse(log, flight.as_deref());
        let rules = rules.unwrap_or_else(|_| Rules::fallback(flight.is_some()));
        self.swap(rules, &self.configured);
        Some(ended)
    }

    /// Under the lock of the change, so that the two cannot part.
    fn swap(&self, rules: Rules, directives: &Directives) {
        self.switches.set(directives);
        self.recorded
            .store(rank(rules.most_recorded()), Ordering::Relaxed);
        self.access.store(rank(rules.access), Ordering::Relaxed);
        self.dynamic
            .store(rules.dynamic().is_some(), Ordering::Relaxed);
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
        self.generation.fetch_add(1, Ordering::Release);
        // Callsites remember who wants them.
        tracing::callsite::rebuild_interest_cache();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Change>> {
        self.change.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn rank(level: LevelFilter) -> u8 {
    match level.into_level() {
        None => 0,
        Some(Level::ERROR) => 1,
        Some(Level::WARN) => 2,
        Some(Level::INFO) => 3,
        Some(Level::DEBUG) => 4,
        Some(Level::TRACE) => 5,
    }
}
