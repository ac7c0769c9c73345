//! From arguments to a service that answers.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use plimsoll::{Check, Criticality, Lease, Limit, Method, Overload, Plimsoll, Quota, checks};
use tokio::net::TcpListener;

use crate::{
    api,
    cli::{CONTROL, HealthcheckArgs, PER_CLIENT, STATUS, ServeArgs},
    codes,
    faults::{self, Faults},
    store::{OpenError, SeedError, SeedPlan, Store},
};

/// Cells of a client's quota that each of several processes holds, and how long:
/// so many times the processes is what a client may get too much.
const LEASE: Lease = Lease::lasting(Duration::from_secs(1)).at_most(10);

/// What the objectives speak of: its series stand at 0 before the first request.
const ROUTES: [(Method, &str); 5] = [
    (Method::GET, "/v1/accounts/{id}/overview"),
    (Method::GET, "/v1/accounts/{id}/cards"),
    (Method::GET, "/v1/cards/{id}"),
    (Method::POST, "/v1/cards/{id}/activation"),
    (Method::POST, "/v1/transactions"),
];

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
    /// The address for requests cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}; choose another with --listen, or port 0 for any free one"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The catalog contradicts itself.
    #[error(transparent)]
    Catalog(#[from] plimsoll::errors::CatalogError),
    /// Plimsoll did not start, or requests were cut at its end.
    #[error(transparent)]
    Plimsoll(#[from] plimsoll::Error),
}

impl ServeError {
    /// What the process should exit with: 1 when requests were cut, else 2.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Plimsoll(error) => error.exit_code(),
            _ => 2,
        }
    }
}

/// Answers requests until a signal, then drains.
///
/// # Errors
/// What could not be had at the start, or how many requests were cut at the end.
pub async fn serve(args: &ServeArgs) -> Result<(), ServeError> {
    // Before the database: a taken port should not cost a seed.
    let address = args.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| ServeError::Listen { address, source })?;
    let faults = Faults::default();
    let database = Arc::<OnceLock<Store>>::default();
    let mut plimsoll =
        builder(args.status, args.control, args.per_client).readiness(check(&database));
    plimsoll = plimsoll.max_stall(Duration::from_secs(args.max_stall.into()));
    if let Some(file) = Store::file(&args.database_url) {
        plimsoll = plimsoll.readiness(checks::file("database-file", file));
    }
    if args.allow_faults {
        plimsoll = plimsoll.control_routes(faults::router(faults.clone()));
    }
    let plimsoll = plimsoll.install()?;
    plimsoll.expect_routes(&ROUTES);
    // Migrating and filling may take long: probes answer meanwhile, and a signal ends it.
    let store = plimsoll.starting("database", prepare_with(args, faults));
    let store = store.await??;
    let store = database.get_or_init(|| store).clone();
    let app = api::router(store)
        .merge(plimsoll.error_pages(&codes::catalog()?))
        .layer(plimsoll.layer());
    Ok(plimsoll.serve(listener, app).await?)
}

/// Asks the database, once it is open.
fn check(database: &Arc<OnceLock<Store>>) -> Check {
    let database = Arc::clone(database);
    Check::new("database", move || {
        let store = database.get().cloned();
        async move {
            let store = store.ok_or_else(|| "not open yet".to_owned())?;
            store.ping().await.map_err(|error| error.to_string())
        }
    })
}

/// What the service's own code says, without its database.
fn builder(status: SocketAddr, control: SocketAddr, per_client: Quota) -> plimsoll::Builder {
    Plimsoll::builder("card-service")
        .status(status)
        .control(control)
        .limit(Limit::per_client().quota(per_client).leased(LEASE))
        .overload(overload())
}

/// Money moves first, and the overview, which takes the most, is the first to wait.
fn overload() -> Overload {
    Overload::new()
        .route("/v1/transactions", Criticality::CriticalPlus)
        .route("/v1/cards/{id}/activation", Criticality::CriticalPlus)
        .route("/v1/accounts/{id}/overview", Criticality::Sheddable)
}

/// Asks the running service whether it is ready.
///
/// # Errors
/// It is not, or does not answer.
pub async fn healthcheck(args: &HealthcheckArgs) -> Result<(), plimsoll::Unhealthy> {
    builder(args.status, CONTROL, PER_CLIENT)
        .healthcheck()
        .await
}

/// Prints every setting with its source; returns what is wrong with them.
///
/// # Errors
/// Standard output cannot be written.
pub fn print_config() -> std::io::Result<Vec<plimsoll::Fault>> {
    let builder = builder(STATUS, CONTROL, PER_CLIENT);
    std::io::stdout().write_all(builder.effective_table().as_bytes())?;
    Ok(builder.effective().1)
}

/// Opens the database and fills it if it is empty.
///
/// A filled one is taken as it is, unless the arguments name another plan than the one that filled it.
///
/// # Errors
/// The database can be neither used nor filled, or was filled by another plan.
pub async fn prepare(args: &ServeArgs) -> Result<Store, ServeError> {
    prepare_with(args, Faults::default()).await
}

async fn prepare_with(args: &ServeArgs, faults: Faults) -> Result<Store, ServeError> {
    let store = Store::open_with(&args.database_url, faults).await?;
    let found = store.seeded().await?.unwrap_or_default();
    let plan = SeedPlan {
        seed: args.seed.unwrap_or(found.seed),
        accounts: args.accounts.unwrap_or(found.accounts),
    };
    store.seed(&plan).await?;
    Ok(store)
}
