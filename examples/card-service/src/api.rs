//! The business routes. `router` has no layer of its own but the fault switches; the caller adds Plimsoll's.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{body::Body, http::Request};
//! use card_service::{api, store::{SeedPlan, Store}};
//! use tower::ServiceExt as _;
//!
//! let store = Store::open("sqlite::memory:").await?;
//! store.seed(&SeedPlan { accounts: 10, ..SeedPlan::default() }).await?;
//! let request = Request::get("/v1/accounts/acc_0000001/overview").body(Body::empty())?;
//! let response = api::router(store).oneshot(request).await?;
//! assert_eq!(response.status(), 200);
//! # Ok(()) }
//! ```

mod cards;
mod overview;
mod transactions;

use std::str::FromStr;

use axum::{
    Router, middleware,
    routing::{get, post},
};
use jiff::Timestamp;

use crate::{error::ApiError, faults, moment::Moment, store::Store};

pub use cards::IMAGES;
pub use transactions::{MAX_AMOUNT_MINOR, MAX_MERCHANT_CHARS};

/// The routes of the card service, struck by the store's fault switches.
pub fn router(store: Store) -> Router {
    let strike = middleware::from_fn_with_state(store.faults().clone(), faults::strike);
    Router::new()
        .route("/v1/accounts/{id}/overview", get(overview::overview))
        .route("/v1/accounts/{id}/cards", get(cards::of_account))
        .route("/v1/cards/{id}", get(cards::card))
        .route("/v1/cards/{id}/activation", post(cards::activate))
        .route("/v1/transactions", post(transactions::authorise))
        .route_layer(strike)
        .with_state(store)
}

/// An id as a client sent it. What is not spelled as one names nothing, so it is not found.
fn id<T: FromStr>(text: &str, otherwise: ApiError) -> Result<T, ApiError> {
    text.parse().map_err(|_| otherwise)
}

/// The one place that asks what time it is.
fn now() -> Moment {
    Timestamp::now().into()
}
