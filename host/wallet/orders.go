package wallet

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu/money"
	"ekrona.example/host/envelope"
	"ekrona.example/host/order"
	"ekrona.example/host/store"
)

// storedOrder is an order as the journal holds it.
type storedOrder struct {
	order.Signed
	request *envelope.Envelope // of an unload, once the desk has made it
}

// storedOrderOf returns the unfinished order of this kind and amount, or makes and keeps a new one.
// So a call that is repeated after a crash finishes what it started. It is signed each time: the
// journal may come from another phone, which had another key.
func (w *Wallet) storedOrderOf(
	ctx context.Context, kind order.Kind, amount money.Ore,
) (storedOrder, error) {
	var k storedOrder
	var id, request []byte
	found, err := store.Get(ctx, w.db, store.Into{&id, &request},
		`SELECT id, request FROM orders WHERE kind = $1 AND amount = $2 AND NOT done ORDER BY
			position LIMIT 1`,
		kind, int64(amount))
	if err == nil && !found {
		return w.order(ctx, kind, amount)
	}
	if err != nil {
		return k, fmt.Errorf("wallet: journal: %w", err)
	}
	if request != nil {
		parsed, err := envelope.Parse(request)
		if err != nil {
			return k, fmt.Errorf("wallet: journal: %w", err)
		}
		k.request = &parsed
	}
	stored := order.Order{Kind: kind, Device: w.device, Amount: amount}
	copy(stored.ID[:], id)
	k.Signed, err = order.Sign(stored, w.app)
	return k, err
}

// order makes and keeps a new order.
func (w *Wallet) order(
	ctx context.Context, kind order.Kind, amount money.Ore,
) (storedOrder, error) {
	signed, err := order.New(kind, w.device, amount, w.random, w.app)
	if err != nil {
		return storedOrder{}, err
	}
	err = store.Exec(ctx, w.db, `INSERT INTO orders (id, position, kind, amount)
		VALUES ($1, (SELECT coalesce(max(position), 0) + 1 FROM orders), $2,
		$3)`, signed.ID[:], kind, int64(amount))
	if err != nil {
		return storedOrder{}, fmt.Errorf("wallet: journal: %w", err)
	}
	return storedOrder{Signed: signed}, nil
}

// finish marks an order as finished.
func (w *Wallet) finish(ctx context.Context, k storedOrder) error {
	if err := store.Exec(ctx, w.db, `UPDATE orders SET done = TRUE WHERE id = $1`,
		k.ID[:]); err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	return nil
}

// finishRefused finishes an order that was refused for good, and returns why.
func (w *Wallet) finishRefused(ctx context.Context, k storedOrder, err error) error {
	var refused *order.Refused
	if errors.As(err, &refused) {
		return errors.Join(err, w.finish(ctx, k))
	}
	return err
}

// storeDeskRequest keeps the Request with which the desk has answered an order.
func (w *Wallet) storeDeskRequest(
	ctx context.Context, k *storedOrder, request envelope.Envelope,
) error {
	if err := store.Exec(ctx, w.db, `UPDATE orders SET request = $1 WHERE id = $2`, request.Bytes(),
		k.ID[:]); err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	k.request = &request
	return nil
}
