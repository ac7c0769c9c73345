//! The one place that prints: results to standard output, the rest to standard error.

use std::io::{self, ErrorKind, IsTerminal as _, Write};

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

/// Writes a text for people; on a terminal its headings, the lines that are not
/// indented, are bold. no-color.org: not when `NO_COLOR` is set to anything.
pub(crate) fn print_headed(text: &str) -> io::Result<()> {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if plain || !io::stdout().is_terminal() {
        return print(text);
    }
    let mut bold = String::with_capacity(text.len() + 64);
    for line in text.lines() {
        let heading = !line.is_empty() && !line.starts_with(' ');
        let (on, off) = if heading {
            ("\x1b[1m", "\x1b[0m")
        } else {
            ("", "")
        };
        bold.extend([on, line, off, "\n"]);
    }
    print(&bold)
}

/// Writes a line for people. With standard error gone there is nobody to tell.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
