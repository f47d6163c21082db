-- +goose Up
-- Records of the owner's card, each signed by it, that a synchronisation has read and the card has
-- not dropped yet: one that is broken off goes on behind them at the next tap.
CREATE TABLE log (
    atc    BIGINT PRIMARY KEY, -- number in the card's log
    record BYTEA NOT NULL      -- whole, as READ RECORD gives it
);

-- +goose Down
DROP TABLE log;
