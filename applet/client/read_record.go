package client

import (
	"context"

	"ekrona.example/apdu/spec"
)

// Records reads the records after the last acknowledgement, the oldest first,
// whole: a Payment, or a Receipt and the Payment accepted, or a Refusal.
func (c *Client) Records(ctx context.Context) ([][]byte, error) {
	return c.readAll(ctx, "log", spec.MaxSlots)
}

// OpenRequests reads the open Requests, signed, the oldest first.
func (c *Client) OpenRequests(ctx context.Context) ([][]byte, error) {
	return c.readAll(ctx, "open requests", spec.MaxOpenRequests)
}

// readAll reads records from 1 up to the first that is not found, and at most
// limit of them.
func (c *Client) readAll(ctx context.Context, file string, limit byte) ([][]byte, error) {
	v, err := variant(spec.ReadRecord, file)
	if err != nil {
		return nil, err
	}
	var records [][]byte
	for number := byte(1); number <= limit; number++ {
		command := v.APDU()
		command.P1 = number
		record, err := c.transmit(ctx, v, command)
		if Is(err, spec.SWRecordNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, nil
}
