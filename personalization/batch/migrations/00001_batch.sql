-- What a batch of cards has done. Nothing here is in clear that opens a card: token,
-- PIN and PUK are sealed under the key of the job's folder, and erased when the card
-- is active or will never be.

-- +goose Up
CREATE TABLE job (
    only   INTEGER PRIMARY KEY CHECK (only = 1),
    id     TEXT    NOT NULL, -- random; part of what device ids are reserved for
    name   TEXT    NOT NULL,
    bank   TEXT    NOT NULL,
    digest BLOB    NOT NULL, -- SHA-256 of the job file and its table
    begun  INTEGER NOT NULL  -- times are in nanoseconds since 1970
) STRICT;

-- The cards that there shall be.
CREATE TABLE item (
    position INTEGER PRIMARY KEY, -- in the job, from 1
    line     INTEGER NOT NULL,    -- in its file
    owner    TEXT    NOT NULL,
    name     TEXT    NOT NULL
) STRICT;

-- One try at a card, under a device id that no other try ever has. begun: its chip
-- is on the way, or waits to be inserted again. active: final. rejected: it will
-- never be a card, and its item is free for another chip.
CREATE TABLE card_order (
    device   TEXT    PRIMARY KEY,
    position INTEGER NOT NULL REFERENCES item (position),
    attempt  INTEGER NOT NULL,
    chip     TEXT    NOT NULL,
    date     BLOB    NOT NULL, -- first date that the card knows
    state    TEXT    NOT NULL CHECK (state IN ('begun', 'active', 'rejected')),
    stage    TEXT    NOT NULL, -- the latest that is true on the card, empty for none
    failures INTEGER NOT NULL DEFAULT 0, -- visits that the card ended by a refusal
    reason   TEXT    NOT NULL DEFAULT '',
    cleared  INTEGER NOT NULL DEFAULT 0 CHECK (cleared IN (0, 1)), -- a rejected one: registry and letters know
    sealed   BLOB,
    UNIQUE (position, attempt),
    CHECK ((state = 'begun') = (sealed IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX one_order_of_an_item ON card_order (position) WHERE state <> 'rejected';
CREATE UNIQUE INDEX one_order_of_a_chip ON card_order (chip) WHERE state <> 'rejected';

-- One stay of a card in a reader. cut: the program ended in it.
CREATE TABLE visit (
    number  INTEGER PRIMARY KEY,
    reader  TEXT    NOT NULL,
    chip    TEXT    NOT NULL,
    device  TEXT REFERENCES card_order (device), -- none for a card that was turned away
    began   INTEGER NOT NULL,
    ended   INTEGER,
    outcome TEXT    NOT NULL CHECK (outcome IN ('cut', 'active', 'pulled', 'failed', 'rejected', 'refused')),
    reason  TEXT    NOT NULL DEFAULT ''
) STRICT;

-- A stage that became true, or was found true again, in a visit.
CREATE TABLE step (
    number INTEGER PRIMARY KEY,
    visit  INTEGER NOT NULL REFERENCES visit (number),
    stage  TEXT    NOT NULL,
    began  INTEGER NOT NULL,
    ended  INTEGER NOT NULL,
    card   INTEGER NOT NULL -- of that, nanoseconds in which card and reader were at work
) STRICT;

-- The audit log's lines, in the transactions that they tell of; the file follows.
CREATE TABLE log_line (
    number INTEGER PRIMARY KEY,
    line   TEXT    NOT NULL
) STRICT;

-- +goose Down
DROP TABLE log_line;
DROP TABLE step;
DROP TABLE visit;
DROP TABLE card_order;
DROP TABLE item;
DROP TABLE job;
