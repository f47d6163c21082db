-- +goose Up
-- What this phone has asked the owner's card to request, and got no answer to: a torn tap. The
-- Request that the card has open then was given to nobody.
CREATE TABLE asking (
    position BIGINT PRIMARY KEY,
    amount   BIGINT NOT NULL, -- öre
    payer    TEXT NOT NULL    -- empty where anybody may pay
);

-- +goose Down
DROP TABLE asking;
