//! Filling an empty database, once.

mod fill;

use std::fmt;

use sqlx::{Connection, SqliteConnection};

use super::{SeedPlan, Store, StoreError};

/// The most accounts a plan may ask for; its rows are made in memory.
pub const MAX_ACCOUNTS: u32 = 100_000;

/// What a database was seeded with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeded {
    /// The plan that filled it.
    pub plan: SeedPlan,
    /// Whether it was filled just now; otherwise it was before.
    pub now: bool,
}

/// The database could not be seeded. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// A plan without accounts, or with more than can be numbered.
    #[error("{0} accounts cannot be seeded; ask for 1 to {MAX_ACCOUNTS}")]
    Accounts(u32),
    /// Rows are there but not all of them, or not ours.
    #[error(
        "the database is half filled: {found} where {expected}; remove the file and start again"
    )]
    HalfFilled {
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
    },
    /// It was filled by another plan.
    #[error(
        "the database was seeded with {found} accounts and seed {found_seed}, not {asked} and {asked_seed}; leave --accounts and --seed away to use it as it is, or name another file",
        found = .found.accounts, found_seed = .found.seed, asked = .asked.accounts, asked_seed = .asked.seed
    )]
    OtherPlan {
        /// The plan that filled it.
        found: SeedPlan,
        /// The plan that was asked for.
        asked: SeedPlan,
    },
    /// The store failed.
    #[error("the database could not be seeded")]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for SeedError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Fills an empty database in one transaction. One that the same plan filled is left as it is.
    ///
    /// # Errors
    /// The plan cannot be met, the database is half filled or was filled by another plan, or the store failed.
    pub async fn seed(&self, plan: &SeedPlan) -> Result<Seeded, SeedError> {
        if !(1..=MAX_ACCOUNTS).contains(&plan.accounts) {
            return Err(SeedError::Accounts(plan.accounts));
        }
        let mut connection = self.writer().await?;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        if let Some(found) = check(&mut transaction).await? {
            return if found == *plan {
                Ok(Seeded {
                    plan: found,
                    now: false,
                })
            } else {
                Err(SeedError::OtherPlan {
                    found,
                    asked: *plan,
                })
            };
        }
        fill::fill(&mut transaction, plan).await?;
        transaction.commit().await?;
        Ok(Seeded {
            plan: *plan,
            now: true,
        })
    }

    /// The plan that filled this database, if it is filled.
    ///
    /// # Errors
    /// The database is half filled, or the store failed.
    pub async fn seeded(&self) -> Result<Option<SeedPlan>, SeedError> {
        let mut connection = self.reader().await?;
        check(&mut connection).await
    }
}

/// How many rows the tables hold.
#[derive(Debug, PartialEq, Eq, sqlx::FromRow)]
struct Counts {
    accounts: i64,
    cards: i64,
    transactions: i64,
    invoices: i64,
}

#[derive(sqlx::FromRow)]
struct Marker {
    seed: String,
    #[sqlx(flatten)]
    counts: Counts,
}

async fn check(connection: &mut SqliteConnection) -> Result<Option<SeedPlan>, SeedError> {
    let marker: Option<Marker> =
        sqlx::query_as("SELECT seed, accounts, cards, transactions, invoices FROM seeded")
            .fetch_optional(&mut *connection)
            .await?;
    let found: Counts = sqlx::query_as(
        "SELECT (SELECT count(*) FROM accounts) AS accounts, (SELECT count(*) FROM cards) AS cards,
                (SELECT count(*) FROM transactions) AS transactions, (SELECT count(*) FROM invoices) AS invoices",
    )
    .fetch_one(connection)
    .await?;
    match marker {
        None if found.is_empty() => Ok(None),
        None => Err(half_filled(
            &found,
            "a filled database also has a row in `seeded`".into(),
        )),
        Some(marker) if found.continues(&marker.counts) => plan_of(&marker).map(Some),
        Some(marker) => Err(half_filled(
            &found,
            format!("its seed wrote {}", marker.counts),
        )),
    }
}

fn plan_of(marker: &Marker) -> Result<SeedPlan, SeedError> {
    let seed = marker.seed.parse().ok();
    let accounts = marker.counts.accounts.try_into().ok();
    match (seed, accounts) {
        (Some(seed), Some(accounts)) => Ok(SeedPlan { seed, accounts }),
        _ => Err(half_filled(
            &marker.counts,
            "the row in `seeded` holds no plan".into(),
        )),
    }
}

fn half_filled(found: &Counts, expected: String) -> SeedError {
    SeedError::HalfFilled {
        found: found.to_string(),
        expected,
    }
}

impl Counts {
    fn is_empty(&self) -> bool {
        self.accounts + self.cards + self.transactions + self.invoices == 0
    }

    /// Spending adds transactions; nothing else comes or goes.
    fn continues(&self, seeded: &Self) -> bool {
        let transactions = seeded.transactions;
        self.transactions >= transactions
            && Self {
                transactions,
                ..*self
            } == *seeded
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            accounts,
            cards,
            transactions,
            invoices,
        } = self;
        write!(
            f,
            "{accounts} accounts, {cards} cards, {transactions} transactions and {invoices} invoices"
        )
    }
}
