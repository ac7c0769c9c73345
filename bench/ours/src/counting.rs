//! An allocator that counts, so that allocations per request are a figure.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// The system's allocator; counts from [`start`] on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counting;

/// Off under callgrind: a check is all that is left in the counts there.
static ON: AtomicBool = AtomicBool::new(false);
static ALL: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static OWN: Cell<u64> = const { Cell::new(0) };
}

/// What was counted since [`start`].
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Allocations on the asking thread, growing ones included.
    pub own: u64,
    /// Allocations on all threads.
    pub all: u64,
    /// Bytes asked for on all threads.
    pub bytes: u64,
}

/// Begins to count.
pub fn start() {
    ON.store(true, Ordering::Relaxed);
}

/// What was counted so far.
pub fn counts() -> Counts {
    Counts {
        own: OWN.get(),
        all: ALL.load(Ordering::Relaxed),
        bytes: BYTES.load(Ordering::Relaxed),
    }
}

fn count(bytes: usize) {
    if ON.load(Ordering::Relaxed) {
        ALL.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
        // A thread that is ending has no locals any more.
        let _ = OWN.try_with(|own| own.set(own.get() + 1));
    }
}

#[expect(
    unsafe_code,
    reason = "an allocator is one; every call is passed on as it came"
)]
// SAFETY: the system's allocator does the work, under the same contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as the caller's.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as the caller's.
        unsafe { System.dealloc(at, layout) }
    }
}
