//! Every way the API can fail, and the code that names it.

use plimsoll::errors::Coded;

use crate::{
    api::{MAX_AMOUNT_MINOR, MAX_MERCHANT_CHARS},
    codes::CardCode,
    store::{ActivationError, SpendError, StoreError},
};

/// The closed list of failures. Messages and sources are logged; a caller is told what the catalog
/// says of the code, and which field of its request is wrong.
#[derive(Debug, thiserror::Error, Coded)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ApiError {
    #[error("no account has this id")]
    #[code(CardCode::AccountNotFound)]
    AccountNotFound,
    #[error("no card has this id")]
    #[code(CardCode::CardNotFound)]
    CardNotFound,
    #[error("the amount is out of range")]
    #[code(
        CardCode::InvalidAmount,
        field("/amount_minor", "must be from 1 to {MAX_AMOUNT_MINOR}")
    )]
    InvalidAmount,
    #[error("the merchant's name is empty or too long")]
    #[code(
        CardCode::InvalidMerchant,
        field("/merchant", "must have 1 to {MAX_MERCHANT_CHARS} characters")
    )]
    InvalidMerchant,
    #[error("struck by the fault switch `error_percent`")]
    #[code(CardCode::InjectedFault)]
    Injected,
    #[error(transparent)]
    #[code(forward)]
    Activation(#[from] ActivationError),
    #[error(transparent)]
    #[code(forward)]
    Spend(#[from] SpendError),
    #[error(transparent)]
    #[code(forward)]
    Store(#[from] StoreError),
}
