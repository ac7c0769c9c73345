//! `make fuzz`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::{Input, check, quiet_planted_panics};

fuzz_target!(init: quiet_planted_panics(), |input: Input<'_>| check(&input));
