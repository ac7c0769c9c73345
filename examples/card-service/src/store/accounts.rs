//! Accounts.

use serde::Serialize;

use super::{Store, StoreError};
use crate::ids::AccountId;

/// An account and how much of its limit is spent. Money is in minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    /// ISO 4217.
    pub currency: String,
    pub limit_minor: i64,
    pub spent_minor: i64,
    /// Counts the writes to this row.
    pub version: i64,
}

impl Store {
    /// The account with this id, if there is one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let mut connection = self.reader().await?;
        let account = sqlx::query_as(
            "SELECT id, name, currency, limit_minor, spent_minor, version FROM accounts WHERE id = ?",
        )
        .bind(id)
        .fetch_optional(&mut *connection)
        .await?;
        Ok(account)
    }
}
