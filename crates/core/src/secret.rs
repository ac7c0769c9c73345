//! A value that cannot be printed by mistake.

use std::fmt;

/// A value that only [`Secret::expose`] gives out. It has no `Display`, no
/// `Serialize`, and its `Debug` form is a fixed word; it costs nothing.
///
/// ```
/// use plimsoll_core::Secret;
///
/// let token = Secret::new(String::from("hunter2"));
/// assert_eq!(format!("{token:?}"), "(secret)");
/// assert_eq!(token.expose(), "hunter2");
/// ```
///
/// ```compile_fail
/// println!("{}", plimsoll_core::Secret::new("hunter2"));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Keeps a value from being printed.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, where it is used.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}
