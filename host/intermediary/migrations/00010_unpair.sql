-- +goose Up
ALTER TABLE device ADD COLUMN unpair_in BIGINT NOT NULL DEFAULT 0; -- of the Instruction that ends the pair with a phone

-- +goose Down
ALTER TABLE device DROP COLUMN unpair_in;
