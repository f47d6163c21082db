-- +goose Up
-- Group of people that a card's owner belongs to, as the notary has it; 0 for none.
ALTER TABLE device ADD COLUMN people BIGINT NOT NULL DEFAULT 0;

-- Groups for which a policy order is.
CREATE TABLE policy_group (
    version BIGINT NOT NULL REFERENCES policy_order (version),
    people  BIGINT NOT NULL CHECK (people BETWEEN 1 AND 255),
    PRIMARY KEY (version, people)
);

-- +goose Down
DROP TABLE policy_group;
ALTER TABLE device DROP COLUMN people;
