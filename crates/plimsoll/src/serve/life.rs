//! What a service has before it serves: its signals and its listeners.

use std::sync::{Arc, Mutex, PoisonError};

use plimsoll_health::Latch;
use tokio::sync::watch;

use super::guard::End;
use super::signals::{Heard, Signals};
use crate::listeners::{self, Listeners};
use crate::{Error, Plimsoll};

/// From the first start-up step, or from `serve`, to the end.
pub(crate) struct Life {
    heard: watch::Receiver<Heard>,
    pub(super) end: Arc<End>,
    /// Closed until connections are accepted.
    accepting: Mutex<Option<Latch>>,
    _listeners: Listeners,
}

/// What a step of starting up comes to; see [`Plimsoll::starting`].
pub trait Step {
    /// Whether it is done. A step that is not stays pending.
    fn is_done(&self) -> bool;
}

impl Step for () {
    fn is_done(&self) -> bool {
        true
    }
}

impl<T, E> Step for Result<T, E> {
    fn is_done(&self) -> bool {
        self.is_ok()
    }
}

impl Life {
    /// All signals since the life began.
    pub(super) fn signals(&self) -> Signals {
        Signals::new(self.heard.clone())
    }

    /// Says that connections are accepted from now on.
    pub(super) fn accepts(&self) {
        self.end.serves();
        let latch = self.accepting.lock();
        if let Some(latch) = latch.unwrap_or_else(PoisonError::into_inner).take() {
            latch.open();
        }
    }
}

impl Plimsoll {
    /// Does a step of starting up: while it lasts, `/startupz` and `/readyz`
    /// name it, `/livez` passes, and a signal ends the process in order instead
    /// of killing it. The first step hears the signals and opens the status and
    /// the control listener; [`Plimsoll::serve`] takes them over, and until it
    /// accepts connections the service has not started (`serve` on `/startupz`).
    ///
    /// The work comes to `()` or a `Result`; after an error, or when this future
    /// is dropped, the step stays pending as one that was given up, until one of
    /// the same name is done. Steps may run side by side.
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
    pub async fn starting<T: Step>(
        &self,
        step: &str,
        work: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let life = self.life()?;
        let mut signals = life.signals();
        let latch = self.startup(step);
        let signal = tokio::select! {
            done = work => {
                if done.is_done() {
                    latch.open();
                }
                return Ok(done);
            }
            signal = signals.next() => signal.as_str(),
        };
        let step = step.to_owned();
        self.say(
            "ended",
            &[("signal", signal.into()), ("step", step.clone())],
        );
        self.flush(&life, 0, &mut signals).await;
        Err(Error::Ended { signal, step })
    }

    /// Takes what an earlier step began, or begins it.
    pub(super) fn life(&self) -> Result<Arc<Life>, Error> {
        let begun = self.0.life.lock();
        let mut begun = begun.unwrap_or_else(PoisonError::into_inner);
        if let Some(life) = &*begun {
            return Ok(Arc::clone(life));
        }
        let (heard, told) = watch::channel(Heard::default());
        let end = Arc::<End>::default();
        let accepting = self.startup("serve");
        let listeners = listeners::start(self, heard, Arc::clone(&end))?;
        if let Some(address) = listeners.status {
            let why = "under Kubernetes, where nobody named an address";
            let why = self.0.status_of_pod.then_some(why);
            self.announce_because("status", address, why);
        }
        if let Some(address) = listeners.control {
            self.announce("control", address);
        }
        let life = Arc::new(Life {
            heard: told,
            end,
            accepting: Mutex::new(Some(accepting)),
            _listeners: listeners,
        });
        *begun = Some(Arc::clone(&life));
        Ok(life)
    }
}
