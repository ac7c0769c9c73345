//! Records are kept for the next request of the same thread, with their buffers.

use std::any::Any;
use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use plimsoll_core::ids::Ids;
use plimsoll_core::record::Record;

/// Records kept per thread.
const MAX: usize = 64;

/// Records kept for any thread, once another has read them.
const MAX_SHARED: usize = 1_024;

/// Fetched from those at a time.
const FETCH: usize = 32;

/// Buffers of a path that are kept, in bytes.
const PATH_MAX: usize = 1_024;

type Scratch = Box<dyn Any + Send + Sync>;
/// A record is handed about by its box, never moved.
type Pooled = Box<Record>;

#[derive(Default)]
struct Free {
    records: Vec<Pooled>,
    scratch: Vec<Scratch>,
}

thread_local! {
    static FREE: RefCell<Free> = RefCell::default();
}

static SHARED: Mutex<Vec<Pooled>> = Mutex::new(Vec::new());
/// How many those are, so that nobody locks for none.
static SHARED_COUNT: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn take(ids: Ids, started: u64) -> Box<Record> {
    let found = FREE.with_borrow_mut(|free| {
        if free.records.is_empty() {
            fetch(&mut free.records);
        }
        let mut record = free.records.pop()?;
        if record.scratch.is_none() {
            record.scratch = free.scratch.pop();
        }
        Some(record)
    });
    match found {
        Some(mut record) => {
            record.reset(ids, started);
            record
        }
        None => Box::new(Record::new(ids, started)),
    }
}

pub(crate) fn give_back(mut record: Box<Record>) {
    // A record may end in a thread-local destructor, when the pool is gone.
    let _ = FREE.try_with(|free| {
        let mut free = free.borrow_mut();
        if free.records.len() < MAX {
            bound(&mut record);
            free.records.push(record);
        }
    });
}

/// Takes from a record that another thread is to read what only this one needs.
pub(crate) fn part(record: &mut Record) {
    let Some(scratch) = record.scratch.take() else {
        return;
    };
    let _ = FREE.try_with(|free| {
        let mut free = free.borrow_mut();
        if free.scratch.len() < MAX {
            free.scratch.push(scratch);
        }
    });
}

/// Gives back records that another thread has read.
pub(crate) fn bring_back(records: &mut Vec<Pooled>) {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let room = MAX_SHARED.saturating_sub(shared.len()).min(records.len());
    shared.extend(records.drain(..room).map(|mut record| {
        bound(&mut record);
        record
    }));
    SHARED_COUNT.store(shared.len(), Ordering::Relaxed);
    drop(shared);
    records.clear();
}

fn fetch(records: &mut Vec<Pooled>) {
    if SHARED_COUNT.load(Ordering::Relaxed) == 0 {
        return;
    }
    // Whoever holds it is about to be done; a fresh record is no harm.
    let Ok(mut shared) = SHARED.try_lock() else {
        return;
    };
    let rest = shared.len().saturating_sub(FETCH);
    records.extend(shared.drain(rest..));
    SHARED_COUNT.store(shared.len(), Ordering::Relaxed);
}

fn bound(record: &mut Record) {
    if record.path.capacity() > PATH_MAX {
        record.path = String::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::record::fresh_ids;

    #[test]
    fn what_another_thread_has_read_comes_back_empty() {
        let mut record = take(fresh_ids(true), 1);
        record.path.push_str("/cards/7");
        record.scratch = Some(Box::new(7_u8));
        part(&mut record);
        assert!(record.scratch.is_none(), "stays on its thread");
        let address = std::ptr::from_ref::<Record>(&record).addr();
        let mut read = vec![record];
        std::thread::spawn(move || bring_back(&mut read))
            .join()
            .unwrap();
        // Other tests of this process use the same pool.
        let again: Vec<_> = (0..MAX_SHARED).map(|_| take(fresh_ids(false), 2)).collect();
        let same = again
            .iter()
            .find(|it| std::ptr::from_ref::<Record>(it).addr() == address);
        if let Some(same) = same {
            assert_eq!((same.path.as_str(), same.started), ("", 2));
        }
        assert!(again.iter().any(|it| it.scratch.is_some()));
    }

    #[test]
    fn no_pool_grows_without_bound() {
        let mut many: Vec<_> = (0..2 * MAX_SHARED)
            .map(|_| Box::new(Record::new(fresh_ids(false), 0)))
            .collect();
        bring_back(&mut many);
        assert!(many.is_empty());
        assert!(SHARED.lock().unwrap().len() <= MAX_SHARED);
    }
}
