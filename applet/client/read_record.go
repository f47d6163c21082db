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

// RecordsFrom is Records behind the first ones, of which known are not read again. Each goes to
// keep as soon as it is read, so that what a torn reading has read is not lost.
func (c *Client) RecordsFrom(ctx context.Context, known int, keep func(record []byte) error) error {
	return c.read(ctx, "log", known+1, spec.MaxSlots, keep)
}

// OpenRequests reads the open Requests, signed, the oldest first.
func (c *Client) OpenRequests(ctx context.Context) ([][]byte, error) {
	return c.readAll(ctx, "open requests", spec.MaxOpenRequests)
}

// readAll reads records from 1 on; half of them are none.
func (c *Client) readAll(ctx context.Context, file string, limit int) ([][]byte, error) {
	var records [][]byte
	if err := c.read(ctx, file, 1, limit, func(record []byte) error {
		records = append(records, record)
		return nil
	}); err != nil {
		return nil, err
	}
	return records, nil
}

// read reads records from a number up to the first that is not found, and none above limit.
func (c *Client) read(
	ctx context.Context, file string, from, limit int, keep func(record []byte) error,
) error {
	v, err := variant(spec.ReadRecord, file)
	if err != nil {
		return err
	}
	for number := from; number <= limit; number++ {
		command := v.APDU()
		command.P1 = byte(number)
		record, err := c.transmit(ctx, v, command)
		if Is(err, spec.SWRecordNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := keep(record); err != nil {
			return err
		}
	}
	return nil
}
