//! What the pages say in words.

use std::fmt::Write as _;

use http::StatusCode;
use plimsoll_errors::Entry;

/// `503 Service Unavailable`.
pub(super) fn status(entry: &Entry) -> String {
    let known = StatusCode::from_u16(entry.status).ok();
    let reason = known.and_then(|status| status.canonical_reason());
    format!("{} {}", entry.status, reason.unwrap_or(""))
        .trim_end()
        .to_owned()
}

/// What blame means for who has to act.
pub(super) fn blame(entry: &Entry) -> &str {
    match entry.blame.as_str() {
        "client" => "the caller's fault",
        "server" => "our fault",
        "dependency" => "the fault of something we depend on",
        "capacity" => "more was asked than there is room for",
        other => other,
    }
}

/// What an SLO makes of it.
pub(super) fn slo(entry: &Entry) -> &str {
    match entry.slo.as_str() {
        "good" => "counts as a good event",
        "bad" => "counts as a bad event and takes from the error budget",
        "excluded" => "is not counted",
        other => other,
    }
}

/// What a caller may do, with the wait.
pub(super) fn retry(entry: &Entry) -> String {
    let meaning = entry.retry.meaning();
    match entry.retry.after_ms {
        Some(wait) => format!("{meaning} ({wait} ms unless the answer says otherwise)"),
        None => meaning.to_owned(),
    }
}

/// The head of the answer, as far as the catalog decides it.
pub(super) fn head(entry: &Entry) -> String {
    let status = status(entry);
    let mut head = format!(
        "HTTP/1.1 {status}\ncontent-type: application/problem+json\ncache-control: no-store\n"
    );
    if let Some(seconds) = entry.retry.retry_after_seconds() {
        // Writing to a String cannot fail.
        let _ = writeln!(head, "retry-after: {seconds}");
    }
    head
}
