//! Orders that follow from their number, and the service's own JSON for errors.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, Query};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use metrics::counter;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::{error, info, instrument, warn};

/// Orders are numbered from 1 to this.
pub const LAST: u32 = 100;
/// How long a client waits for changes that do not come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// An order.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub id: u32,
    /// What was ordered.
    pub article: String,
}

/// What the service answers when it fails, in its own words.
#[derive(Debug)]
pub enum Failure {
    /// There is no such order.
    NotFound,
    /// The request cannot be read.
    Unreadable(String),
    /// The bank did not answer.
    Bank,
    /// Nothing is at this address.
    NoRoute,
    /// The address has other methods.
    NoMethod,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, kind, text) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "order", "no such order".into()),
            Self::Unreadable(why) => (StatusCode::BAD_REQUEST, "request", why),
            Self::Bank => (StatusCode::BAD_GATEWAY, "bank", "try later".into()),
            Self::NoRoute => (StatusCode::NOT_FOUND, "route", "no such address".into()),
            Self::NoMethod => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method",
                "not this way".into(),
            ),
        };
        let body = Json(json!({ "failed": kind, "because": text }));
        (status, [("x-orders-failure", kind)], body).into_response()
    }
}

fn find(id: Result<Path<u32>, PathRejection>) -> Result<Order, Failure> {
    let Path(id) = id.map_err(|error| Failure::Unreadable(error.body_text()))?;
    if !(1..=LAST).contains(&id) {
        warn!(order = id, "asked for an order that is not there");
        return Err(Failure::NotFound);
    }
    let article = format!("article {id}");
    Ok(Order { id, article })
}

/// Reads one order.
///
/// # Errors
/// There is none with this number.
#[instrument(skip_all)]
pub async fn read(id: Result<Path<u32>, PathRejection>) -> Result<Json<Order>, Failure> {
    let order = look_up(id).await?;
    counter!("orders_read_total").increment(1);
    Ok(Json(order))
}

/// As a database would.
#[instrument(skip_all, fields(db.system = "none"))]
async fn look_up(id: Result<Path<u32>, PathRejection>) -> Result<Order, Failure> {
    tokio::task::yield_now().await;
    let order = find(id)?;
    info!(order = order.id, article = order.article, "found");
    Ok(order)
}

/// Places an order.
///
/// # Errors
/// The request cannot be read.
#[instrument(skip_all)]
pub async fn place(order: Result<Json<Order>, JsonRejection>) -> Result<Response, Failure> {
    let Json(order) = order.map_err(|error| Failure::Unreadable(error.body_text()))?;
    info!(order = order.id, "placed");
    let place = [(header::LOCATION, format!("/orders/{}", order.id))];
    Ok((StatusCode::CREATED, place, Json(order)).into_response())
}

/// Pays an order; the bank is never there.
///
/// # Errors
/// Always: there is no such order, or no bank.
#[instrument(skip_all, err(Debug))]
pub async fn pay(id: Result<Path<u32>, PathRejection>) -> Result<StatusCode, Failure> {
    let order = find(id)?;
    error!(order = order.id, "the bank did not answer");
    Err(Failure::Bank)
}

/// Which orders to list.
#[derive(Debug, Deserialize)]
pub struct Page {
    first: u32,
}

/// Lists ten orders. What cannot be read is answered by axum, not by the service.
pub async fn list(Query(page): Query<Page>) -> Json<Vec<u32>> {
    Json((page.first..).take(10).collect())
}

/// A receipt, sent piece by piece.
///
/// # Errors
/// There is no such order.
pub async fn receipt(id: Result<Path<u32>, PathRejection>) -> Result<Response, Failure> {
    let order = find(id)?;
    let pieces = ["receipt for ", &order.article, "\n"].map(str::to_owned);
    let pieces = pieces.map(Ok::<_, Infallible>);
    let kind = [(header::CONTENT_TYPE, "text/plain")];
    Ok((kind, Body::from_stream(stream::iter(pieces))).into_response())
}

/// Waits for changes of an order; there are none.
///
/// # Errors
/// There is no such order.
pub async fn changes(id: Result<Path<u32>, PathRejection>) -> Result<StatusCode, Failure> {
    find(id)?;
    tokio::time::sleep(PATIENCE).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Nothing is here.
pub async fn no_such_route() -> Failure {
    Failure::NoRoute
}

/// Not with this method.
pub async fn no_such_method() -> ([(HeaderName, &'static str); 1], Failure) {
    ([(header::CACHE_CONTROL, "no-store")], Failure::NoMethod)
}
