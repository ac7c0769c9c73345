use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why a call had no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PacingError<E> {
    /// Not sent: the server's limit allows it only after this time, which is
    /// more than the caller has.
    TooLong {
        /// How long it would have had to wait.
        wait: Duration,
    },
    /// Not sent: thousands of calls wait for the server's limit already.
    Full,
    /// Not sent: the server refused most of what was sent in the last two minutes.
    Throttled,
    /// The client's own error.
    Inner(E),
}

impl<E> fmt::Display for PacingError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { wait } => write!(
                f,
                "not sent: the server's limit allows the request in {wait:?}, which is too late"
            ),
            Self::Full => f.write_str("not sent: too many calls wait for the server's limit"),
            Self::Throttled => f.write_str("not sent: the server refuses most requests just now"),
            Self::Inner(_) => f.write_str("the call failed"),
        }
    }
}

impl<E: Error + 'static> Error for PacingError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Inner(error) => Some(error),
            Self::TooLong { .. } | Self::Full | Self::Throttled => None,
        }
    }
}
