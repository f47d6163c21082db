-- +goose Up
-- Facts (messages, words, instructions, evidence, statement) are only ever added; triggers at the end see to it. What changes is
-- what the notary concludes from them: a device's status, a payment's verdict, an instruction's outcome.

CREATE TABLE intermediary (
    name TEXT PRIMARY KEY CHECK (length(name) = 8)
);

-- Keys that the root certified for an intermediary, by the reference that messages and certificates name them with.
CREATE TABLE authority (
    reference    TEXT PRIMARY KEY CHECK (length(reference) = 13),
    intermediary TEXT NOT NULL REFERENCES intermediary (name),
    role         INTEGER NOT NULL,
    certificate  BLOB NOT NULL,
    expires      TEXT NOT NULL
);

CREATE TABLE device (
    id             TEXT PRIMARY KEY CHECK (length(id) = 16),
    intermediary   TEXT NOT NULL REFERENCES intermediary (name),
    role           INTEGER NOT NULL,
    public_key     BLOB NOT NULL CHECK (length(public_key) = 65),
    certificate    BLOB NOT NULL,
    expires        TEXT NOT NULL,
    owner          TEXT NOT NULL,
    ceilings       BLOB,
    registered_at  TEXT NOT NULL,
    status         INTEGER NOT NULL DEFAULT 0,
    reported_at    TEXT,
    ended_at       TEXT,
    ended_why      TEXT,
    held_atc       INTEGER NOT NULL DEFAULT 0, -- records 1..held_atc are held whole
    held_head      BLOB NOT NULL,
    synced_at      TEXT,                       -- its last State or Confirmation
    holding_debt   INTEGER NOT NULL DEFAULT 0 CHECK (holding_debt >= 0),
    pool_debt      INTEGER NOT NULL DEFAULT 0 CHECK (pool_debt >= 0),
    sweeps         INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX device_status ON device (status);

-- One row for each record of a device, the first that the notary saw with this number.
CREATE TABLE record (
    device   TEXT NOT NULL REFERENCES device (id),
    seq      INTEGER NOT NULL CHECK (seq > 0),
    identity BLOB NOT NULL CHECK (length(identity) = 32),
    head     BLOB,             -- of the chain up to here, once all before it are held whole
    PRIMARY KEY (device, seq)
);

CREATE TABLE payment (
    n            INTEGER PRIMARY KEY, -- order of arrival
    identity     BLOB NOT NULL UNIQUE CHECK (length(identity) = 32),
    bytes        BLOB NOT NULL,
    payer        TEXT NOT NULL,
    atc          INTEGER NOT NULL,
    payee        TEXT NOT NULL,
    request      INTEGER NOT NULL,
    amount       INTEGER NOT NULL CHECK (amount > 0),
    asked        INTEGER NOT NULL CHECK (asked IN (0, 1)), -- the registered payee signed the Request inside
    standing     INTEGER NOT NULL,
    verdict      INTEGER NOT NULL,
    from_shadow  INTEGER NOT NULL DEFAULT 0, -- what a final verdict moved, by source
    from_holding INTEGER NOT NULL DEFAULT 0,
    from_pool    INTEGER NOT NULL DEFAULT 0,
    seen_at      TEXT NOT NULL,
    final_at     TEXT
);
CREATE UNIQUE INDEX payment_once ON payment (payer, atc) WHERE standing = 0;
CREATE INDEX payment_request ON payment (payee, request);
CREATE INDEX payment_open ON payment (verdict) WHERE verdict IN (1, 2);
CREATE INDEX payment_payer ON payment (payer, atc);

-- Every Receipt and Refusal, also those that came too late to count.
CREATE TABLE voice (
    identity BLOB PRIMARY KEY CHECK (length(identity) = 32),
    bytes    BLOB NOT NULL,
    payee    TEXT NOT NULL REFERENCES device (id),
    seq      INTEGER NOT NULL,
    request  INTEGER NOT NULL,
    payment  BLOB,             -- the Payment that a Receipt accepts; null for a Refusal
    seen_at  TEXT NOT NULL
);
CREATE INDEX voice_payment ON voice (payment);
CREATE INDEX voice_payee ON voice (payee, seq);

-- The payee's one word on a Request: the first that reached the notary.
CREATE TABLE word (
    payee   TEXT NOT NULL,
    request INTEGER NOT NULL,
    payment BLOB,              -- the one Payment accepted; null when refused
    voice   BLOB REFERENCES voice (identity), -- null when the end of the payee's device decided
    at      TEXT NOT NULL,
    PRIMARY KEY (payee, request)
);

CREATE TABLE instruction (
    device       TEXT NOT NULL REFERENCES device (id),
    seq          INTEGER NOT NULL CHECK (seq > 0),
    identity     BLOB NOT NULL CHECK (length(identity) = 32),
    bytes        BLOB NOT NULL,
    intermediary TEXT NOT NULL,
    order_key    TEXT NOT NULL,
    credit       INTEGER NOT NULL CHECK (credit >= 0),
    acked_atc    INTEGER NOT NULL,
    policy       BLOB NOT NULL,
    date         TEXT NOT NULL,
    signed_at    TEXT NOT NULL,
    outcome      INTEGER NOT NULL DEFAULT 0, -- outstanding, applied, taken, untaken
    PRIMARY KEY (device, seq),
    UNIQUE (intermediary, order_key)
);

CREATE TABLE confirmation (
    identity BLOB PRIMARY KEY CHECK (length(identity) = 32),
    bytes    BLOB NOT NULL,
    device   TEXT NOT NULL REFERENCES device (id),
    seq      INTEGER NOT NULL,
    seen_at  TEXT NOT NULL
);

-- What the notary knew of a card when its Challenge was opened: a State that answers it is younger than that.
CREATE TABLE challenge (
    n          INTEGER PRIMARY KEY,
    identity   BLOB NOT NULL UNIQUE CHECK (length(identity) = 32),
    device     TEXT NOT NULL REFERENCES device (id),
    known_atc  INTEGER NOT NULL,
    known_seq  INTEGER NOT NULL,
    opened_at  TEXT NOT NULL
);

CREATE TABLE state (
    identity   BLOB PRIMARY KEY CHECK (length(identity) = 32),
    bytes      BLOB NOT NULL,
    device     TEXT NOT NULL REFERENCES device (id),
    challenge  INTEGER NOT NULL REFERENCES challenge (n),
    seen_at    TEXT NOT NULL,
    difference INTEGER NOT NULL, -- the last judgement
    complete   INTEGER NOT NULL CHECK (complete IN (0, 1))
);
CREATE INDEX state_device ON state (device, challenge);

-- Certificates of devices that nobody registered, so that a payee who trusted one is paid.
CREATE TABLE stray_certificate (
    device      TEXT NOT NULL,
    public_key  BLOB NOT NULL,
    certificate BLOB NOT NULL,
    seen_at     TEXT NOT NULL,
    PRIMARY KEY (device, public_key)
);

CREATE TABLE evidence (
    n       INTEGER PRIMARY KEY,
    device  TEXT NOT NULL,
    kind    TEXT NOT NULL,
    clone   INTEGER NOT NULL CHECK (clone IN (0, 1)), -- only two devices with one key can have said both
    first   BLOB NOT NULL,  -- identity of what the notary held
    second  BLOB NOT NULL,  -- the message that contradicts it, whole
    at      TEXT NOT NULL,
    UNIQUE (device, kind, second)
);

CREATE TABLE statement (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    intermediary TEXT NOT NULL REFERENCES intermediary (name),
    kind         INTEGER NOT NULL,
    device       TEXT NOT NULL,
    owner        TEXT NOT NULL,
    online       INTEGER NOT NULL,
    shadow       INTEGER NOT NULL,
    payer        TEXT NOT NULL,
    atc          INTEGER NOT NULL,
    payee        TEXT NOT NULL,
    order_key    TEXT NOT NULL,
    instr        INTEGER NOT NULL,
    at           TEXT NOT NULL
);
CREATE INDEX statement_intermediary ON statement (intermediary, seq);

-- +goose StatementBegin
CREATE TRIGGER payment_kept BEFORE UPDATE OF n, identity, bytes, payer, atc, payee, request, amount, asked ON payment
BEGIN SELECT RAISE(ABORT, 'a payment is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER payment_final BEFORE UPDATE ON payment WHEN OLD.final_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a final verdict is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER payment_stays BEFORE DELETE ON payment BEGIN SELECT RAISE(ABORT, 'a payment is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER voice_kept BEFORE UPDATE ON voice BEGIN SELECT RAISE(ABORT, 'a receipt or refusal is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER voice_stays BEFORE DELETE ON voice BEGIN SELECT RAISE(ABORT, 'a receipt or refusal is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER word_kept BEFORE UPDATE ON word BEGIN SELECT RAISE(ABORT, 'the payee decides once'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER word_stays BEFORE DELETE ON word BEGIN SELECT RAISE(ABORT, 'the payee decides once'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER record_kept BEFORE UPDATE OF device, seq, identity ON record BEGIN SELECT RAISE(ABORT, 'a record is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER record_stays BEFORE DELETE ON record BEGIN SELECT RAISE(ABORT, 'a record is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER instruction_kept BEFORE UPDATE OF device, seq, identity, bytes, intermediary, order_key, credit, acked_atc, policy, date ON instruction
BEGIN SELECT RAISE(ABORT, 'an instruction has one body for ever'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER instruction_final BEFORE UPDATE OF outcome ON instruction WHEN OLD.outcome <> 0
BEGIN SELECT RAISE(ABORT, 'an instruction is applied once'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER instruction_stays BEFORE DELETE ON instruction BEGIN SELECT RAISE(ABORT, 'an instruction is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER device_key_kept BEFORE UPDATE OF id, intermediary, role, public_key, owner ON device
BEGIN SELECT RAISE(ABORT, 'a device is registered once'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER device_stays BEFORE DELETE ON device BEGIN SELECT RAISE(ABORT, 'a device is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER statement_kept BEFORE UPDATE ON statement BEGIN SELECT RAISE(ABORT, 'the statement only grows'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER statement_stays BEFORE DELETE ON statement BEGIN SELECT RAISE(ABORT, 'the statement only grows'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER evidence_kept BEFORE UPDATE ON evidence BEGIN SELECT RAISE(ABORT, 'evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER evidence_stays BEFORE DELETE ON evidence BEGIN SELECT RAISE(ABORT, 'evidence is never deleted'); END;
-- +goose StatementEnd
