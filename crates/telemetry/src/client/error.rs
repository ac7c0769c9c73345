//! Why a call failed, from a closed list: never an error's own text.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::io;

/// `error.type` of the semantic conventions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorType {
    None,
    /// The status tells.
    Status,
    Timeout,
    Refused,
    Reset,
    Unreachable,
    Dns,
    /// The response body broke.
    Body,
    /// The call was given up before its end.
    Cancelled,
    Other,
}

impl ErrorType {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None | Self::Status => "",
            Self::Timeout => "timeout",
            Self::Refused => "connection_refused",
            Self::Reset => "connection_reset",
            Self::Unreachable => "unreachable",
            Self::Dns => "dns",
            Self::Body => "body",
            Self::Cancelled => "cancelled",
            Self::Other => "_OTHER",
        }
    }

    /// Of the innermost cause that says something.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        /// A chain may be a ring.
        const DEPTH: usize = 16;
        let mut found = Self::Other;
        let mut next = Some(error);
        for _ in 0..DEPTH {
            let Some(error) = next else { break };
            let io = error.downcast_ref::<io::Error>().map(io::Error::kind);
            if let Some(of_this) = io.and_then(by_kind).or_else(|| by_text(error)) {
                found = of_this;
            }
            next = error.source();
        }
        found
    }
}

fn by_kind(kind: io::ErrorKind) -> Option<ErrorType> {
    Some(match kind {
        io::ErrorKind::TimedOut => ErrorType::Timeout,
        io::ErrorKind::ConnectionRefused => ErrorType::Refused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof => ErrorType::Reset,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::AddrNotAvailable => ErrorType::Unreachable,
        _ => return None,
    })
}

/// What clients say by types of their own: tower's and tokio's `Elapsed`,
/// reqwest's `TimedOut`, hyper's incomplete message and hyper-util's `dns error`.
/// The text is compared and not repeated.
fn by_text(error: &(dyn Error + 'static)) -> Option<ErrorType> {
    let mut text = Start {
        bytes: [0; 48],
        len: 0,
    };
    // Fails when the text is longer than any of the list.
    let _ = write!(text, "{error}");
    Some(match text.as_str()? {
        "request timed out"
        | "deadline has elapsed"
        | "operation timed out"
        | "Timeout expired" => ErrorType::Timeout,
        "dns error" => ErrorType::Dns,
        "connection closed before message completed" => ErrorType::Reset,
        _ => return None,
    })
}

/// The start of a text.
struct Start {
    bytes: [u8; 48],
    len: usize,
}

impl Start {
    fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes.get(..self.len)?).ok()
    }
}

impl fmt::Write for Start {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Reads the errors of a client.
pub trait Cause<E> {
    /// The error, for a look at its sources.
    fn cause(error: &E) -> &(dyn Error + 'static);
}

/// The client's error is a type of its own.
#[derive(Debug, Clone, Copy)]
pub struct Typed;

impl<E: Error + 'static> Cause<E> for Typed {
    fn cause(error: &E) -> &(dyn Error + 'static) {
        error
    }
}

/// The client's error is a `Box<dyn Error + Send + Sync>`.
#[derive(Debug, Clone, Copy)]
pub struct Boxed;

impl Cause<Box<dyn Error + Send + Sync>> for Boxed {
    fn cause<'a>(error: &'a Box<dyn Error + Send + Sync>) -> &'a (dyn Error + 'static) {
        &**error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Wrapped(io::Error);

    impl fmt::Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("client error (Connect) with a text of any length whatsoever")
        }
    }

    impl Error for Wrapped {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn the_type_comes_from_the_cause_and_is_one_of_a_list() {
        let of = |kind: io::ErrorKind| ErrorType::of(&Wrapped(kind.into()));
        assert_eq!(of(io::ErrorKind::ConnectionRefused), ErrorType::Refused);
        assert_eq!(of(io::ErrorKind::TimedOut), ErrorType::Timeout);
        assert_eq!(of(io::ErrorKind::StorageFull), ErrorType::Other);
        let elapsed = io::Error::other("deadline has elapsed");
        assert_eq!(ErrorType::of(&elapsed), ErrorType::Timeout);
        assert_eq!(
            ErrorType::of(&io::Error::other("dns error")),
            ErrorType::Dns
        );
        let told = io::Error::other("secret");
        assert_eq!(ErrorType::of(&told).as_str(), "_OTHER");
    }
}
