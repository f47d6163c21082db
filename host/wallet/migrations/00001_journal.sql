-- The journal of one phone. Nobody trusts the phone: what is lost here is found
-- again on the cards and at the notary, and what lies here protects itself.

-- +goose Up
CREATE TABLE phone (
    only      INTEGER PRIMARY KEY CHECK (only = 1),
    device    TEXT NOT NULL, -- the owner's card
    pin_point BLOB NOT NULL  -- that card's key for enciphered PINs
) STRICT;

-- A conversation between a payer and a payee, begun by a Request. A column is
-- filled before the next tap; which of them are filled is the state.
CREATE TABLE transfer (
    request           BLOB PRIMARY KEY, -- identity of the Request
    position          INTEGER NOT NULL UNIQUE,
    asked             BLOB NOT NULL,    -- envelope of the Request
    payer_certificate BLOB,             -- of the card that is about to pay
    payment           BLOB,             -- envelope
    answer            BLOB              -- envelope: Receipt or Refusal
) STRICT;

-- Messages that the notary has not acknowledged to this phone.
CREATE TABLE outbox (
    message  BLOB PRIMARY KEY, -- as signed
    position INTEGER NOT NULL UNIQUE
) STRICT;

-- Orders to the intermediary, signed by the app's key before they are sent.
CREATE TABLE orders (
    id        BLOB PRIMARY KEY,
    position  INTEGER NOT NULL UNIQUE,
    kind      INTEGER NOT NULL, -- order.Kind
    amount    INTEGER NOT NULL CHECK (amount > 0), -- öre
    signature BLOB NOT NULL,
    request   BLOB,             -- envelope of the desk's Request, of an unload
    done      INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1))
) STRICT;

-- +goose Down
DROP TABLE orders;
DROP TABLE outbox;
DROP TABLE transfer;
DROP TABLE phone;
