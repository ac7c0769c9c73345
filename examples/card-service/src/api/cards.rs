//! Cards: reading and activating them.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;

use super::{id, now};
use crate::{
    error::ApiError,
    ids::{AccountId, CardId},
    moment::Moment,
    store::{Card, CardState, Store},
};

/// Where the pictures of all cards are.
pub const IMAGES: &str = "https://images.card-service.example";

/// A card as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct CardView {
    id: CardId,
    account_id: AccountId,
    state: CardState,
    last4: String,
    network: String,
    image_url: String,
    activated_at: Option<Moment>,
}

impl From<Card> for CardView {
    fn from(card: Card) -> Self {
        Self {
            id: card.id,
            account_id: card.account_id,
            state: card.state,
            last4: card.last4,
            network: card.network,
            image_url: format!("{IMAGES}/{}", card.image_key),
            activated_at: card.activated_at,
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct CardList {
    cards: Vec<CardView>,
}

pub(super) async fn of_account(
    State(store): State<Store>,
    Path(account): Path<String>,
) -> Result<Json<CardList>, ApiError> {
    let account = id(&account, ApiError::AccountNotFound)?;
    let (found, cards) = tokio::try_join!(store.account(account), store.cards_of(account))?;
    found.ok_or(ApiError::AccountNotFound)?;
    Ok(Json(CardList {
        cards: cards.into_iter().map(CardView::from).collect(),
    }))
}

pub(super) async fn card(
    State(store): State<Store>,
    Path(card): Path<String>,
) -> Result<Json<CardView>, ApiError> {
    let card = store.card(id(&card, ApiError::CardNotFound)?).await?;
    Ok(Json(card.ok_or(ApiError::CardNotFound)?.into()))
}

/// Idempotent: a card that is active already is answered as if it had been activated now.
pub(super) async fn activate(
    State(store): State<Store>,
    Path(card): Path<String>,
) -> Result<Json<CardView>, ApiError> {
    let card = store
        .activate(id(&card, ApiError::CardNotFound)?, now())
        .await?;
    Ok(Json(card.into()))
}
