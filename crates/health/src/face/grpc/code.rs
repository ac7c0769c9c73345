/// Trailer, or header of an answer without a message.
pub(super) const STATUS: &str = "grpc-status";

/// Status codes that this service answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Ok = 0,
    InvalidArgument = 3,
    NotFound = 5,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Unavailable = 14,
}
