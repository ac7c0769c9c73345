//! The service with telemetry of its own.

use std::error::Error;
use std::net::SocketAddr;

use axum::routing::{get, post};
use axum::{Router, middleware};
use plimsoll::{Ownership::Join, Plimsoll};
use tokio::net::TcpListener;

use crate::telemetry::Host;
use crate::{observe, orders};

/// The routes, and the page of metrics, which is nobody's request.
pub fn app(host: Host, plimsoll: Plimsoll) -> Router {
    let watch = middleware::from_fn_with_state(host.clone(), observe::request);
    let layer = plimsoll.layer();
    let page = async move || plimsoll.render_after(host.metrics.render());
    Router::new()
        .route("/orders", get(orders::list).post(orders::place))
        .route("/orders/{id}", get(orders::read))
        .route("/orders/{id}/receipt", get(orders::receipt))
        .route("/orders/{id}/payment", post(orders::pay))
        .route("/orders/{id}/changes", get(orders::changes))
        .method_not_allowed_fallback(orders::no_such_method)
        .fallback(orders::no_such_route)
        .layer(watch)
        .layer(layer)
        .route("/metrics", get(page))
}

/// Answers requests until the process ends.
///
/// # Errors
/// The listener cannot be served.
pub async fn serve(listener: TcpListener, host: Host) -> Result<(), Box<dyn Error>> {
    let plimsoll = Plimsoll::builder("orders").signals(Join).build()?;
    let app = app(host, plimsoll).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).await?;
    Ok(())
}
