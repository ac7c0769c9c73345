//! Waiting for an exact moment.
//!
//! Tokio's timer counts whole milliseconds and rounds up, so that every arrival
//! would be a millisecond late and a fast schedule would come in bursts. On
//! Linux the pacer waits for a timerfd instead, which needs neither a second
//! thread nor spinning. Elsewhere, and under virtual time, it is tokio's timer.

#[cfg(target_os = "linux")]
mod timerfd;

use std::io;

use tokio::time::{self, Instant};

/// Waits for one moment after another.
#[derive(Debug)]
pub struct Pacer {
    #[cfg(target_os = "linux")]
    timer: Option<timerfd::Timer>,
}

impl Pacer {
    /// The best the platform has. Within a tokio runtime with I/O only.
    ///
    /// # Errors
    /// The system gives no timer or no file descriptor for it.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn precise() -> io::Result<Self> {
        Ok(Self {
            #[cfg(target_os = "linux")]
            timer: Some(timerfd::Timer::new()?),
        })
    }

    /// Tokio's timer: milliseconds, and virtual time where it is paused.
    pub const fn coarse() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            timer: None,
        }
    }

    /// Waits for `due`. Yields once when it has passed already, so that a
    /// schedule that is behind doesn't starve the journeys it started.
    ///
    /// # Errors
    /// The system's timer failed.
    pub async fn until(&mut self, due: Instant) -> io::Result<()> {
        let ahead = due.saturating_duration_since(Instant::now());
        if ahead.is_zero() {
            tokio::task::yield_now().await;
            return Ok(());
        }
        #[cfg(target_os = "linux")]
        if let Some(timer) = &self.timer {
            return timer.sleep(ahead).await;
        }
        time::sleep_until(due).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn it_never_wakes_early_even_after_an_abandoned_wait() {
        let mut pacer = Pacer::precise().expect("a timer");
        for micros in [0, 50, 300, 2_500, 10_000] {
            let far = Instant::now() + Duration::from_mins(1);
            let abandoned = time::timeout(Duration::from_millis(1), pacer.until(far)).await;
            assert!(abandoned.is_err());
            let due = Instant::now() + Duration::from_micros(micros);
            pacer.until(due).await.expect("a wait");
            assert!(Instant::now() >= due, "{micros} µs");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_coarse_one_follows_virtual_time() {
        let due = Instant::now() + Duration::from_hours(1);
        Pacer::coarse().until(due).await.expect("a wait");
        assert!(Instant::now() >= due);
    }
}
