//! A bounded list that is searched and added to without a lock.

use std::sync::OnceLock;

/// Entries in the order in which they came; none is ever removed.
#[derive(Debug)]
pub(super) struct Slots<T>(Box<[OnceLock<T>]>);

impl<T> Slots<T> {
    pub(super) fn new(most: usize) -> Self {
        Self((0..most).map(|_| OnceLock::new()).collect())
    }

    /// Place and value of the entry that `is` the wanted one, made if there is
    /// none; `None` when the list is full.
    pub(super) fn find(
        &self,
        is: impl Fn(&T) -> bool,
        make: impl Fn() -> T,
    ) -> Option<(usize, &T)> {
        let mut entries = self.0.iter().enumerate();
        entries.find_map(|(place, slot)| {
            // Another thread may fill the same place with another entry.
            let entry = slot.get_or_init(&make);
            is(entry).then_some((place, entry))
        })
    }

    pub(super) fn get(&self, place: usize) -> Option<&T> {
        self.0.get(place)?.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_add_the_same_find_the_same() {
        let slots = Slots::new(8);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for wanted in (0..8).chain(0..8) {
                        assert!(slots.find(|it| *it == wanted, || wanted).is_some());
                    }
                });
            }
        });
        assert!(slots.find(|it| *it == 9, || 9).is_none());
        let mut all: Vec<_> = (0..8).filter_map(|place| slots.get(place)).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 8);
    }
}
