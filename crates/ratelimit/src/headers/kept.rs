//! Items that a thread said lately. Clients far from their limits are told the
//! same few numbers, so that most items need not be written and checked again.

use std::cell::RefCell;

use http::HeaderValue;

use plimsoll_core::value::Text;

use super::{value, write_item};

/// Items that a thread keeps; a power of two.
const PLACES: usize = 16;

thread_local! {
    static SAID: RefCell<[Place; PLACES]> = const { RefCell::new([const { Place::EMPTY }; PLACES]) };
}

/// What was said last of all that may stand here.
struct Place {
    name: &'static str,
    numbers: (u32, u64),
    /// Kept from the second time on: what is said once costs no allocation.
    value: Option<HeaderValue>,
}

impl Place {
    const EMPTY: Self = Self {
        name: "",
        numbers: (0, 0),
        value: None,
    };

    /// Names live as long as the process, so the address tells.
    fn is_of(&self, name: &'static str, numbers: (u32, u64)) -> bool {
        self.numbers == numbers && std::ptr::eq(self.name, name)
    }

    #[inline(never)]
    fn learn(&mut self, name: &'static str, numbers: (u32, u64)) -> Option<HeaderValue> {
        let value = written(name, numbers)?;
        if self.is_of(name, numbers) {
            // Copied, for values are cut from larger pieces that they keep alive.
            self.value = HeaderValue::from_bytes(value.as_bytes()).ok();
        } else {
            let value = None;
            *self = Self {
                name,
                numbers,
                value,
            };
        }
        Some(value)
    }
}

/// The item of a policy with these numbers and no partition key.
#[inline]
pub(super) fn item(name: &'static str, numbers: (u32, u64)) -> Option<HeaderValue> {
    let known = SAID.try_with(|said| {
        let place = &mut said.try_borrow_mut().ok()?[at(numbers)];
        Some(match &place.value {
            Some(value) if place.is_of(name, numbers) => Some(value.clone()),
            _ => place.learn(name, numbers),
        })
    });
    match known {
        Ok(Some(item)) => item,
        // In a destructor of the thread.
        _ => written(name, numbers),
    }
}

/// Room for the longest name.
fn written(name: &str, numbers: (u32, u64)) -> Option<HeaderValue> {
    let mut item = Text::<128>::default();
    write_item(&mut item, name, numbers);
    value(&item)
}

fn at((left, window): (u32, u64)) -> usize {
    (window as usize)
        .wrapping_mul(5)
        .wrapping_add(left as usize)
        % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_said_again_is_the_same_and_another_limits_is_its_own() {
        for _ in 0..4 {
            for left in 0..40 {
                for name in ["one", "other"] {
                    let said = item(name, (left, 60)).unwrap();
                    assert_eq!(said, format!("\"{name}\";r={left};t=60"));
                }
            }
        }
    }

    #[test]
    fn only_what_is_said_twice_is_kept() {
        let kept =
            || SAID.with_borrow(|said| said.iter().filter(|place| place.value.is_some()).count());
        for left in 0..100 {
            item("seldom", (left, 7));
        }
        assert_eq!(kept(), 0);
        for _ in 0..3 {
            item("often", (5, 7));
        }
        assert_eq!(kept(), 1);
    }
}
