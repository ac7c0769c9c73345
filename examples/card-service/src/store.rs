//! The one store that handlers and health checks share: SQLite, faults included.
//!
//! ```
//! use card_service::{ids, store::{SeedPlan, Store}};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Store::open("sqlite::memory:").await?;
//! store.seed(&SeedPlan { accounts: 20, ..SeedPlan::default() }).await?;
//! assert_eq!(store.account(ids::account(20)).await?.unwrap().id.to_string(), "acc_0000020");
//! # Ok(()) }
//! ```
//! A store whose faults are held elsewhere too, here to take the database away:
//! ```
//! use card_service::{faults::{Change, Faults}, store::{Store, StoreError}};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let faults = Faults::default();
//! let store = Store::open_with("sqlite::memory:", faults.clone()).await?;
//! faults.change(&Change { database_down: Some(true), ..Change::default() })?;
//! assert!(matches!(store.ping().await, Err(StoreError::Down)));
//! # Ok(()) }
//! ```

mod accounts;
mod cards;
mod error;
mod generate;
mod invoices;
mod open;
mod seed;
mod spend;
mod transactions;
mod words;

use sqlx::{Sqlite, SqlitePool, pool::PoolConnection};

use crate::faults::Faults;

pub use accounts::Account;
pub use cards::{ActivationError, Card, CardState};
pub use error::StoreError;
pub use generate::{ANCHOR, DAYS, SeedPlan, state_of_card};
pub use invoices::{Invoice, InvoiceStatus};
pub use open::OpenError;
pub use seed::{MAX_ACCOUNTS, SeedError, Seeded};
pub use spend::{NewSpend, SpendError};
pub use transactions::{Transaction, TransactionStatus};

/// The card database. Clones share connections and faults.
#[derive(Debug, Clone)]
pub struct Store {
    readers: SqlitePool,
    /// One connection: SQLite has one writer at a time, and a queue in the pool is fair where its lock is not.
    writer: SqlitePool,
    faults: Faults,
}

impl Store {
    /// The switches that this store obeys.
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Asks the database for an answer, by the way every request takes.
    ///
    /// # Errors
    /// No connection could be had, or the database did not answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut connection = self.reader().await?;
        sqlx::query("SELECT 1 FROM accounts LIMIT 1")
            .execute(&mut *connection)
            .await?;
        Ok(())
    }

    /// Closes all connections, after the queries that run have ended.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.connection(&self.readers).await
    }

    async fn writer(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.connection(&self.writer).await
    }

    async fn connection(&self, pool: &SqlitePool) -> Result<PoolConnection<Sqlite>, StoreError> {
        if self.faults.database_is_down() {
            return Err(StoreError::Down);
        }
        let connection = pool.acquire().await?;
        // A slow database keeps its connections busy, so the pool runs dry as it would in earnest.
        if let Some(delay) = self.faults.database_delay() {
            tokio::time::sleep(delay).await;
        }
        Ok(connection)
    }
}
