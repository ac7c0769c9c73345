//! A seeded database in a folder that goes away with it, and questions to its router.

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use card_service::{
    api,
    faults::{Change, Faults},
    ids::CardId,
    store::{CardState, SeedPlan, Store, state_of_card},
};
use http_body_util::BodyExt as _;
use plimsoll::{Ownership, Plimsoll};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt as _;

pub(crate) struct Service {
    pub(crate) store: Store,
    /// Without Plimsoll's layer.
    pub(crate) router: Router,
    app: Router,
    pub(crate) folder: TempDir,
}

/// A small file database: 100 accounts, 300 cards.
pub(crate) const PLAN: SeedPlan = SeedPlan {
    seed: 7,
    accounts: 100,
};

impl Service {
    pub(crate) async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let store = Store::open(&url(&folder)).await.unwrap();
        store.seed(&PLAN).await.unwrap();
        let router = api::router(store.clone());
        Self {
            app: router.clone().layer(plimsoll().layer()),
            router,
            store,
            folder,
        }
    }

    pub(crate) fn faults(&self) -> &Faults {
        self.store.faults()
    }

    pub(crate) fn switch(&self, change: Change) {
        self.faults().change(&change).unwrap();
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        ask(&self.app, Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        ask(&self.app, Method::POST, path, body).await
    }
}

/// As the service has it, but for its listeners. Of the environment it reads
/// where the codes seen are written, for `plimsoll errors coverage`.
fn plimsoll() -> Plimsoll {
    let seen = || {
        let name = "PLIMSOLL_ERRORS_SEEN";
        let file = std::env::var(name).ok();
        file.map(|file| (name.to_owned(), file))
            .into_iter()
            .collect()
    };
    let plimsoll = Plimsoll::builder("card-service")
        .signals(Ownership::Off)
        .env(seen);
    plimsoll.build().unwrap()
}

pub(crate) fn url(folder: &TempDir) -> String {
    format!("sqlite://{}/cards.db", folder.path().display())
}

/// JSON answers as they are, all others as a string.
pub(crate) async fn ask(
    router: &Router,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path);
    let request = match body {
        Some(body) => request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    };
    let response = router.clone().oneshot(request.unwrap()).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    (status, body)
}

/// The first card that is seeded in this state.
pub(crate) fn first_card(state: CardState) -> CardId {
    let number = (1..=i64::from(PLAN.cards())).find(|&number| state_of_card(number) == state);
    card_service::ids::card(number.unwrap())
}
