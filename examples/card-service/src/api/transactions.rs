//! Authorising a spend.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;

use super::{id, now};
use crate::{
    error::ApiError,
    store::{NewSpend, Store, Transaction},
};

/// The most that one spend may ask for, in minor units; more is taken for a mistake.
pub const MAX_AMOUNT_MINOR: i64 = 100_000_000;
/// The longest name of a merchant, in characters.
pub const MAX_MERCHANT_CHARS: usize = 100;

#[derive(Debug, Deserialize)]
pub(super) struct Request {
    card_id: String,
    amount_minor: i64,
    currency: String,
    merchant: String,
}

impl Request {
    fn check(self) -> Result<NewSpend, ApiError> {
        if !(1..=MAX_AMOUNT_MINOR).contains(&self.amount_minor) {
            return Err(ApiError::InvalidAmount);
        }
        let merchant = self.merchant.trim();
        if merchant.is_empty() || merchant.chars().count() > MAX_MERCHANT_CHARS {
            return Err(ApiError::InvalidMerchant);
        }
        Ok(NewSpend {
            card_id: id(&self.card_id, ApiError::CardNotFound)?,
            amount_minor: self.amount_minor,
            merchant: merchant.to_owned(),
            currency: self.currency,
            at: now(),
        })
    }
}

pub(super) async fn authorise(
    State(store): State<Store>,
    Json(request): Json<Request>,
) -> Result<(StatusCode, Json<Transaction>), ApiError> {
    let transaction = store.spend(request.check()?).await?;
    Ok((StatusCode::CREATED, Json(transaction)))
}
