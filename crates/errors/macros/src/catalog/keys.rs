//! The keys of an entry and the closed words of their values.

/// What may stand after a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number.
    Status,
    /// One of these.
    Word(&'static [&'static str]),
    /// One of [`RETRY`], `After` with a wait.
    Retry,
    /// A text.
    Text,
}

pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// What to write if it is missing; empty for those that may be.
    pub(super) missing: &'static str,
}

pub(super) const BLAME: &[&str] = &["Client", "Server", "Dependency", "Capacity"];
pub(super) const RETRY: &[&str] = &["Never", "Safe", "SameKey", "After"];
const SLO: &[&str] = &["Good", "Bad", "Excluded"];
const GRPC: &[&str] = &[
    "Cancelled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];

pub(super) const KEYS: [Key; 12] = [
    key("status", Kind::Status, "add `status: 404`, the HTTP status"),
    key(
        "blame",
        Kind::Word(BLAME),
        "add `blame: Client`, whose fault it is: Client, Server, Dependency or Capacity",
    ),
    key(
        "retry",
        Kind::Retry,
        "add `retry: Never`, what the caller may do: Never, Safe, SameKey or \
         After(Duration::from_secs(1))",
    ),
    key("slo", Kind::Word(SLO), ""),
    key("grpc", Kind::Word(GRPC), ""),
    key(
        "title",
        Kind::Text,
        "add `title: \"..\"`, a few words without details of one request",
    ),
    key(
        "client",
        Kind::Text,
        "add `client: \"..\"`, what the caller is told: what happened and what to do",
    ),
    key(
        "support",
        Kind::Text,
        "add `support: \"..\"`, what the support desk asks and answers",
    ),
    key(
        "operator",
        Kind::Text,
        "add `operator: \"..\"`, what an operator looks at",
    ),
    key("owner", Kind::Text, ""),
    key("runbook", Kind::Text, ""),
    key("untested", Kind::Text, ""),
];

const fn key(name: &'static str, kind: Kind, missing: &'static str) -> Key {
    Key {
        name,
        kind,
        missing,
    }
}
