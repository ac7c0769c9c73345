//! What the macros expand to. Not part of the API.

use std::fmt;

pub use plimsoll_core::{Blame, Slo};
pub use plimsoll_errors_macros::{FacadeCoded, catalog, public};
pub use std::vec::Vec;

pub use crate::Grpc;
pub use crate::catalog::declare::Declared;
use crate::{Code, Coded, Public, PublicText, Retry};

#[cfg(feature = "axum")]
pub use axum::response::{IntoResponse, Response};

/// Stands for the codes of a catalog with faults, so that the errors which use them
/// add none: whatever is asked of it holds.
pub const STAND_IN: Code = Declared::new("", 0, "", "")
    .blame(Blame::Client)
    .retry(Retry::After(std::time::Duration::from_secs(1)))
    .code();

/// Lets a public value through and no other.
pub fn public<T: Public + ?Sized>(value: &T) -> &T {
    value
}

/// Lets an error through that has a code.
pub fn coded<T: Coded>(error: &T) -> &dyn Coded {
    error
}

pub fn told(text: fmt::Arguments<'_>) -> PublicText {
    PublicText::__told(text)
}

pub const fn is_clients(code: &Code) -> bool {
    matches!(code.blame, Blame::Client)
}

pub const fn waits(code: &Code) -> bool {
    matches!(code.retry, Retry::After(_))
}

/// Equality of texts, for the compiler.
pub const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// A coded error is axum's response where there is an axum.
#[cfg(feature = "axum")]
#[doc(hidden)]
#[macro_export]
macro_rules! __into_response {
    ([$($generics:tt)*] [$($of:tt)*] [$($bounds:tt)*]) => {
        #[automatically_derived]
        impl $($generics)* $crate::__private::IntoResponse for $($of)* $($bounds)* {
            fn into_response(self) -> $crate::__private::Response {
                $crate::__private::IntoResponse::into_response($crate::Fault::from(self))
            }
        }
    };
}

#[cfg(not(feature = "axum"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __into_response {
    ($($nothing:tt)*) => {};
}
