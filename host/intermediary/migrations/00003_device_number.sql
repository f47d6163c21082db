-- +goose Up
-- Ids given to devices that are still to be made: one for each order, none twice.
CREATE TABLE device_number (
    intent TEXT PRIMARY KEY, -- what the device is made for, as its maker names it
    kind   TEXT NOT NULL,    -- letter of the id behind the intermediary's name
    number BIGINT NOT NULL CHECK (number > 0),
    UNIQUE (kind, number)
);

-- +goose Down
DROP TABLE device_number;
