//! Waiting in sight of the user: a bar on a terminal, lines elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, sleep_until};

use crate::output;

/// Shorter waits pass without a word.
const SILENT: Duration = Duration::from_secs(2);
/// How often the bar moves.
const TICK: Duration = Duration::from_millis(100);
/// How often a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(10);

/// Waits. Dropping the future ends the wait and clears the bar.
pub(crate) async fn wait(span: Duration, what: &str) {
    let start = Instant::now();
    if span <= SILENT {
        sleep_until(start + span).await;
    } else if stderr().is_terminal() {
        with_bar(start, span, what).await;
    } else {
        with_lines(start, span, what).await;
    }
}

async fn with_bar(start: Instant, span: Duration, what: &str) {
    let bar = Cleared(ProgressBar::new(span.as_millis() as u64));
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:30}] {percent}%") {
        bar.0.set_style(style);
    }
    bar.0.set_message(what.to_owned());
    while start.elapsed() < span {
        bar.0.set_position(start.elapsed().as_millis() as u64);
        sleep_until((Instant::now() + TICK).min(start + span)).await;
    }
}

async fn with_lines(start: Instant, span: Duration, what: &str) {
    let mut passed = Duration::ZERO;
    while passed < span {
        output::note(&format!(
            "{what}: {} s left",
            span.saturating_sub(passed).as_secs_f64().round()
        ));
        passed = (passed + LINE).min(span);
        sleep_until(start + passed).await;
    }
}

/// Takes the bar off the screen, however the wait ends.
struct Cleared(ProgressBar);

impl Drop for Cleared {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
