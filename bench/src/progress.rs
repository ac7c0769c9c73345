//! How far a long measure is: a bar on a terminal, else a line for each step.

use std::io::{IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressStyle};

/// The progress of a known number of steps.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    what: &'static str,
}

impl Progress {
    /// Begins `steps` of `what`.
    pub fn new(what: &'static str, steps: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(steps as u64).with_prefix(what);
            let style =
                ProgressStyle::with_template("{prefix:14} {bar:30} {pos}/{len} {eta} {msg}");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, what }
    }

    /// A step is done.
    pub fn step(&self, done: &str) {
        match &self.bar {
            Some(bar) => {
                bar.set_message(done.to_owned());
                bar.inc(1);
            }
            // To standard error, which may be closed.
            None => {
                let _ = writeln!(std::io::stderr(), "{}: {done}", self.what);
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
