//! Route templates as `&'static str`: bounded, looked up without a lock.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::names::value;

/// Most templates that are kept; what comes after is [`value::OVERFLOW`].
pub const MAX: usize = 10_000;

static ALL: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);

/// Places of a thread's own cache; a power of two.
const PLACES: usize = 64;

thread_local! {
    static SEEN: Cell<[&'static str; PLACES]> = const { Cell::new([""; PLACES]) };
}

/// The template for ever. Only for values that come from the program's own
/// router: each new one is kept for the life of the process.
pub fn intern(template: &str) -> &'static str {
    // A router hands out the same text at the same address each time, so the
    // address finds the place; the text decides, for addresses are used again.
    let place = (template.as_ptr().addr() >> 4) % PLACES;
    SEEN.with(|seen| {
        let seen = seen.as_array_of_cells();
        let known = seen[place].get();
        if known == template {
            return known;
        }
        let kept = shared(template);
        if kept != value::OVERFLOW {
            seen[place].set(kept);
        }
        kept
    })
}

fn shared(template: &str) -> &'static str {
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    let all = all.get_or_insert_with(HashSet::new);
    if let Some(known) = all.get(template) {
        return known;
    }
    if all.len() >= MAX {
        return value::OVERFLOW;
    }
    let kept: &'static str = Box::leak(template.into());
    all.insert(kept);
    kept
}

/// Most lists that are kept.
const MAX_LISTS: usize = 4_096;

static LISTS: Mutex<Option<HashSet<&'static [&'static str]>>> = Mutex::new(None);

/// A list of such words for ever; `None` when too many are kept already. For
/// lists that the program's own configuration bounds; takes a lock.
pub fn list(words: &[&'static str]) -> Option<&'static [&'static str]> {
    let mut lists = LISTS.lock().unwrap_or_else(PoisonError::into_inner);
    let lists = lists.get_or_insert_with(HashSet::new);
    if let Some(known) = lists.get(words) {
        return Some(known);
    }
    if lists.len() >= MAX_LISTS {
        return None;
    }
    let kept: &'static [&'static str] = Box::leak(words.into());
    lists.insert(kept);
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_list_is_kept_once() {
        let one = list(&["a", "b"]).unwrap();
        assert!(std::ptr::eq(one, list(&["a", "b"]).unwrap()));
        assert_eq!(list(&["b", "a"]), Some(&["b", "a"][..]));
    }

    #[test]
    fn the_same_template_is_kept_once() {
        let first = intern(&String::from("/cards/{id}"));
        let again = std::thread::spawn(|| intern(&String::from("/cards/{id}")));
        assert!(std::ptr::eq(first, again.join().unwrap()));
    }
}
