//! From arguments to a service that answers.

use crate::{
    cli::ServeArgs,
    store::{OpenError, SeedError, SeedPlan, Store},
};

/// The service could not start, or did not end well. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The database cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database cannot be filled.
    #[error(transparent)]
    Seed(#[from] SeedError),
}

/// Opens the database and fills it if it is empty.
///
/// A filled one is taken as it is, unless the arguments name another plan than the one that filled it.
///
/// # Errors
/// The database can be neither used nor filled, or was filled by another plan.
pub async fn prepare(args: &ServeArgs) -> Result<Store, ServeError> {
    let store = Store::open(&args.database_url).await?;
    let found = store.seeded().await?.unwrap_or_default();
    let plan = SeedPlan {
        seed: args.seed.unwrap_or(found.seed),
        accounts: args.accounts.unwrap_or(found.accounts),
    };
    store.seed(&plan).await?;
    Ok(store)
}
