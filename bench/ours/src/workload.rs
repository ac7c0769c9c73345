//! The same handler and the same requests for every stack.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, Path};
use axum::routing::get;
use axum::{Json, Router};
use http::{Request, header};
use serde::Serialize;

/// What the handler's own code emits in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, clap::ValueEnum)]
pub enum Events {
    /// Nothing.
    #[default]
    None,
    /// One INFO event with a field.
    Info,
    /// Five DEBUG events with two fields each.
    Debug5,
}

impl Events {
    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Info => "info",
            Self::Debug5 => "debug5",
        }
    }
}

#[derive(Serialize)]
struct Card {
    id: String,
    status: &'static str,
    limit_cents: u32,
}

impl Card {
    fn of(id: String) -> Json<Self> {
        let (status, limit_cents) = ("active", 250_000);
        Json(Self {
            id,
            status,
            limit_cents,
        })
    }
}

/// The service without anything around it; its handler is ready at the first poll.
pub fn app(events: Events) -> Router {
    let route = match events {
        Events::None => get(async |Path(id): Path<String>| Card::of(id)),
        Events::Info => get(async |Path(id): Path<String>| {
            tracing::info!(card = %id, "card read");
            Card::of(id)
        }),
        Events::Debug5 => get(async |Path(id): Path<String>| {
            for step in 0..5 {
                tracing::debug!(card = %id, step, "reading a card");
            }
            Card::of(id)
        }),
    };
    Router::new().route("/cards/{id}", route)
}

/// How many different cards are asked for.
const CARDS: u64 = 10_000;

/// The request with this number. Its peer is there under axum's name, as
/// `axum::serve` puts it.
///
/// # Errors
///
/// Never: every number makes a valid path.
pub fn request(number: u64) -> Result<Request<axum::body::Body>, http::Error> {
    const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 40_000);
    Request::get(format!("/cards/crd_{:07}", number % CARDS))
        .header(header::HOST, "cards.example")
        .header(header::USER_AGENT, "bench/1.0")
        .header(header::ACCEPT, "application/json")
        .extension(ConnectInfo(PEER))
        .body(axum::body::Body::empty())
}
