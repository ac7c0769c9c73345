//! Records are kept for the next request of the same thread, with their buffers.

use std::cell::RefCell;

use plimsoll_core::ids::Ids;
use plimsoll_core::record::Record;

/// Records kept per thread.
const MAX: usize = 64;

type Free = Vec<Box<Record>>;

thread_local! {
    static FREE: RefCell<Free> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn take(ids: Ids, started: u64) -> Box<Record> {
    match FREE.with_borrow_mut(Vec::pop) {
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
        if free.len() < MAX {
            if record.path.capacity() > 1_024 {
                record.path = String::new();
            }
            free.push(record);
        }
    });
}
