//! The same handler and the same requests for every stack.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, Path};
use axum::routing::get;
use axum::{Json, Router};
use http::{Request, StatusCode, header};
use plimsoll_errors::Fault;
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
    /// Nothing: it fails, and answers 404 with a line of text, as services do without us.
    Bare,
    /// Nothing: it fails with a code of a catalog.
    Coded,
}

impl Events {
    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Info => "info",
            Self::Debug5 => "debug5",
            Self::Bare => "bare",
            Self::Coded => "coded",
        }
    }

    /// How the handler answers.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Bare | Self::Coded => StatusCode::NOT_FOUND,
            Self::None | Self::Info | Self::Debug5 => StatusCode::OK,
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

plimsoll::catalog! {
    /// Codes of the measured service.
    enum CardCode: "CARD" {
        1001 CardNotFound {
            status: 404, blame: Client, retry: Never,
            title: "Card not found",
            client: "No card has this id, or you may not see it.",
            support: "Ask for the last four digits.",
            operator: "Nothing to do.",
        },
    }
}

fn missing(id: String) -> Result<Json<Card>, Fault> {
    // As long as an id, and never one.
    if id.len() < 64 {
        return Err(Fault::new(CardCode::CardNotFound));
    }
    Ok(Card::of(id))
}

/// Makes the failure and tells the client a line of text: what it costs to fail at all.
fn bare(found: Result<Json<Card>, Fault>) -> Result<Json<Card>, (StatusCode, &'static str)> {
    found.map_err(|fault| {
        std::hint::black_box(fault);
        (StatusCode::NOT_FOUND, "no card has this id")
    })
}

fn coded(found: Result<Json<Card>, Fault>) -> Result<Json<Card>, Fault> {
    found.map_err(std::hint::black_box)
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
        Events::Bare => get(async |Path(id): Path<String>| bare(missing(id))),
        Events::Coded => get(async |Path(id): Path<String>| coded(missing(id))),
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
