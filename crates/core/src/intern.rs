//! Route templates as `&'static str`: bounded, looked up without a lock.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::names::value;

/// Most templates that are kept; what comes after is [`value::OVERFLOW`].
pub const MAX: usize = 10_000;

static ALL: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);

thread_local! {
    static SEEN: RefCell<HashSet<&'static str>> = RefCell::new(HashSet::new());
}

/// The template for ever. Only for values that come from the program's own
/// router: each new one is kept for the life of the process.
pub fn intern(template: &str) -> &'static str {
    SEEN.with(|seen| {
        let Ok(mut seen) = seen.try_borrow_mut() else {
            return shared(template);
        };
        if let Some(known) = seen.get(template) {
            return *known;
        }
        let kept = shared(template);
        if kept != value::OVERFLOW {
            seen.insert(kept);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_template_is_kept_once() {
        let first = intern(&String::from("/cards/{id}"));
        let again = std::thread::spawn(|| intern(&String::from("/cards/{id}")));
        assert!(std::ptr::eq(first, again.join().unwrap()));
    }
}
