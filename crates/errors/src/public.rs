//! Which values and texts a client may see.

use std::borrow::Cow;
use std::fmt;

/// Most characters of a detail that a client is shown.
pub(crate) const DETAIL_CHARS: usize = 240;
/// Most characters of a cause that is logged.
pub(crate) const CAUSE_CHARS: usize = 1_024;

/// A type of which every value may be shown to any caller, as its `Display` writes it.
///
/// Numbers, `bool`, `char`, HTTP's status codes and texts fixed in the program
/// are. A `String` is not, nor any error: who knows what stands in it. Mark your
/// ids and enums yourself:
///
/// ```
/// use plimsoll_errors::{Public, public};
///
/// struct CardId(u64);
///
/// impl std::fmt::Display for CardId {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         write!(f, "crd_{:07}", self.0)
///     }
/// }
///
/// impl Public for CardId {}
///
/// let id = CardId(7);
/// assert_eq!(public!("No card has the id {id}.").as_str(), "No card has the id crd_0000007.");
/// ```
#[diagnostic::on_unimplemented(
    message = "a `{Self}` may not be shown to a client",
    label = "values of this type would leave the service",
    note = "take it out of the text: the error's `Display` goes to the log in any case",
    note = "or, if any caller may see any value of it, say so: `impl Public for {Self} {{}}`"
)]
pub trait Public: fmt::Display {}

macro_rules! public_types {
    ($($type:ty)*) => { $(impl Public for $type {})* };
}

public_types! {
    u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 bool char
    std::num::NonZeroU8 std::num::NonZeroU16 std::num::NonZeroU32 std::num::NonZeroU64
    std::num::NonZeroUsize &'static str http::StatusCode crate::Grpc
}

/// A text that a client may see: fixed in the program, or with [`Public`] values
/// only. There is no way from a `String`; values come in by [`public!`](crate::public!)
/// or `#[derive(Coded)]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicText(Cow<'static, str>);

impl PublicText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A text of which the caller has made sure by other means.
    #[cfg(feature = "axum")]
    pub(crate) const fn cleared(text: String) -> Self {
        Self(Cow::Owned(text))
    }

    /// At most `chars` characters of it, on one line.
    pub(crate) fn one_line(&self, chars: usize) -> Self {
        Self(Cow::Owned(one_line(&self.0, chars)))
    }

    /// For the macros, which let only [`Public`] values in.
    #[doc(hidden)]
    pub fn __told(text: fmt::Arguments<'_>) -> Self {
        Self(Cow::Owned(text.to_string()))
    }
}

impl From<&'static str> for PublicText {
    fn from(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl fmt::Display for PublicText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// At most `chars` characters of `text`, controls replaced by spaces.
pub(crate) fn one_line(text: &str, chars: usize) -> String {
    let clean = |char: char| if char.is_control() { ' ' } else { char };
    let mut out: String = text.trim().chars().take(chars).map(clean).collect();
    if text.trim().chars().nth(chars).is_some() {
        out.pop();
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_and_flattened() {
        assert_eq!(one_line(" a\nb\u{1b}c ", 10), "a b c");
        assert_eq!(one_line("äöüß", 3), "äö…");
        assert_eq!(one_line("äöü", 3), "äöü");
    }
}
