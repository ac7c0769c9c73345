//! What the probes of a service say, watched while faults come and go.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::Request;

use crate::http::{Connection, get};
use crate::process::Process;
use crate::wait::until_told;

/// A kubelet's default: a probe that takes longer has failed.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// The probes of a service that runs as a process.
#[derive(Debug)]
pub struct Probes {
    /// Its own listener.
    pub service: SocketAddr,
    /// Its status listener.
    pub status: SocketAddr,
    /// Its control listener.
    pub control: SocketAddr,
    check: &'static str,
}

/// The answers of the three probes, and of one check alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Say {
    /// `/livez`.
    pub live: u16,
    /// `/readyz`.
    pub ready: u16,
    /// `/startupz`.
    pub started: u16,
    /// `/readyz/<check>`.
    pub check: u16,
}

/// All is well.
pub const WELL: Say = Say {
    live: 200,
    ready: 200,
    started: 200,
    check: 200,
};

/// The check fails, and with it readiness and nothing else.
pub const NOT_READY: Say = Say {
    ready: 503,
    check: 503,
    ..WELL
};

impl Probes {
    /// Of a service that is well, or soon will be.
    pub async fn of(process: &Process, check: &'static str) -> Self {
        let probes = Self {
            service: process.address("service").await,
            status: process.address("status").await,
            control: process.address("control").await,
            check,
        };
        probes.come_back().await;
        probes
    }

    /// Waits until the probes say this; each answers in time, and meanwhile none
    /// but those that change says anything else. Returns after how long.
    ///
    /// # Panics
    ///
    /// When one is late, says anything else, or never says this.
    pub async fn come_to(&self, wanted: Say) -> Duration {
        let begin = Instant::now();
        let mut before = None;
        until_told("the probes", async || {
            let now = self.ask().await;
            let first = *before.get_or_insert(now);
            for (now, first, wanted) in [
                (now.live, first.live, wanted.live),
                (now.ready, first.ready, wanted.ready),
                (now.started, first.started, wanted.started),
                (now.check, first.check, wanted.check),
            ] {
                assert!(now == first || now == wanted, "{now}");
            }
            (now == wanted).then_some(())
        })
        .await;
        begin.elapsed()
    }

    /// Waits until all is well, whatever they say before.
    pub async fn come_back(&self) {
        until_told("all to be well", async || {
            (self.ask().await == WELL).then_some(())
        })
        .await;
    }

    /// Asks all of them.
    ///
    /// # Panics
    ///
    /// When one takes longer than a kubelet waits.
    pub async fn ask(&self) -> Say {
        let code = async |path: &str| {
            let begin = Instant::now();
            let status = get(self.status, path).await.status().as_u16();
            let took = begin.elapsed();
            assert!(took < PROBE_TIMEOUT, "{path}: {took:?}");
            status
        };
        Say {
            live: code("/livez").await,
            ready: code("/readyz").await,
            started: code("/startupz").await,
            check: code(&format!("/readyz/{}", self.check)).await,
        }
    }

    /// A probe's text with its reasons, which only the control listener tells.
    pub async fn why(&self, path: &str) -> String {
        let answer = get(self.control, path).await;
        String::from_utf8_lossy(answer.body()).into_owned()
    }

    /// Does something to the service.
    ///
    /// # Panics
    ///
    /// When it does not answer 200.
    pub async fn post(&self, path: &str) {
        let request = Request::post(path).body("").unwrap();
        let answer = Connection::open(self.service).await.ask(request).await;
        assert_eq!(answer.status(), 200, "{path}");
    }
}

/// A table of faults, printed when it is dropped.
#[derive(Debug, Default)]
pub struct Table(String);

impl Table {
    /// One row: the fault, what the probes said while it lasted, and the seconds
    /// until it showed and, once it was over, until all was well.
    pub fn row(&mut self, fault: &str, said: Say, on: Duration, off: Duration) {
        let Say {
            live,
            ready,
            started,
            check,
        } = said;
        let (on, off) = (on.as_secs_f64(), off.as_secs_f64());
        let _ = writeln!(
            self.0,
            "{fault:<46} livez {live} readyz {ready} startupz {started} check {check}  on {on:5.2} s  off {off:5.2} s"
        );
    }
}

impl Drop for Table {
    #[expect(clippy::print_stderr, reason = "the result of a test")]
    fn drop(&mut self) {
        eprint!("{}", self.0);
    }
}
