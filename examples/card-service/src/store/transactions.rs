//! Transactions that happened.

use serde::Serialize;

use super::{Store, StoreError};
use crate::{
    ids::{AccountId, CardId, TransactionId},
    moment::Moment,
};

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(rename_all = "snake_case")]
pub enum TransactionStatus {
    /// Counted in the account's `spent_minor`.
    Authorised,
    /// Refused; no money moved.
    Declined,
}

/// One use of a card, in minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Transaction {
    pub id: TransactionId,
    pub account_id: AccountId,
    pub card_id: CardId,
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
    pub merchant: String,
    pub status: TransactionStatus,
    pub at: Moment,
}

impl Store {
    /// The latest transactions of an account, newest before older, at most `limit`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn latest_transactions_of(
        &self,
        account: AccountId,
        limit: u32,
    ) -> Result<Vec<Transaction>, StoreError> {
        let mut connection = self.reader().await?;
        let transactions = sqlx::query_as(
            "SELECT id, account_id, card_id, amount_minor, currency, merchant, status, at
             FROM transactions WHERE account_id = ? ORDER BY at DESC, id DESC LIMIT ?",
        )
        .bind(account)
        .bind(limit)
        .fetch_all(&mut *connection)
        .await?;
        Ok(transactions)
    }
}
