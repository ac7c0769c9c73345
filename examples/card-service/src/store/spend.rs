//! Authorising a spend: never over the limit, whoever else spends at the same time.

use plimsoll::errors::Coded;
use sqlx::{Connection, SqliteConnection};

use super::{CardState, Store, StoreError, Transaction, TransactionStatus};
use crate::{
    codes::CardCode,
    ids::{AccountId, CardId, TransactionId},
    moment::Moment,
};

/// What a merchant asks for. The amount is in minor units and above 0; the API checks that before.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct NewSpend {
    pub card_id: CardId,
    pub amount_minor: i64,
    pub currency: String,
    pub merchant: String,
    pub at: Moment,
}

/// A spend was not authorised. No money moved and nothing was recorded.
#[derive(Debug, thiserror::Error, Coded)]
#[non_exhaustive]
pub enum SpendError {
    /// No card has this id.
    #[error("there is no card {0}")]
    #[code(CardCode::CardNotFound, field("/card_id", "no card has the id {0}"))]
    CardNotFound(CardId),
    /// The card was not activated yet.
    #[error("card {0} is not active")]
    #[code(CardCode::CardInactive)]
    CardInactive(CardId),
    /// The card is out of use for good.
    #[error("card {0} is blocked")]
    #[code(CardCode::CardBlocked)]
    CardBlocked(CardId),
    /// The account is held in another currency.
    #[error("the account of card {0} is held in another currency")]
    #[code(
        CardCode::CurrencyMismatch,
        field("/currency", "the account is held in another one")
    )]
    Currency(CardId),
    /// The account's limit leaves less than was asked for.
    #[error("the limit of the account of card {0} does not leave enough")]
    #[code(CardCode::LimitExceeded)]
    OverLimit(CardId),
    /// The store failed.
    #[error(transparent)]
    #[code(forward)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for SpendError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Takes the amount from what the account's limit leaves and records the transaction, both or neither.
    ///
    /// # Errors
    /// The card, its account or its limit does not allow it, or the store failed.
    pub async fn spend(&self, spend: NewSpend) -> Result<Transaction, SpendError> {
        let mut connection = self.writer().await?;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        let Some(account_id) = debit(&mut transaction, &spend).await? else {
            return Err(why_refused(&mut transaction, &spend).await?);
        };
        let id = record(&mut transaction, account_id, &spend).await?;
        transaction.commit().await?;
        Ok(Transaction {
            id,
            account_id,
            card_id: spend.card_id,
            amount_minor: spend.amount_minor,
            currency: spend.currency,
            merchant: spend.merchant,
            status: TransactionStatus::Authorised,
            at: spend.at,
        })
    }
}

/// The one statement that decides. `None` when any condition failed.
///
/// The limit is compared by subtraction, which cannot overflow for amounts above 0.
async fn debit(
    connection: &mut SqliteConnection,
    spend: &NewSpend,
) -> Result<Option<AccountId>, sqlx::Error> {
    sqlx::query_scalar(
        "UPDATE accounts SET spent_minor = spent_minor + ?1, version = version + 1
         WHERE id = (SELECT account_id FROM cards WHERE id = ?2 AND state = 'active')
           AND currency = ?3 AND spent_minor <= limit_minor - ?1
         RETURNING id",
    )
    .bind(spend.amount_minor)
    .bind(spend.card_id)
    .bind(&spend.currency)
    .fetch_optional(connection)
    .await
}

async fn record(
    connection: &mut SqliteConnection,
    account_id: AccountId,
    spend: &NewSpend,
) -> Result<TransactionId, sqlx::Error> {
    sqlx::query_scalar(
        "INSERT INTO transactions (account_id, card_id, amount_minor, currency, merchant, status, at)
         VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
    )
    .bind(account_id)
    .bind(spend.card_id)
    .bind(spend.amount_minor)
    .bind(&spend.currency)
    .bind(&spend.merchant)
    .bind(TransactionStatus::Authorised)
    .bind(spend.at)
    .fetch_one(connection)
    .await
}

/// Which condition failed. Read under the same lock, so nothing has changed since.
async fn why_refused(
    connection: &mut SqliteConnection,
    spend: &NewSpend,
) -> Result<SpendError, sqlx::Error> {
    let card = spend.card_id;
    let found: Option<(CardState, String)> = sqlx::query_as(
        "SELECT cards.state, accounts.currency FROM cards
         JOIN accounts ON accounts.id = cards.account_id WHERE cards.id = ?",
    )
    .bind(card)
    .fetch_optional(connection)
    .await?;
    Ok(match found {
        None => SpendError::CardNotFound(card),
        Some((CardState::Inactive, _)) => SpendError::CardInactive(card),
        Some((CardState::Blocked, _)) => SpendError::CardBlocked(card),
        Some((CardState::Active, currency)) if currency != spend.currency => {
            SpendError::Currency(card)
        }
        Some((CardState::Active, _)) => SpendError::OverLimit(card),
    })
}
