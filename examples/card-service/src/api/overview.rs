//! The mobile view: all that the first screen shows, in one answer.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;

use super::{cards::CardView, id};
use crate::{
    error::ApiError,
    ids::AccountId,
    store::{Account, Invoice, Store, Transaction},
};

/// How many transactions the first screen shows.
const LATEST: u32 = 10;

#[derive(Debug, Serialize)]
pub(super) struct Overview {
    account: AccountView,
    cards: Vec<CardView>,
    transactions: Vec<Transaction>,
    invoices: Vec<Invoice>,
}

#[derive(Debug, Serialize)]
struct AccountView {
    id: AccountId,
    name: String,
    currency: String,
    limit_minor: i64,
    spent_minor: i64,
    available_minor: i64,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            available_minor: account.limit_minor - account.spent_minor,
            id: account.id,
            name: account.name,
            currency: account.currency,
            limit_minor: account.limit_minor,
            spent_minor: account.spent_minor,
        }
    }
}

/// The four reads run side by side. They are no snapshot: a spend that commits between them may show in
/// the transactions and not yet in the sum, until the next look.
pub(super) async fn overview(
    State(store): State<Store>,
    Path(account): Path<String>,
) -> Result<Json<Overview>, ApiError> {
    let id = id(&account, ApiError::AccountNotFound)?;
    let (account, cards, transactions, invoices) = tokio::try_join!(
        store.account(id),
        store.cards_of(id),
        store.latest_transactions_of(id, LATEST),
        store.open_invoices_of(id),
    )?;
    Ok(Json(Overview {
        account: account.ok_or(ApiError::AccountNotFound)?.into(),
        cards: cards.into_iter().map(CardView::from).collect(),
        transactions,
        invoices,
    }))
}
