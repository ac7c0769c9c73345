//! The switches over HTTP, and the middleware that strikes business routes.

use axum::{
    Json, Router,
    extract::{Request, State as Shared},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};

use super::{Change, Faults, State};
use crate::error::ApiError;

/// `GET`, `PUT` (what is left out stays) and `DELETE` (all off) of `/faults`.
///
/// Whoever reaches it can break the service: mount it on the control listener only, and only when asked to.
pub fn router(faults: Faults) -> Router {
    Router::new()
        .route("/faults", get(read).put(change).delete(reset))
        .with_state(faults)
}

async fn read(Shared(faults): Shared<Faults>) -> Json<State> {
    Json(faults.state())
}

async fn change(Shared(faults): Shared<Faults>, Json(change): Json<Change>) -> Response {
    match faults.change(&change) {
        Ok(state) => Json(state).into_response(),
        Err(refused) => (StatusCode::UNPROCESSABLE_ENTITY, refused.to_string()).into_response(),
    }
}

async fn reset(Shared(faults): Shared<Faults>) -> Json<State> {
    Json(faults.reset())
}

/// Middleware for business routes: blocks the thread of one request, panics in or fails a share of them,
/// passes the others on.
///
/// # Panics
/// When the switch `panic_percent` picked this request; that is its purpose.
///
/// # Errors
/// [`ApiError::Injected`] when the switch `error_percent` picked this request.
pub async fn strike(
    Shared(faults): Shared<Faults>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    faults.block_worker();
    assert!(
        !faults.next_is_panic(),
        "struck by the fault switch `panic_percent`"
    );
    if faults.next_is_error() {
        return Err(ApiError::Injected);
    }
    Ok(next.run(request).await)
}
