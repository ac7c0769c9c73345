//! The story of the card service under load: it holds, breaks, recovers and leaves.

use std::process::ExitCode;

fn main() -> ExitCode {
    plimsoll_loadtest::demo::main()
}
