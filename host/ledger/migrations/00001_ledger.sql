-- +goose Up
-- Accounts carry their balance, kept in step by the same transaction that adds an entry; Verify compares it with the entries.
CREATE TABLE ledger_account (
    name      TEXT    PRIMARY KEY,
    kind      TEXT    NOT NULL,
    overdraft INTEGER NOT NULL CHECK (overdraft IN (0, 1)),
    balance   INTEGER NOT NULL DEFAULT 0 CHECK (overdraft = 1 OR balance >= 0)
);
CREATE INDEX ledger_account_kind ON ledger_account (kind, name);

CREATE TABLE ledger_order (
    id       INTEGER PRIMARY KEY,
    key      TEXT NOT NULL UNIQUE,
    hash     BLOB NOT NULL CHECK (length(hash) = 32),
    memo     TEXT NOT NULL,
    reverses TEXT UNIQUE REFERENCES ledger_order (key),
    at       TEXT NOT NULL
);

CREATE TABLE ledger_entry (
    order_id INTEGER NOT NULL REFERENCES ledger_order (id),
    line     INTEGER NOT NULL,
    account  TEXT    NOT NULL REFERENCES ledger_account (name),
    amount   INTEGER NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (order_id, line)
);
CREATE INDEX ledger_entry_account ON ledger_entry (account);

-- Orders and entries are facts: they are only ever added.
-- +goose StatementBegin
CREATE TRIGGER ledger_order_kept BEFORE UPDATE ON ledger_order BEGIN SELECT RAISE(ABORT, 'ledger orders are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_order_stays BEFORE DELETE ON ledger_order BEGIN SELECT RAISE(ABORT, 'ledger orders are never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_entry_kept BEFORE UPDATE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'ledger entries are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_entry_stays BEFORE DELETE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'ledger entries are never deleted'); END;
-- +goose StatementEnd
