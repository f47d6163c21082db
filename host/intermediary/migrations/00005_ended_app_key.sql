-- +goose Up
-- Keys of apps that another one has replaced: none of them comes back.
CREATE TABLE ended_app_key (
    app_key  BYTEA PRIMARY KEY, -- public point
    customer TEXT NOT NULL REFERENCES customer (id)
);

-- +goose Down
DROP TABLE ended_app_key;
