-- The journal of one phone. Nobody trusts the phone: what is lost here is found
-- again on the cards and at the notary, and what lies here protects itself.

-- +goose Up
CREATE TABLE phone (
    one       BIGINT PRIMARY KEY CHECK (one = 1),
    device    TEXT NOT NULL, -- the owner's card
    pin_point BYTEA NOT NULL -- that card's key for enciphered PINs
);

-- A conversation between a payer and a payee, begun by a Request. A column is
-- filled before the next tap; which of them are filled is the state.
CREATE TABLE transfer (
    request           BYTEA PRIMARY KEY, -- identity of the Request
    position          BIGINT NOT NULL UNIQUE,
    envelope          BYTEA NOT NULL,    -- envelope of the Request
    payer_certificate BYTEA,             -- of the card that is about to pay
    payment           BYTEA,             -- envelope
    answer            BYTEA              -- envelope: Receipt or Refusal
);

-- Messages that the notary has not acknowledged to this phone.
CREATE TABLE outbox (
    message  BYTEA PRIMARY KEY, -- as signed
    position BIGINT NOT NULL UNIQUE
);

-- Orders to the intermediary. Each is signed whenever it is sent, by the key that the phone has
-- then.
CREATE TABLE orders (
    id       BYTEA PRIMARY KEY,
    position BIGINT NOT NULL UNIQUE,
    kind     BIGINT NOT NULL,                    -- order.Kind
    amount   BIGINT NOT NULL CHECK (amount > 0), -- öre
    request  BYTEA,                              -- envelope of the desk's Request, of an unload
    done     BOOLEAN NOT NULL DEFAULT FALSE
);

-- +goose Down
DROP TABLE orders;
DROP TABLE outbox;
DROP TABLE transfer;
DROP TABLE phone;
