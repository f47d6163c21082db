-- +goose Up
-- What each synchronisation asks for: the loads of a device, and the devices of a customer.
CREATE INDEX load_device ON load (device, state, placed);
CREATE INDEX device_customer ON device (customer);

-- +goose Down
DROP INDEX device_customer;
DROP INDEX load_device;
