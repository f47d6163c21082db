package batchtest

import (
	"context"

	"ekrona.example/apdu"
	"ekrona.example/personalization/batch"
	"ekrona.example/personalization/batch/virtual"
)

// Card is a virtual card with a hook before and after every command.
type Card struct {
	virtual.Card
	Hook Hook
}

// Transmit sends a command.
func (c Card) Transmit(ctx context.Context, command apdu.Command) (apdu.Response, error) {
	return c.Hook.around(ctx, c.Card, command)
}

// Tap is a card in a reader with such a hook.
type Tap struct {
	batch.Tap
	Hook Hook
}

// Transmit sends a command.
func (t Tap) Transmit(ctx context.Context, command apdu.Command) (apdu.Response, error) {
	return t.Hook.around(ctx, t.Tap, command)
}

func (h Hook) around(
	ctx context.Context, card apdu.Card, command apdu.Command,
) (apdu.Response, error) {
	if err := h("before a command"); err != nil {
		return apdu.Response{}, err
	}
	response, err := card.Transmit(ctx, command)
	if err != nil {
		return response, err
	}
	return response, h("after a command")
}
