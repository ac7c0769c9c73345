//! What the probes say, watched.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::Request;
use plimsoll_testkit::http::{Connection, get};
use plimsoll_testkit::process::Process;
use plimsoll_testkit::wait::until_told;

/// A kubelet's default: a probe that takes longer has failed.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// The probes of a service.
pub(crate) struct Probes {
    pub(crate) service: SocketAddr,
    pub(crate) status: SocketAddr,
}

/// The three probes, as they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Say {
    pub(crate) live: u16,
    pub(crate) ready: u16,
    pub(crate) started: u16,
}

pub(crate) const WELL: Say = Say {
    live: 200,
    ready: 200,
    started: 200,
};
pub(crate) const NOT_READY: Say = Say { ready: 503, ..WELL };

impl Probes {
    /// Of a service that is well.
    pub(crate) async fn of(process: &Process) -> Self {
        let probes = Self {
            service: process.address("service").await,
            status: process.address("status").await,
        };
        probes.come_back().await;
        probes
    }

    /// Waits until the probes say this; each answers in time, and meanwhile none
    /// but those that change says anything else. Returns after how long.
    pub(crate) async fn come_to(&self, wanted: Say) -> Duration {
        let begin = Instant::now();
        let mut before = None;
        until_told("the probes", async || {
            let now = self.ask().await;
            let first = *before.get_or_insert(now);
            for (now, first, wanted) in [
                (now.live, first.live, wanted.live),
                (now.ready, first.ready, wanted.ready),
                (now.started, first.started, wanted.started),
            ] {
                assert!(now == first || now == wanted, "{now}");
            }
            (now == wanted).then_some(())
        })
        .await;
        begin.elapsed()
    }

    /// Waits until all is well, whatever they say before.
    pub(crate) async fn come_back(&self) {
        until_told("all to be well", async || {
            (self.ask().await == WELL).then_some(())
        })
        .await;
    }

    /// Asks all three.
    pub(crate) async fn ask(&self) -> Say {
        let code = async |path| {
            let begin = Instant::now();
            let status = get(self.status, path).await.status().as_u16();
            assert!(
                begin.elapsed() < PROBE_TIMEOUT,
                "{path}: {:?}",
                begin.elapsed()
            );
            status
        };
        Say {
            live: code("/livez").await,
            ready: code("/readyz").await,
            started: code("/startupz").await,
        }
    }

    /// Does something to the service.
    pub(crate) async fn post(&self, path: &str) -> Vec<u8> {
        let request = Request::post(path).body("").unwrap();
        let answer = Connection::open(self.service).await.ask(request).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.body().to_vec()
    }
}

/// One row of the table: the fault, and the seconds until it showed and until it
/// no longer did.
pub(crate) fn row(fault: &str, on: Duration, off: Duration) {
    let (on, off) = (on.as_secs_f64(), off.as_secs_f64());
    eprintln!("{fault:<24} shown after {on:5.2} s, gone after {off:5.2} s");
}
