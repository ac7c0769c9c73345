//! The life of a server: listen, serve, drain, flush.
//!
//! On SIGTERM: not ready at once, while everything is still served and answered
//! with `Connection: close` (HTTP/2: GOAWAY) so that clients move away; after
//! the wait the listener closes; then requests in flight have until the drain
//! deadline; then telemetry is flushed. SIGINT skips the wait, and after a second
//! signal nothing is waited for any more. Signals are heard on the listeners'
//! thread, which also ends the process when the service's runtime cannot
//! (`guard`).

mod accept;
mod guard;
mod life;
mod quiet;
mod signals;
mod socket;
mod wire;

use std::net::SocketAddr;
use std::sync::PoisonError;

use axum::Router;
use plimsoll_core::{Mode, Part};
use plimsoll_telemetry::Report;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Duration, timeout};

use crate::{Error, Plimsoll};
pub(crate) use accept::Server;
pub(crate) use guard::{End, guard};
pub(crate) use life::Life;
pub use life::Step;
pub(crate) use signals::{Heard, Streams};
use signals::{Signal, Signals};

/// How long connections without a request stay open after the listener closed,
/// so that what was written before is read and answered.
const LINGER: Duration = Duration::from_millis(300);

/// How much longer than its limit a flush is waited for, in its own thread.
const FLUSH_SLACK: Duration = Duration::from_millis(200);

/// Which step a server is in; connections follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(crate) enum Stage {
    Serving,
    /// Not ready; HTTP/2 connections are told to go away.
    Leaving,
    /// The listener is closed; idle connections are closed.
    Closing,
    /// Everything that is left ends, and what is owed then is cut.
    Over,
}

/// What was cut at the end of a drain.
#[derive(Debug, Clone, Copy, Default)]
struct Cut {
    requests: u64,
    upgraded: u64,
}

impl Plimsoll {
    /// Serves `app` on `listener` until a signal, then drains and flushes.
    ///
    /// Starts the status and control listeners, unless a step of
    /// [`Plimsoll::starting`] has, and the health checks. Each listener's address
    /// stands on a line of its own in the log.
    ///
    /// The end takes no longer than the [`plimsoll_health::Budget`]: when the
    /// runtime is blocked so that this cannot return, the process is ended with
    /// exit code 1, after a line `cut` and a flush. What this cannot bound is
    /// what `main` does next: dropping a runtime waits for blocking tasks that
    /// hang, so a program that has any ends by `std::process::exit`.
    ///
    /// # Errors
    ///
    /// [`Error::Cut`] when requests or upgraded connections were still there at
    /// the drain deadline; before serving, whatever could not be had, with what to do about it.
    pub async fn serve(&self, listener: TcpListener, app: Router) -> Result<(), Error> {
        let shared = &*self.0;
        // The first runtime that serves is the one that is told of.
        let _ = shared.runtime.set(Handle::current().metrics());
        let life = self.life()?;
        let mut signals = life.signals();
        // A host may run the checks itself.
        let checks = self.health().start().ok();
        // Ends with this function, however that ends.
        let mut watching = JoinSet::new();
        watching.spawn(self.watch().run());
        let address = listener.local_addr().map_err(Error::System)?;
        self.announce("service", address);

        let (stage, stages) = watch::channel(Stage::Serving);
        let counts = shared.connections.clone();
        let mut server = Server::new(listener, app, counts, stages, self.drain().clone());
        life.accepts();
        let signal = tokio::select! {
            signal = signals.next() => signal,
            never = server.accept() => match never {},
        };
        let hurry = self.leave(&mut server, &stage, signal, &mut signals).await;
        let cut = self.empty(&mut server, &stage, hurry, &mut signals).await;
        drop((checks, watching));
        let error = cut.map(|Cut { requests, upgraded }| Error::Cut { requests, upgraded });
        let code = error.as_ref().map_or(0, Error::exit_code);
        let report = self.flush(&life, code, &mut signals).await;
        // With it go the listeners.
        drop(life);
        self.end();
        tracing::debug!(balances = report.holds(), "telemetry flushed");
        error.map_or(Ok(()), Err)
    }

    /// From the signal until the listener is closed. Says whether nothing is to
    /// be waited for any more.
    async fn leave(
        &self,
        server: &mut Server,
        stage: &watch::Sender<Stage>,
        signal: Signal,
        signals: &mut Signals,
    ) -> bool {
        let wait = signal.wait(&self.0.budget);
        if self.rollout().mode(Part::Drain) == Mode::Enforce {
            stage.send_replace(Stage::Leaving);
        }
        self.say("draining", &[("signal", signal.as_str().into())]);
        let mut hurry = false;
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = signals.next() => hurry = true,
            never = server.accept() => match never {},
        }
        if !wait.is_zero() && server.answer_no_more() {
            tokio::select! {
                () = tokio::time::sleep(quiet::HANDSHAKE) => {}
                never = server.accept() => match never {},
            }
        }
        server.close();
        // Whose client comes back now comes to another instance.
        self.drain().close_streams();
        // Requests written before the close are still on their way. Where there
        // was no wait, none is made here either.
        tokio::time::sleep(LINGER.min(wait)).await;
        stage.send_replace(Stage::Closing);
        hurry
    }

    /// Until nothing is in flight, or the drain deadline: what is cut then.
    async fn empty(
        &self,
        server: &mut Server,
        stage: &watch::Sender<Stage>,
        hurry: bool,
        signals: &mut Signals,
    ) -> Option<Cut> {
        let drain = self.drain();
        let left = drain.left().unwrap_or_default().max(LINGER);
        let left = if hurry { LINGER } else { left };
        let gone = async {
            server.idle().await;
            // Those that were upgraded.
            drain.idle().await;
        };
        tokio::select! {
            ended = timeout(left, gone) => if ended.is_ok() {
                return None;
            },
            _ = signals.next() => {}
        }
        let upgraded = drain.upgraded();
        let requests = drain.in_flight().saturating_sub(upgraded);
        self.telemetry().abort_requests();
        stage.send_replace(Stage::Over);
        tokio::select! {
            // HTTP/2 streams are tasks of their own, and end a moment after theirs.
            _ = timeout(LINGER, async { server.idle().await; drain.idle().await }) => {}
            // What is stuck in a handler that blocks ends with the process.
            _ = signals.next() => {}
        }
        let requests = requests.max(server.owed());
        (requests + upgraded > 0).then_some(Cut { requests, upgraded })
    }

    /// Flushes within the budget, and prints the closing balance. A signal ends
    /// the wait for sinks that do not answer.
    async fn flush(&self, life: &Life, code: u8, signals: &mut Signals) -> Report {
        if !life.end.take(code) {
            // The guard is at it, and ends the process.
            return std::future::pending().await;
        }
        let flushed = self.flushed(self.0.budget.flush);
        let mut flushed = std::pin::pin!(flushed);
        tokio::select! {
            report = &mut flushed => report,
            _ = signals.next() => {
                self.telemetry().hurry();
                flushed.await
            }
        }
    }

    /// Flushes in a thread of its own: those of the runtime may all be taken.
    async fn flushed(&self, limit: Duration) -> Report {
        let telemetry = self.telemetry().clone();
        let (done, flushed) = oneshot::channel();
        let thread = std::thread::Builder::new().name("plimsoll-flush".into());
        let begun = thread.spawn(move || {
            let _ = done.send(telemetry.shutdown(limit));
        });
        let flushed = timeout(limit + FLUSH_SLACK, flushed).await;
        match (begun, flushed) {
            (Ok(_), Ok(Ok(report))) => report,
            // No thread, a panic in it, or too late: what is known now.
            _ => self.telemetry().report(),
        }
    }

    /// Ends the life that a signal or `serve` began.
    fn end(&self) {
        let life = self.0.life.lock();
        drop(life.unwrap_or_else(PoisonError::into_inner).take());
    }

    fn announce(&self, listener: &str, address: SocketAddr) {
        self.announce_because(listener, address, None);
    }

    fn announce_because(&self, listener: &str, address: SocketAddr, why: Option<&str>) {
        let mut fields = vec![
            ("listener", listener.into()),
            ("address", address.to_string()),
        ];
        fields.extend(why.map(|why| ("why", why.into())));
        self.say("listening", &fields);
    }

    fn say(&self, message: &str, fields: &[(&str, String)]) {
        self.telemetry().say(message, fields);
    }
}
