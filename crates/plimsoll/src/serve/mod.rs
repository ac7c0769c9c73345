//! The life of a server: listen, serve, drain, flush.
//!
//! On SIGTERM: not ready at once, while everything is still served and answered
//! with `Connection: close` (HTTP/2: GOAWAY) so that clients move away; after
//! the wait the listener closes; then requests in flight have until the drain
//! deadline; then telemetry is flushed. SIGINT skips the wait, and after a second
//! signal nothing is waited for any more.

mod accept;
mod life;
mod quiet;
mod signals;
mod socket;

use axum::Router;
use plimsoll_core::{Mode, Part};
use plimsoll_telemetry::Report;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Duration, timeout};

use crate::{Error, Plimsoll};
pub(crate) use accept::Server;
pub(crate) use life::Life;
use signals::{Signal, Signals};

/// How long connections without a request stay open after the listener closed,
/// so that what was written before is read and answered.
const LINGER: Duration = Duration::from_millis(300);

/// Which step a server is in; connections follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(crate) enum Stage {
    Serving,
    /// Not ready; HTTP/2 connections are told to go away.
    Leaving,
    /// The listener is closed; idle connections are closed.
    Closing,
}

impl Plimsoll {
    /// Serves `app` on `listener` until a signal, then drains and flushes.
    ///
    /// Starts the status and control listeners, unless a step of
    /// [`Plimsoll::starting`] has, and the health checks. Each listener's address
    /// stands on a line of its own in the log.
    ///
    /// # Errors
    ///
    /// [`Error::Cut`] when requests or upgraded connections were still there at
    /// the drain deadline; before serving, whatever could not be had, with what to do about it.
    pub async fn serve(&self, listener: TcpListener, app: Router) -> Result<(), Error> {
        let shared = &*self.0;
        // The first runtime that serves is the one that is told of.
        let _ = shared.runtime.set(Handle::current().metrics());
        let Life {
            mut signals,
            listeners,
        } = self.life()?;
        // A host may run the checks itself.
        let checks = self.health().start().ok();
        // Ends with this function, however that ends.
        let mut watching = JoinSet::new();
        watching.spawn(self.watch().run());
        let address = listener.local_addr().map_err(Error::System)?;
        self.announce("service", address);

        let (stage, stages) = watch::channel(Stage::Serving);
        let drain = self.drain();
        let counts = shared.connections.clone();
        let mut server = Server::new(listener, app, counts, stages, drain.clone());
        let signal = tokio::select! {
            signal = signals.next() => signal,
            never = server.accept() => match never {},
        };

        let budget = shared.budget;
        let mut hurry = signal == Signal::Interrupt;
        let wait = if hurry {
            Duration::ZERO
        } else {
            budget.propagation
        };
        drain.begin(wait + budget.drain);
        if self.rollout().mode(Part::Drain) == Mode::Enforce {
            stage.send_replace(Stage::Leaving);
        }
        self.say("draining", &[("signal", signal.as_str().into())]);
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
        drain.close_streams();
        // Requests written before the close are still on their way. Where there
        // was no wait, none is made here either.
        tokio::time::sleep(LINGER.min(wait)).await;
        stage.send_replace(Stage::Closing);
        // Interrupted: what is in flight may end, but nobody waits for it twice.
        let left = drain.left().unwrap_or_default().max(LINGER);
        let left = if hurry && signal == Signal::Terminate {
            LINGER
        } else {
            left
        };
        let gone = async {
            server.idle().await;
            // Those that were upgraded.
            drain.idle().await;
        };
        let ended = tokio::select! {
            ended = timeout(left, gone) => ended.is_ok(),
            _ = signals.next() => false,
        };
        let upgraded = drain.upgraded();
        let requests = drain.in_flight().saturating_sub(upgraded);
        // A connection that is left has an answer that its client hasn't taken.
        let requests = requests.max(server.connections());
        self.telemetry().abort_requests();
        server.abort().await;
        // HTTP/2 streams are tasks of their own, and end a moment after theirs.
        let _ = timeout(LINGER, drain.idle()).await;
        drop((checks, watching));

        let report = self.flush(budget.flush, &mut signals).await;
        drop(listeners);
        tracing::debug!(balances = report.holds(), "telemetry flushed");
        if !ended && requests + upgraded > 0 {
            return Err(Error::Cut { requests, upgraded });
        }
        Ok(())
    }

    /// Flushes off the runtime, and prints the closing balance. A signal ends
    /// the wait for sinks that do not answer.
    async fn flush(&self, limit: Duration, signals: &mut Signals) -> Report {
        let telemetry = self.telemetry().clone();
        let mut flush = tokio::task::spawn_blocking(move || telemetry.shutdown(limit));
        let flushed = tokio::select! {
            flushed = &mut flush => flushed,
            _ = signals.next() => {
                self.telemetry().hurry();
                flush.await
            }
        };
        match flushed {
            Ok(report) => report,
            // The blocking pool is gone or the flush panicked: what is known now.
            Err(_) => self.telemetry().report(),
        }
    }

    fn announce(&self, listener: &str, address: std::net::SocketAddr) {
        self.say(
            "listening",
            &[
                ("listener", listener.into()),
                ("address", address.to_string()),
            ],
        );
    }

    fn say(&self, message: &str, fields: &[(&str, String)]) {
        self.telemetry().say(message, fields);
    }
}
