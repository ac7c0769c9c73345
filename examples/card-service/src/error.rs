//! Every way the API can fail, and the code that names it.

use axum::response::{IntoResponse, Response};
use plimsoll::errors::{Code, Coded, Fault, FieldFault};

use crate::{
    codes::CardCode,
    store::{ActivationError, SpendError, StoreError},
};

/// The closed list of failures. What is behind one (its source) is never sent.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ApiError {
    #[error("no account has this id")]
    AccountNotFound,
    #[error("no card has this id")]
    CardNotFound,
    #[error("the card is not active yet")]
    CardInactive,
    #[error("the card is blocked")]
    CardBlocked,
    #[error("the account's limit does not leave enough")]
    LimitExceeded,
    #[error("amount_minor must be from 1 to {}", crate::api::MAX_AMOUNT_MINOR)]
    InvalidAmount,
    #[error("the account is held in another currency")]
    CurrencyMismatch,
    #[error(
        "merchant must have 1 to {} characters",
        crate::api::MAX_MERCHANT_CHARS
    )]
    InvalidMerchant,
    #[error("the store cannot be reached")]
    StoreUnavailable(#[source] StoreError),
    #[error("the store is busy")]
    StoreBusy(#[source] StoreError),
    #[error("the store failed")]
    StoreFailed(#[source] StoreError),
    #[error("struck by the fault switch `error_percent`")]
    Injected,
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Down => Self::StoreUnavailable(error),
            StoreError::Busy(_) => Self::StoreBusy(error),
            StoreError::Failed(_) => Self::StoreFailed(error),
        }
    }
}

impl From<ActivationError> for ApiError {
    fn from(error: ActivationError) -> Self {
        match error {
            ActivationError::NotFound(_) => Self::CardNotFound,
            ActivationError::Blocked(_) => Self::CardBlocked,
            ActivationError::Store(error) => error.into(),
        }
    }
}

impl From<SpendError> for ApiError {
    fn from(error: SpendError) -> Self {
        match error {
            SpendError::CardNotFound(_) => Self::CardNotFound,
            SpendError::CardInactive(_) => Self::CardInactive,
            SpendError::CardBlocked(_) => Self::CardBlocked,
            SpendError::Currency(_) => Self::CurrencyMismatch,
            SpendError::OverLimit(_) => Self::LimitExceeded,
            SpendError::Store(error) => error.into(),
        }
    }
}

impl Coded for ApiError {
    fn code(&self) -> &'static Code {
        match self {
            Self::AccountNotFound => CardCode::AccountNotFound,
            Self::CardNotFound => CardCode::CardNotFound,
            Self::CardInactive => CardCode::CardInactive,
            Self::CardBlocked => CardCode::CardBlocked,
            Self::LimitExceeded => CardCode::LimitExceeded,
            Self::InvalidAmount => CardCode::InvalidAmount,
            Self::CurrencyMismatch => CardCode::CurrencyMismatch,
            Self::InvalidMerchant => CardCode::InvalidMerchant,
            Self::StoreUnavailable(_) => CardCode::StoreUnavailable,
            Self::StoreBusy(_) => CardCode::StoreBusy,
            Self::StoreFailed(_) => CardCode::StoreFailed,
            Self::Injected => CardCode::InjectedFault,
        }
        .code()
    }

    fn fields(&self) -> Vec<FieldFault> {
        let pointer = match self {
            Self::InvalidAmount => "/amount_minor",
            Self::CurrencyMismatch => "/currency",
            Self::InvalidMerchant => "/merchant",
            _ => return Vec::new(),
        };
        // Safe to tell: the messages of these three hold no more than the catalog's texts.
        let detail = self.to_string().into();
        vec![FieldFault {
            pointer: pointer.into(),
            detail,
        }]
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        Fault::from(self).into_response()
    }
}
