//! The time of a line, RFC 3339 in UTC with microseconds. Up to the second the
//! text is kept from the line before.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use plimsoll_core::Clock;

use super::write::six_digits;

/// Length of `1970-01-01T00:00:00.000000Z`.
const LENGTH: usize = 27;

/// Where the fraction begins.
const FRACTION: usize = 20;

#[derive(Clone, Copy)]
struct Second {
    since_epoch: u64,
    text: [u8; LENGTH],
}

thread_local! {
    static LAST: Cell<Second> = const {
        Cell::new(Second {
            since_epoch: u64::MAX,
            text: [0; LENGTH],
        })
    };
}

/// The text of a reading of the clock. Once a second the clock is compared with
/// the machine's, so that lines follow a corrected one.
pub(crate) fn stamp(clock: &Clock, reading: u64) -> [u8; LENGTH] {
    let nanos = clock.unix(reading);
    let kept = LAST.get();
    if nanos / SECOND == kept.since_epoch {
        return with_fraction(kept.text, nanos);
    }
    clock.sync();
    let nanos = clock.unix(reading);
    let text = whole(nanos);
    LAST.set(Second {
        since_epoch: nanos / SECOND,
        text,
    });
    text
}

const SECOND: u64 = 1_000_000_000;

fn with_fraction(mut text: [u8; LENGTH], nanos: u64) -> [u8; LENGTH] {
    let micros = (nanos % SECOND / 1_000) as u32;
    text[FRACTION..FRACTION + 6].copy_from_slice(&six_digits(micros));
    text
}

fn whole(nanos: u64) -> [u8; LENGTH] {
    let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos);
    let formatted = humantime::format_rfc3339_micros(time).to_string();
    let mut text = [b'0'; LENGTH];
    // A count of nanoseconds ends in the year 2554: four digits.
    for (to, from) in text.iter_mut().zip(formatted.bytes()) {
        *to = from;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_kept_second_gives_the_text_of_a_whole_formatting(
            steps in proptest::collection::vec(0_u64..3_000_000_000, 1..50)
        ) {
            let (clock, hand) = Clock::manual();
            for step in steps {
                hand.advance(Duration::from_nanos(step));
                let now = clock.now();
                prop_assert_eq!(stamp(&clock, now), whole(clock.unix(now)));
            }
        }
    }

    #[test]
    fn two_clocks_of_one_thread_do_not_mix_their_times() {
        let (virtual_clock, _) = Clock::manual();
        let system = Clock::system();
        for _ in 0..2 {
            let early = stamp(&virtual_clock, 0);
            assert_eq!(&early, b"1970-01-02T00:00:00.000000Z");
            assert_ne!(stamp(&system, system.now())[..4], early[..4]);
        }
    }
}
