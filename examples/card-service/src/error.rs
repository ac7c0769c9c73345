//! Every way the API can fail, and the code that names it.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::store::{ActivationError, SpendError, StoreError};

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

/// Number, status and title of each failure: what will be the catalog.
struct Code {
    number: u16,
    status: StatusCode,
    title: &'static str,
}

impl ApiError {
    const fn code(&self) -> Code {
        let (number, status, title) = match self {
            Self::AccountNotFound => (1001, StatusCode::NOT_FOUND, "Account not found"),
            Self::CardNotFound => (1002, StatusCode::NOT_FOUND, "Card not found"),
            Self::CardInactive => (1003, StatusCode::CONFLICT, "Card not active"),
            Self::CardBlocked => (1004, StatusCode::CONFLICT, "Card blocked"),
            Self::LimitExceeded => (1005, StatusCode::PAYMENT_REQUIRED, "Limit exceeded"),
            Self::InvalidAmount => (1006, StatusCode::UNPROCESSABLE_ENTITY, "Invalid amount"),
            Self::CurrencyMismatch => (1007, StatusCode::UNPROCESSABLE_ENTITY, "Currency mismatch"),
            Self::InvalidMerchant => (1008, StatusCode::UNPROCESSABLE_ENTITY, "Invalid merchant"),
            Self::StoreUnavailable(_) => {
                (2001, StatusCode::SERVICE_UNAVAILABLE, "Store unavailable")
            }
            Self::StoreBusy(_) => (2002, StatusCode::SERVICE_UNAVAILABLE, "Store busy"),
            Self::StoreFailed(_) => (2003, StatusCode::INTERNAL_SERVER_ERROR, "Store failed"),
            Self::Injected => (2900, StatusCode::INTERNAL_SERVER_ERROR, "Injected fault"),
        };
        Code {
            number,
            status,
            title,
        }
    }
}

/// RFC 9457.
#[derive(Serialize)]
struct Problem {
    title: &'static str,
    status: u16,
    code: String,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Code {
            number,
            status,
            title,
        } = self.code();
        let problem = Problem {
            title,
            status: status.as_u16(),
            code: format!("CARD-{number}"),
        };
        (
            status,
            [(header::CONTENT_TYPE, "application/problem+json")],
            Json(problem),
        )
            .into_response()
    }
}
