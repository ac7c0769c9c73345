//! Failures of the application: from a Rust error to a coded answer.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use plimsoll_core::Blame;

use crate::answer::Told;
use crate::public::{CAUSE_CHARS, one_line};
use crate::{Code, Grpc, PlmCode, PublicText};

/// An error of the application that has a code. Its `Display` and its sources
/// are logged and never sent.
///
/// Each variant says its code; handlers return `Result<T, CardError>` (with the
/// feature `axum` a derived error is a response) or `Result<T, Fault>`:
///
/// ```
/// use plimsoll_errors::{Coded, Fault, catalog};
///
/// catalog! {
///     /// Codes of the card service.
///     pub enum CardCode: "CARD" {
///         1001 CardNotFound {
///             status: 404, blame: Client, retry: Never,
///             title: "Card not found",
///             client: "No card has this id, or you may not see it.",
///             support: "Ask for the last four digits.",
///             operator: "Nothing to do.",
///         },
///     }
/// }
///
/// #[derive(Debug, thiserror::Error, Coded)]
/// enum CardError {
///     #[error("card {0} is not in the table `cards`")]
///     #[code(CardCode::CardNotFound)]
///     Missing(u64),
/// }
///
/// fn find(id: u64) -> Result<(), CardError> {
///     Err(CardError::Missing(id))
/// }
///
/// fn handler() -> Result<(), Fault> {
///     find(7)?;
///     Ok(())
/// }
///
/// let fault = handler().unwrap_err();
/// assert_eq!(fault.code.id, "CARD-1001");
/// assert_eq!(fault.cause.as_deref(), Some("card 7 is not in the table `cards`"));
/// ```
///
/// A variant may tell more: `detail` in place of the catalog's text, `field` for
/// what is wrong where in the request (a JSON pointer and a text), both of the
/// caller's own faults only; and `retry_after`, a field of type `Duration` or
/// `Option<Duration>`, where the code's policy is `After`. Values stand in texts
/// by the names of their fields (or of constants) and must be
/// [`Public`](crate::Public). `forward` gives a variant whatever the error in it says.
///
/// ```
/// use std::time::Duration;
///
/// use plimsoll_errors::{Coded, Fault, PlmCode};
///
/// #[derive(Debug, thiserror::Error, Coded)]
/// enum LimitError {
///     #[error("limit {limit} from {from}")]
///     #[code(PlmCode::InvalidQuery, field("/limit", "must be at most {MOST}, not {limit}"))]
///     TooHigh { limit: u32, from: String },
///     #[error("over by {0}")]
///     #[code(PlmCode::QuotaExceeded, detail = "Over your quota by {0}.", retry_after = 1)]
///     Over(u32, Duration),
/// }
///
/// const MOST: u32 = 20;
///
/// #[derive(Debug, thiserror::Error, Coded)]
/// #[error(transparent)]
/// #[code(forward)]
/// struct ListError(#[from] LimitError);
///
/// let error = ListError(LimitError::TooHigh { limit: 99, from: "10.0.0.7".into() });
/// assert_eq!(error.fields()[0].detail.as_str(), "must be at most 20, not 99");
/// let fault = Fault::from(ListError(LimitError::Over(3, Duration::from_secs(7))));
/// assert_eq!(fault.detail.unwrap().as_str(), "Over your quota by 3.");
/// assert_eq!(fault.retry_after, Some(Duration::from_secs(7)));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no code",
    label = "which code should this failure have?",
    note = "derive it: `#[derive(Coded)]` with `#[code(..)]` on each variant",
    note = "an error of another crate gets one by the variant that holds it: `#[code(MyCode::StoreFailed)]` \
            in place of `#[code(forward)]`"
)]
pub trait Coded: Error {
    /// Its code.
    fn code(&self) -> &'static Code;

    /// What the caller is told instead of the code's client text. Used for
    /// client faults only.
    fn detail(&self) -> Option<PublicText> {
        None
    }

    /// How long the caller should wait, when it is known better than by the code.
    fn retry_after(&self) -> Option<Duration> {
        None
    }

    /// Which fields of the request are wrong. Used for client faults only.
    fn fields(&self) -> Vec<FieldFault> {
        Vec::new()
    }
}

/// One wrong field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// Where it stands in the body: a JSON pointer (RFC 6901), `/amount/minor`.
    pub pointer: PublicText,
    /// What is wrong with it.
    pub detail: PublicText,
}

/// A failure on its way to the client: what it is told and what is logged.
///
/// As a response (feature `axum`) it is a whole problem by itself and stands in
/// the response's extensions, where [`ErrorsLayer`](crate::ErrorsLayer) finds it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Fault {
    /// The code.
    pub code: &'static Code,
    /// What the caller is told instead of the code's client text; client faults only.
    pub detail: Option<PublicText>,
    /// How long the caller should wait, when known better than by the code.
    pub retry_after: Option<Duration>,
    /// Which fields are wrong; client faults only.
    pub fields: Vec<FieldFault>,
    /// The source chain: logged, never sent.
    pub cause: Option<Box<str>>,
    /// Stands in for the code's status, where a foreign layer chose one.
    pub(crate) status: Option<u16>,
    /// Stands in a response whose body is a whole problem already. Boxed, for a
    /// fault is an `Err` and should be small.
    pub(crate) told: Option<Box<Told>>,
}

impl Fault {
    /// A failure of which nothing is known but its code.
    pub fn new(code: impl Into<&'static Code>) -> Self {
        Self {
            code: code.into(),
            detail: None,
            retry_after: None,
            fields: Vec::new(),
            cause: None,
            status: None,
            told: None,
        }
    }

    /// An error without a code: answered as [`PlmCode::Internal`].
    ///
    /// ```
    /// use plimsoll_errors::Fault;
    ///
    /// let parsed: Result<u8, Fault> = "x".parse::<u8>().map_err(|error| Fault::uncoded(&error));
    /// let fault = parsed.unwrap_err();
    /// assert_eq!(fault.code.id, "PLM-5000");
    /// assert_eq!(fault.cause.as_deref(), Some("invalid digit found in string"));
    /// ```
    pub fn uncoded(error: &dyn Error) -> Self {
        Self::new(PlmCode::Internal).with_cause(chain(error))
    }

    /// Says what the caller is told instead of the code's client text.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<PublicText>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says what is logged.
    #[must_use]
    pub fn with_cause(mut self, cause: impl AsRef<str>) -> Self {
        self.cause = Some(one_line(cause.as_ref(), CAUSE_CHARS).into());
        self
    }

    /// Says how long the caller should wait.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The status for a caller that speaks gRPC.
    pub(crate) fn grpc(&self) -> Grpc {
        self.status.map_or(self.code.grpc, Grpc::of_status)
    }

    /// Whether the caller may be told more than the catalog says: only about
    /// its own fault.
    pub(crate) fn may_tell(&self) -> bool {
        self.code.blame == Blame::Client
    }
}

impl<E: Coded> From<E> for Fault {
    fn from(error: E) -> Self {
        Self {
            code: error.code(),
            detail: error.detail(),
            retry_after: error.retry_after(),
            fields: error.fields(),
            cause: None,
            status: None,
            told: None,
        }
        .with_cause(chain(&error))
    }
}

/// The error and its sources in one line; a source whose text the one before
/// already ends with (`#[error(transparent)]`) is said once.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let said = source.to_string();
        if !text.ends_with(&said) {
            // Writing to a String cannot fail.
            let _ = write!(text, ": {said}");
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::num::ParseIntError);

    #[derive(Debug, thiserror::Error)]
    #[error(transparent)]
    struct Through(#[from] Outer);

    #[test]
    fn the_cause_is_the_whole_chain_and_says_nothing_twice() {
        let error = Through(Outer("x".parse::<u8>().unwrap_err()));
        assert_eq!(chain(&error), "outer: invalid digit found in string");
        let fault = Fault::uncoded(&error);
        assert_eq!(fault.code.status, 500);
    }
}
