//! What a service has before it serves: its signals and its listeners.

use std::sync::PoisonError;

use super::signals::Signals;
use crate::listeners::{self, Listeners};
use crate::{Error, Plimsoll};

/// From the first start-up step, or from `serve`, to the end.
pub(crate) struct Life {
    pub(super) signals: Signals,
    pub(super) listeners: Listeners,
}

impl Plimsoll {
    /// Does a step of starting up: while it lasts, `/startupz` and `/readyz`
    /// name it, `/livez` passes, and a signal ends the process in order instead
    /// of killing it. The first step opens the status and the control listener;
    /// [`Plimsoll::serve`] takes them over.
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> Result<(), plimsoll::Error> {
    /// use plimsoll::Plimsoll;
    ///
    /// async fn migrate() { /* may take minutes */ }
    ///
    /// let plimsoll = Plimsoll::builder("card-service").install()?;
    /// plimsoll.starting("migrations", migrate()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] after a signal: the work was dropped and telemetry
    /// flushed; the process should end. Before the work, what keeps the
    /// listeners from opening.
    pub async fn starting<T>(&self, step: &str, work: impl Future<Output = T>) -> Result<T, Error> {
        let mut life = self.life()?;
        let latch = self.startup(step);
        let signal = tokio::select! {
            done = work => {
                latch.open();
                *self.0.life.lock().unwrap_or_else(PoisonError::into_inner) = Some(life);
                return Ok(done);
            }
            signal = life.signals.next() => signal.as_str(),
        };
        let step = step.to_owned();
        self.say(
            "ended",
            &[("signal", signal.into()), ("step", step.clone())],
        );
        self.flush(self.0.budget.flush, &mut life.signals).await;
        Err(Error::Ended { signal, step })
    }

    /// Takes what an earlier step left, or begins it.
    pub(super) fn life(&self) -> Result<Life, Error> {
        let begun = self.0.life.lock();
        if let Some(life) = begun.unwrap_or_else(PoisonError::into_inner).take() {
            return Ok(life);
        }
        // Signals first: from here on none kills the process.
        let signals = Signals::listen().map_err(Error::System)?;
        let listeners = listeners::start(self)?;
        if let Some(address) = listeners.status {
            self.announce("status", address);
        }
        if let Some(address) = listeners.control {
            self.announce("control", address);
        }
        Ok(Life { signals, listeners })
    }
}
