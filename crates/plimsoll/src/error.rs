//! Why a service did not start, or did not end well.

use std::fmt;
use std::net::SocketAddr;

use plimsoll_health::{BudgetError, HealthError};
use plimsoll_ratelimit::{LimitError, OverloadError};
use plimsoll_telemetry::TelemetryError;

/// Why a service did not start, or did not end well.
///
/// Its `Debug` form is the message, so that `main` may return it.
#[non_exhaustive]
pub enum Error {
    /// Telemetry could not start, or the host has a global that was asked for.
    Telemetry(TelemetryError),
    /// A check is named or timed wrongly.
    Health(HealthError),
    /// A limit cannot be kept as it is written.
    Limit(LimitError),
    /// How critical requests are is written wrongly.
    Overload(OverloadError),
    /// A shutdown would take longer than the platform grants.
    Budget(BudgetError),
    /// An address could not be listened on.
    Listen {
        /// `status` or `control`.
        listener: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The control listener would be open to the network.
    OpenControl(SocketAddr),
    /// The process's signals, threads or runtime could not be had.
    System(std::io::Error),
    /// Requests or upgraded connections were still there at the drain deadline
    /// and were cut.
    Cut {
        /// How many requests.
        requests: u64,
        /// How many connections that were upgraded, such as WebSockets.
        upgraded: u64,
    },
    /// A signal came before the service had started.
    Ended {
        /// `SIGTERM` or `SIGINT`.
        signal: &'static str,
        /// What was being done.
        step: String,
    },
}

impl Error {
    /// What the process should exit with: 0 when it was told to end before it
    /// served anybody, 1 when something was cut, 2 otherwise.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Ended { .. } => 0,
            Self::Cut { .. } => 1,
            _ => 2,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Telemetry(error) => error.fmt(f),
            Self::Health(error) => error.fmt(f),
            Self::Limit(error) => error.fmt(f),
            Self::Overload(error) => error.fmt(f),
            Self::Budget(error) => error.fmt(f),
            Self::Listen {
                listener,
                address,
                source,
            } => write!(
                f,
                "cannot listen on {address} for the {listener} listener: {source}; choose another address with PLIMSOLL_{}, or port 0 for any free one",
                listener.to_ascii_uppercase()
            ),
            Self::OpenControl(address) => write!(
                f,
                "the control listener on {address} can be reached from outside and has no token: set PLIMSOLL_CONTROL_TOKEN, or listen on 127.0.0.1"
            ),
            Self::System(error) => write!(f, "the system refused what a server needs: {error}"),
            Self::Cut { requests, upgraded } => write!(
                f,
                "cut at the drain deadline: {requests} requests, {upgraded} upgraded connections; raise PLIMSOLL_DRAIN, find the requests by the access log's outcome shutdown_abort, and let streams end by `Drain::closing`"
            ),
            Self::Ended { signal, step } => {
                write!(
                    f,
                    "{signal} came before the service had started, during {step:?}"
                )
            }
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen { source, .. } | Self::System(source) => Some(source),
            _ => None,
        }
    }
}

impl From<TelemetryError> for Error {
    fn from(error: TelemetryError) -> Self {
        Self::Telemetry(error)
    }
}

impl From<HealthError> for Error {
    fn from(error: HealthError) -> Self {
        Self::Health(error)
    }
}

impl From<LimitError> for Error {
    fn from(error: LimitError) -> Self {
        Self::Limit(error)
    }
}

impl From<OverloadError> for Error {
    fn from(error: OverloadError) -> Self {
        Self::Overload(error)
    }
}

impl From<BudgetError> for Error {
    fn from(error: BudgetError) -> Self {
        Self::Budget(error)
    }
}
