//! SIGTERM and SIGINT.

use plimsoll_health::Budget;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Duration;

/// What asked the process to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGTERM: a platform, which takes us out of rotation meanwhile.
    Terminate,
    /// SIGINT: a person at a terminal.
    Interrupt,
}

impl Signal {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        }
    }

    /// How long load balancers are waited for.
    pub(super) const fn wait(self, budget: &Budget) -> Duration {
        match self {
            Self::Terminate => budget.propagation,
            Self::Interrupt => Duration::ZERO,
        }
    }
}

/// Both signals as the system sends them, from the moment this is made.
pub(crate) struct Streams {
    terminate: Stream,
    interrupt: Stream,
}

impl Streams {
    /// Has to be called within the runtime that shall hear them.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
        }
    }
}

/// The signals that have come so far.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    count: u32,
    first: Option<Signal>,
    last: Option<Signal>,
}

impl Heard {
    pub(super) fn add(&mut self, signal: Signal) {
        self.count = self.count.saturating_add(1);
        self.first.get_or_insert(signal);
        self.last = Some(signal);
    }
}

/// One who waits for signals: those that came before are told too.
#[derive(Clone)]
pub(crate) struct Signals {
    heard: watch::Receiver<Heard>,
    seen: u32,
}

impl Signals {
    pub(super) const fn new(heard: watch::Receiver<Heard>) -> Self {
        Self { heard, seen: 0 }
    }

    pub(super) async fn next(&mut self) -> Signal {
        let seen = self.seen;
        let told = self.heard.wait_for(|heard| heard.count > seen).await;
        let signal = told.ok().and_then(|heard| match seen {
            0 => heard.first,
            _ => heard.last,
        });
        let Some(signal) = signal else {
            // Who hears them is gone, and the life with it.
            return std::future::pending().await;
        };
        self.seen += 1;
        signal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_comes_late_is_told_of_every_signal_in_its_order() {
        let (heard, told) = watch::channel(Heard::default());
        heard.send_modify(|heard| heard.add(Signal::Terminate));
        heard.send_modify(|heard| heard.add(Signal::Interrupt));
        let mut signals = Signals::new(told);
        let mut another = signals.clone();
        for signals in [&mut signals, &mut another] {
            assert_eq!(signals.next().await, Signal::Terminate);
            assert_eq!(signals.next().await, Signal::Interrupt);
        }
        heard.send_modify(|heard| heard.add(Signal::Terminate));
        assert_eq!(signals.next().await, Signal::Terminate);
    }
}
