package batchtest

import (
	"context"

	"ekrona/apdu"
	"ekrona/personalization/batch/virtual"
)

// Card is a card with a hook before and after every command.
type Card struct {
	virtual.Card
	Hook Hook
}

// Transmit sends a command.
func (c Card) Transmit(ctx context.Context, command apdu.Command) (apdu.Response, error) {
	if err := c.Hook("before a command"); err != nil {
		return apdu.Response{}, err
	}
	response, err := c.Card.Transmit(ctx, command)
	if err != nil {
		return response, err
	}
	return response, c.Hook("after a command")
}
