//! How a run is doing, on standard error: one live line on a terminal, a plain
//! line every five seconds elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use plimsoll_core::outcome::Slo;
use tokio::task::JoinHandle;
use tokio::time::{self, Instant};

use crate::tape::Recorder;

const LIVE: Duration = Duration::from_millis(200);
const PLAIN: Duration = Duration::from_secs(5);

/// A running progress line; gone when dropped.
#[derive(Debug)]
pub struct Progress {
    task: JoinHandle<()>,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Shows a run of `length` by what `recorder` has. Within a tokio runtime.
    pub fn start(recorder: Recorder, length: Duration) -> Self {
        let bar = io::stderr().is_terminal().then(|| bar(length));
        let shown = bar.clone();
        let task = tokio::spawn(async move {
            let began = Instant::now();
            let every = if shown.is_some() { LIVE } else { PLAIN };
            let mut ticks = time::interval_at(began + every, every);
            loop {
                ticks.tick().await;
                let at = began.elapsed();
                let line = line(&recorder, at);
                if let Some(bar) = &shown {
                    bar.set_position(at.min(length).as_secs());
                    bar.set_message(line);
                } else {
                    let (at, length) = (at.as_secs(), length.as_secs());
                    // A closed standard error is no reason to stop.
                    let _ = writeln!(io::stderr().lock(), "{at:>4}/{length} s  {line}");
                }
            }
        });
        Self { task, bar }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(length: Duration) -> ProgressBar {
    let bar = ProgressBar::new(length.as_secs());
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos:>3}/{len} s  {msg}") {
        bar.set_style(style);
    }
    bar
}

/// Rate, done, errors, p95.
fn line(recorder: &Recorder, at: Duration) -> String {
    let stats = recorder.stats();
    let total = stats.overall();
    let rate = stats.begun as f64 / at.as_secs_f64().max(0.001);
    format!(
        "{rate:.0} arrivals/s, {} answered, {} bad, p95 {:.1} ms",
        total.answered(),
        total.counted.slo(Slo::Bad),
        total.from_intended.quantiles().p95_ms
    )
}
