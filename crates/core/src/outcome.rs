//! How a request ended, whose fault it was, and whether an SLO counts it.

use crate::names::value;

/// How a request ended. Closed: every signal uses these words and no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Answered as asked.
    Success,
    /// The client asked for something it cannot have.
    ClientError,
    /// Our limiter or shedder said no.
    Refused,
    /// The service or a dependency failed.
    Fault,
    /// The answer took longer than the service allows itself.
    Timeout,
    /// A panic was caught.
    Panic,
    /// The client left before a response head was ready.
    ClientGoneBeforeHead,
    /// The client left while the body was being sent.
    ClientGoneMidBody,
    /// The response body failed while it was being sent.
    BodyError,
    /// Shutdown cut it.
    ShutdownAbort,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 10] = [
        Self::Success,
        Self::ClientError,
        Self::Refused,
        Self::Fault,
        Self::Timeout,
        Self::Panic,
        Self::ClientGoneBeforeHead,
        Self::ClientGoneMidBody,
        Self::BodyError,
        Self::ShutdownAbort,
    ];

    /// The word used in labels and log lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::ClientError => "client_error",
            Self::Refused => "refused",
            Self::Fault => "fault",
            Self::Timeout => "timeout",
            Self::Panic => "panic",
            Self::ClientGoneBeforeHead => "client_gone_before_head",
            Self::ClientGoneMidBody => "client_gone_mid_body",
            Self::BodyError => "body_error",
            Self::ShutdownAbort => "shutdown_abort",
        }
    }

    /// The outcome that an HTTP status tells when nothing said more.
    pub const fn of_status(status: u16) -> Self {
        match status {
            0..400 => Self::Success,
            400..500 => Self::ClientError,
            _ => Self::Fault,
        }
    }

    /// Whose fault it is when no code said so.
    pub const fn blame(self) -> Option<Blame> {
        match self {
            Self::Success => None,
            Self::ClientError | Self::ClientGoneBeforeHead | Self::ClientGoneMidBody => {
                Some(Blame::Client)
            }
            Self::Refused => Some(Blame::Capacity),
            Self::Fault | Self::Timeout | Self::Panic | Self::BodyError | Self::ShutdownAbort => {
                Some(Blame::Server)
            }
        }
    }
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Blame {
    /// The caller must change something.
    Client,
    /// This service.
    Server,
    /// Something this service calls.
    Dependency,
    /// More was asked than there is room for.
    Capacity,
}

impl Blame {
    /// The word used in labels and log lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Dependency => "dependency",
            Self::Capacity => "capacity",
        }
    }

    /// How an SLO counts a failure with this blame unless its code says otherwise.
    pub const fn slo(self) -> Slo {
        match self {
            Self::Client => Slo::Excluded,
            Self::Server | Self::Dependency | Self::Capacity => Slo::Bad,
        }
    }
}

/// How an SLO counts a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slo {
    /// A valid event, as promised.
    Good,
    /// A valid event that burns budget.
    Bad,
    /// Not a valid event.
    Excluded,
}

impl Slo {
    /// The word used in labels and log lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Excluded => "excluded",
        }
    }
}

/// The label value of a method: the semantic conventions' nine, else `_OTHER`.
///
/// ```
/// use plimsoll_core::outcome::method_label;
/// assert_eq!(method_label(&http::Method::GET), "GET");
/// let scanner = http::Method::from_bytes(b"PROPFIND").unwrap();
/// assert_eq!(method_label(&scanner), "_OTHER");
/// ```
pub fn method_label(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "CONNECT" => "CONNECT",
        "TRACE" => "TRACE",
        _ => value::OTHER,
    }
}
