-- What the owner gave a name of its own: the same name again does nothing a second time. The id of
-- a named order follows from its name; a Request has none, and is found by the name here.

-- +goose Up
ALTER TABLE orders ADD COLUMN named BOOLEAN NOT NULL DEFAULT FALSE;
CREATE TABLE named (
    deed    BIGINT NOT NULL, -- what was done: asked, or paid to another card
    name    TEXT NOT NULL,   -- the owner's own
    request BYTEA NOT NULL REFERENCES transfer (request),
    PRIMARY KEY (deed, name)
);

-- +goose Down
DROP TABLE named;
ALTER TABLE orders DROP COLUMN named;
