//! Cards and their activation.

use plimsoll::errors::Coded;
use serde::Serialize;

use super::{Store, StoreError};
use crate::{
    codes::CardCode,
    ids::{AccountId, CardId},
    moment::Moment,
};

/// What a card may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(rename_all = "snake_case")]
pub enum CardState {
    /// In the post; its holder has to activate it.
    Inactive,
    /// In use.
    Active,
    /// Out of use for good.
    Blocked,
}

/// A card as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Card {
    pub id: CardId,
    pub account_id: AccountId,
    pub state: CardState,
    /// The last four digits that are printed on it.
    pub last4: String,
    pub network: String,
    /// Where its picture is, relative to the place all pictures are in.
    pub image_key: String,
    pub activated_at: Option<Moment>,
    /// Counts the writes to this row.
    pub version: i64,
}

/// A card could not be activated.
#[derive(Debug, thiserror::Error, Coded)]
#[non_exhaustive]
pub enum ActivationError {
    /// No card has this id.
    #[error("there is no card {0}")]
    #[code(
        CardCode::CardNotFound,
        detail = "No card has the id {0}. List the account's cards to see theirs."
    )]
    NotFound(CardId),
    /// The card is out of use for good.
    #[error("card {0} is blocked")]
    #[code(CardCode::CardBlocked)]
    Blocked(CardId),
    /// The store failed.
    #[error(transparent)]
    #[code(forward)]
    Store(#[from] StoreError),
}

impl Store {
    /// The card with this id, if there is one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn card(&self, id: CardId) -> Result<Option<Card>, StoreError> {
        let mut connection = self.reader().await?;
        let card = sqlx::query_as(
            "SELECT id, account_id, state, last4, network, image_key, activated_at, version
             FROM cards WHERE id = ?",
        )
        .bind(id)
        .fetch_optional(&mut *connection)
        .await?;
        Ok(card)
    }

    /// The cards of an account, oldest first; none for an account that does not exist.
    ///
    /// # Errors
    /// The store failed.
    pub async fn cards_of(&self, account: AccountId) -> Result<Vec<Card>, StoreError> {
        let mut connection = self.reader().await?;
        let cards = sqlx::query_as(
            "SELECT id, account_id, state, last4, network, image_key, activated_at, version
             FROM cards WHERE account_id = ? ORDER BY id",
        )
        .bind(account)
        .fetch_all(&mut *connection)
        .await?;
        Ok(cards)
    }

    /// Activates a card. One that is active already is left as it is and counts as done.
    ///
    /// # Errors
    /// There is no such card, it is blocked, or the store failed.
    pub async fn activate(&self, id: CardId, at: Moment) -> Result<Card, ActivationError> {
        if let Some(card) = self.activate_inactive(id, at).await? {
            return Ok(card);
        }
        let card = self.card(id).await?.ok_or(ActivationError::NotFound(id))?;
        match card.state {
            CardState::Blocked => Err(ActivationError::Blocked(id)),
            CardState::Active | CardState::Inactive => Ok(card),
        }
    }

    async fn activate_inactive(&self, id: CardId, at: Moment) -> Result<Option<Card>, StoreError> {
        let mut connection = self.writer().await?;
        let card = sqlx::query_as(
            "UPDATE cards SET state = 'active', activated_at = ?, version = version + 1
             WHERE id = ? AND state = 'inactive'
             RETURNING id, account_id, state, last4, network, image_key, activated_at, version",
        )
        .bind(at)
        .bind(id)
        .fetch_optional(&mut *connection)
        .await?;
        Ok(card)
    }
}
