//! Whose failures take the shape.

use std::fmt;
use std::str::FromStr;

/// Whose failures take the shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// Those that Plimsoll or axum itself produced; what the application wrote is
    /// never touched.
    #[default]
    Ours,
    /// Bare ones of every layer and handler too: status 400 to 599, with an empty
    /// or a `text/plain` body. Any other body passes unchanged and is counted.
    All,
}

impl Shape {
    /// The word used in configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::All => "all",
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is not a [`Shape`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of ours, all")]
pub struct UnknownShape(String);

impl FromStr for Shape {
    type Err = UnknownShape;

    fn from_str(word: &str) -> Result<Self, UnknownShape> {
        match word {
            "ours" => Ok(Self::Ours),
            "all" => Ok(Self::All),
            _ => Err(UnknownShape(word.into())),
        }
    }
}

/// Put into a response's extensions, it keeps [`Shape::All`] off: a proxy's answer,
/// or one whose empty body means something.
///
/// ```
/// use http::Response;
/// use plimsoll_errors::layer::Passthrough;
///
/// let mut answer = Response::new("as the origin said it");
/// answer.extensions_mut().insert(Passthrough);
/// # assert!(answer.extensions().get::<Passthrough>().is_some());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Passthrough;
