//! The one place that prints: results to standard output, the rest to standard error.

use std::io::{self, ErrorKind, Write};

/// Exit code of a check that found its subject stale.
pub(crate) const STALE: u8 = 1;
/// Exit code of a check that failed.
pub(crate) const FAIL: u8 = 1;
/// Exit code of usage errors and bad input; clap uses the same.
pub(crate) const BAD_INPUT: u8 = 2;
/// Exit code after Ctrl-C: 128 + SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;

/// Writes a result. A reader that has seen enough (`| head`) is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes a line for people. With standard error gone there is nobody to tell.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
