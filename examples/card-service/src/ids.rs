//! Public ids: a prefix, an underscore and the row's number, padded with zeros to seven digits.
//!
//! `acc_0000001` is the first account, `crd_0000001` the first card. Numbers count from 1 without gaps,
//! so that a load generator can name every account and card of a seeded database from a counter alone.
//!
//! ```
//! use card_service::ids::{self, CardId};
//!
//! assert_eq!(ids::account(1).to_string(), "acc_0000001");
//! assert_eq!("crd_0030000".parse::<CardId>()?, ids::card(30_000));
//! # Ok::<(), ids::ParseIdError>(())
//! ```
//! There is one spelling of an id, so that caches and logs agree:
//! ```
//! use card_service::ids::CardId;
//!
//! for other in ["crd_1", "acc_0000001", "crd_0000000", "crd_+000001", "crd_00000001"] {
//!     assert!(other.parse::<CardId>().is_err());
//! }
//! ```

use std::{fmt, str::FromStr};

use plimsoll::errors::Public;
use serde::{Serialize, Serializer};

/// The id of the account with this number, counted from 1.
pub const fn account(number: i64) -> AccountId {
    AccountId(number)
}

/// The id of the card with this number, counted from 1.
pub const fn card(number: i64) -> CardId {
    CardId(number)
}

/// The text is not an id of the kind that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an id: expected `{prefix}_` and a number of at least seven digits, as in `{prefix}_0000001`"
)]
pub struct ParseIdError {
    prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type)]
        #[sqlx(transparent)]
        pub struct $name(pub(crate) i64);

        impl $name {
            /// The row's number.
            pub const fn number(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{:07}"), self.0)
            }
        }

        /// Any caller may see any id: it says nothing but itself.
        impl Public for $name {}

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(number)
                    .map(Self)
                    .ok_or(ParseIdError { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

ids! {
    /// An account: `acc_0000001`.
    AccountId = "acc";
    /// A card: `crd_0000001`.
    CardId = "crd";
    /// A transaction: `txn_0000001`.
    TransactionId = "txn";
    /// An invoice: `inv_0000001`.
    InvoiceId = "inv";
}

/// Seven digits, or more without a leading zero; never 0.
fn number(digits: &str) -> Option<i64> {
    let canonical = digits.bytes().all(|b| b.is_ascii_digit())
        && (digits.len() == 7 || digits.len() > 7 && !digits.starts_with('0'));
    let number = canonical.then(|| digits.parse().ok()).flatten()?;
    (number > 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_the_number_it_was_written_from() {
        for number in [1, 42, 9_999_999, 10_000_000, i64::MAX] {
            let id = card(number);
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn a_number_too_large_for_a_row_is_no_id() {
        assert!("crd_9223372036854775808".parse::<CardId>().is_err());
    }
}
