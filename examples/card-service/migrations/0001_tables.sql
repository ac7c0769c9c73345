-- Numbers are the keys; the API shows them with a prefix (src/ids.rs). Money is in minor units of the row's currency.
-- Times are milliseconds since 1970 (UTC), dates are YYYY-MM-DD. No foreign keys: every table may move to a store of its own.
CREATE TABLE accounts (
    id          INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL,
    currency    TEXT    NOT NULL,
    limit_minor INTEGER NOT NULL,
    spent_minor INTEGER NOT NULL,
    version     INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE cards (
    id           INTEGER PRIMARY KEY,
    account_id   INTEGER NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('inactive', 'active', 'blocked')),
    last4        TEXT    NOT NULL,
    network      TEXT    NOT NULL,
    image_key    TEXT    NOT NULL,
    activated_at INTEGER,
    version      INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX cards_of_account ON cards (account_id);

CREATE TABLE transactions (
    id           INTEGER PRIMARY KEY,
    account_id   INTEGER NOT NULL,
    card_id      INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency     TEXT    NOT NULL,
    merchant     TEXT    NOT NULL,
    status       TEXT    NOT NULL CHECK (status IN ('authorised', 'declined')),
    at           INTEGER NOT NULL
) STRICT;
CREATE INDEX transactions_of_account ON transactions (account_id, at, id);

CREATE TABLE invoices (
    id           INTEGER PRIMARY KEY,
    account_id   INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    due_on       TEXT    NOT NULL,
    status       TEXT    NOT NULL CHECK (status IN ('open', 'overdue', 'paid'))
) STRICT;
CREATE INDEX invoices_of_account ON invoices (account_id, status);

-- One row, written last: without it the other tables are empty or half filled.
CREATE TABLE seeded (
    only_row     INTEGER PRIMARY KEY CHECK (only_row = 1),
    seed         TEXT    NOT NULL,
    accounts     INTEGER NOT NULL,
    cards        INTEGER NOT NULL,
    transactions INTEGER NOT NULL,
    invoices     INTEGER NOT NULL
) STRICT;
