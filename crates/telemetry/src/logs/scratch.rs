//! A thread's own buffers for the line it is writing: no allocation once warm,
//! and no lock while values are formatted.

use std::cell::Cell;

/// A buffer over this is not kept for the next line.
const KEPT: usize = 64 << 10;

thread_local! {
    static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Gives an empty buffer to `act`. One line within another, such as one that a
/// value's `Debug` logs, gets a buffer of its own; so does a thread at its end.
pub(crate) fn with<R>(act: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let mut buffer = LINE.try_with(Cell::take).unwrap_or_default();
    buffer.clear();
    let result = act(&mut buffer);
    if buffer.capacity() <= KEPT {
        let _ = LINE.try_with(|line| line.set(buffer));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_within_a_line_has_a_buffer_of_its_own() {
        with(|outer| {
            outer.extend_from_slice(b"outer");
            with(|inner| {
                assert!(inner.is_empty());
                inner.extend_from_slice(b"inner");
            });
            assert_eq!(outer, b"outer");
        });
        with(|next| assert!(next.is_empty() && next.capacity() > 0));
    }

    #[test]
    fn a_long_line_leaves_no_memory_behind() {
        with(|line| line.resize(KEPT * 4, 0));
        with(|line| assert!(line.capacity() <= KEPT));
    }
}
