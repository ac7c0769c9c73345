//! Ways in which a store goes out of order.

use std::time::Duration;

use plimsoll_testkit::process::Signal;
use plimsoll_testkit::proxy::Proxy;
use plimsoll_testkit::redis::Redis as Server;

/// What happens to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It dies of SIGKILL.
    Killed,
    /// It hangs: SIGSTOP.
    Hung,
    /// It answers after five times the deadline.
    Slow,
    /// It dies and is there again, empty.
    Emptied,
    /// It forgets its scripts.
    Flushed,
    /// It has no memory for another key, and evicts none.
    Full,
    /// Another server takes its place.
    FailedOver,
}

/// A store, what could take its place, and the road to it.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) other: Server,
    pub(crate) road: Proxy,
}

impl World {
    pub(crate) async fn start() -> Self {
        let server = Server::with(&["--maxmemory-policy", "noeviction"]).await;
        let other = Server::start().await;
        let road = Proxy::start(server.socket()).await;
        Self {
            server,
            other,
            road,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.road.address())
    }

    pub(crate) async fn strike(&mut self, fault: Fault) {
        match fault {
            Fault::Killed => self.server.kill(),
            Fault::Hung => self.server.signal(Signal::STOP),
            Fault::Slow => self.road.delay(Duration::from_millis(50)),
            Fault::Emptied => self.server.restart().await,
            Fault::Flushed => drop(self.server.ask(&["SCRIPT", "FLUSH"]).await),
            Fault::Full => drop(self.server.ask(&["CONFIG", "SET", "maxmemory", "1"]).await),
            Fault::FailedOver => self.road.lead_to(self.other.socket()),
        }
    }

    /// Ends what lasts.
    pub(crate) async fn heal(&mut self, fault: Fault) {
        match fault {
            Fault::Killed => self.server.restart().await,
            Fault::Hung => self.server.signal(Signal::CONT),
            Fault::Slow => self.road.delay(Duration::ZERO),
            Fault::Full => drop(self.server.ask(&["CONFIG", "SET", "maxmemory", "0"]).await),
            Fault::Emptied | Fault::Flushed | Fault::FailedOver => {}
        }
    }

    /// Commands that the servers ran, this question aside.
    pub(crate) async fn commands(&self) -> u64 {
        let info = self.server.ask(&["INFO", "commandstats"]).await;
        let of_line = |line: &str| {
            let (name, rest) = line.split_once(":calls=")?;
            let calls: u64 = rest.split(',').next()?.parse().ok()?;
            (name != "cmdstat_info").then_some(calls)
        };
        info.lines().filter_map(of_line).sum()
    }
}
