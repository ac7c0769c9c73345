//! Writing the generated rows, many in each statement.

use sqlx::{QueryBuilder, Sqlite, SqliteConnection, query_builder::Separated};

use crate::store::{SeedPlan, generate::Data};

/// SQLite binds at most this many values in one statement. <https://www.sqlite.org/limits.html>
const MAX_BINDS: usize = 32_766;

/// Writes all rows of a plan, and last the row that says so.
pub(super) async fn fill(
    connection: &mut SqliteConnection,
    plan: &SeedPlan,
) -> Result<(), sqlx::Error> {
    let data = Data::generate(plan);
    insert(
        connection,
        "INSERT INTO accounts (id, name, currency, limit_minor, spent_minor) ",
        &data.accounts,
        |mut row, id, account| {
            row.push_bind(id)
                .push_bind(account.name.clone())
                .push_bind(account.currency)
                .push_bind(account.limit_minor)
                .push_bind(account.spent_minor);
        },
    )
    .await?;
    insert(
        connection,
        "INSERT INTO cards (id, account_id, state, last4, network, image_key, activated_at) ",
        &data.cards,
        |mut row, id, card| {
            row.push_bind(id)
                .push_bind(card.account)
                .push_bind(card.state)
                .push_bind(card.last4.clone())
                .push_bind(card.network)
                .push_bind(card.image_key.clone())
                .push_bind(card.activated_at);
        },
    )
    .await?;
    insert(
        connection,
        "INSERT INTO transactions (id, account_id, card_id, amount_minor, currency, merchant, status, at) ",
        &data.transactions,
        |mut row, id, transaction| {
            row.push_bind(id)
                .push_bind(transaction.account)
                .push_bind(transaction.card)
                .push_bind(transaction.amount_minor)
                .push_bind(transaction.currency)
                .push_bind(transaction.merchant)
                .push_bind(transaction.status)
                .push_bind(transaction.at);
        },
    )
    .await?;
    insert(
        connection,
        "INSERT INTO invoices (id, account_id, amount_minor, due_on, status) ",
        &data.invoices,
        |mut row, id, invoice| {
            row.push_bind(id)
                .push_bind(invoice.account)
                .push_bind(invoice.amount_minor)
                .push_bind(invoice.due_on)
                .push_bind(invoice.status);
        },
    )
    .await?;
    mark(connection, plan).await
}

async fn mark(connection: &mut SqliteConnection, plan: &SeedPlan) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO seeded (only_row, seed, accounts, cards, transactions, invoices) 
         VALUES (1, ?, ?, ?, ?, (SELECT count(*) FROM invoices))",
    )
    .bind(plan.seed.to_string())
    .bind(plan.accounts)
    .bind(plan.cards())
    .bind(plan.transactions())
    .execute(connection)
    .await?;
    Ok(())
}

/// Inserts rows numbered from 1, as many in each statement as it can bind.
async fn insert<T>(
    connection: &mut SqliteConnection,
    into: &str,
    rows: &[T],
    bind: impl Fn(Separated<'_, Sqlite, &'static str>, i64, &T),
) -> Result<(), sqlx::Error> {
    let columns = into.matches(',').count() + 1;
    let mut id = 0;
    for chunk in rows.chunks(MAX_BINDS / columns) {
        let mut query = QueryBuilder::new(into);
        query.push_values(chunk, |row, value| {
            id += 1;
            bind(row, id, value);
        });
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}
