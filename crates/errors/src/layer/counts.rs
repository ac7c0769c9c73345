//! What the shape did not reach.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a failure kept its own body under [`Shape::All`](super::Shape::All).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unshaped {
    /// It has a body that is neither empty nor `text/plain`.
    Body,
    /// It was marked [`Passthrough`](super::Passthrough).
    Passthrough,
}

const REASONS: [(Unshaped, &str); 2] = [
    (Unshaped::Body, "body"),
    (Unshaped::Passthrough, "passthrough"),
];

/// What a layer and its services count.
#[derive(Debug, Default)]
pub struct Counts {
    unshaped: [AtomicU64; REASONS.len()],
    mapper: AtomicU64,
}

impl Counts {
    pub(crate) fn unshaped(&self, why: Unshaped) {
        self.unshaped[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn mapper_panicked(&self) {
        self.mapper.fetch_add(1, Ordering::Relaxed);
    }

    /// Failures that kept their own body under [`Shape::All`](super::Shape::All),
    /// by reason: `body`, `passthrough`.
    pub fn left(&self) -> impl Iterator<Item = (&'static str, u64)> {
        REASONS.iter().map(|(why, word)| {
            let count = self.unshaped[*why as usize].load(Ordering::Relaxed);
            (*word, count)
        })
    }

    /// How often the mapper panicked and our shape went out instead.
    pub fn mapper_panics(&self) -> u64 {
        self.mapper.load(Ordering::Relaxed)
    }
}
