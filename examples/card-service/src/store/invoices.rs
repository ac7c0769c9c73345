//! Invoices.

use serde::Serialize;

use super::{Store, StoreError};
use crate::ids::{AccountId, InvoiceId};

/// Whether an invoice is still to be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(rename_all = "snake_case")]
pub enum InvoiceStatus {
    /// To be paid.
    Open,
    /// To be paid, and late.
    Overdue,
    /// Paid.
    Paid,
}

/// What an account owes for one period, in minor units of the account's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Invoice {
    pub id: InvoiceId,
    pub account_id: AccountId,
    pub amount_minor: i64,
    /// `YYYY-MM-DD`.
    pub due_on: String,
    pub status: InvoiceStatus,
}

impl Store {
    /// The invoices of an account that are not paid, the one due soonest before the others.
    ///
    /// # Errors
    /// The store failed.
    pub async fn open_invoices_of(&self, account: AccountId) -> Result<Vec<Invoice>, StoreError> {
        let mut connection = self.reader().await?;
        let invoices = sqlx::query_as(
            "SELECT id, account_id, amount_minor, due_on, status FROM invoices
             WHERE account_id = ? AND status IN ('open', 'overdue') ORDER BY due_on, id",
        )
        .bind(account)
        .fetch_all(&mut *connection)
        .await?;
        Ok(invoices)
    }
}
