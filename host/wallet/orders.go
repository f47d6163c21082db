package wallet

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu/money"
	"ekrona.example/host/banking"
	"ekrona.example/host/envelope"
	"ekrona.example/host/order"
	"ekrona.example/host/store"
)

// storedOrder is an order as the journal holds it.
type storedOrder struct {
	order.Signed
	request *envelope.Envelope // of an unload, once the desk has made it
	named   bool
	done    bool // of a named one: it was carried out
}

// storedOrderOf returns the order of this name, or the unfinished one of this kind and amount that
// has no name, or makes and keeps a new one. So a call that is repeated after a crash finishes what
// it started. It is signed each time: the journal may come from another phone, which had another
// key. Errors: [ErrNameTaken].
func (w *Wallet) storedOrderOf(
	ctx context.Context, kind order.Kind, amount money.Ore, name string,
) (storedOrder, error) {
	if name != "" {
		k, found, err := w.namedOrder(ctx, kind, amount, name)
		if err != nil || found {
			return k, err
		}
		return k, w.storeOrder(ctx, k)
	}
	var k storedOrder
	var id, request []byte
	found, err := store.Get(ctx, w.db, store.Into{&id, &request},
		`SELECT id, request FROM orders WHERE kind = $1 AND amount = $2 AND NOT done AND NOT named
			ORDER BY position LIMIT 1`,
		kind, int64(amount))
	if err == nil && !found {
		signed, err := order.New(kind, w.device, amount, w.random, w.app)
		if err != nil {
			return k, err
		}
		k.Signed = signed
		return k, w.storeOrder(ctx, k)
	}
	if err != nil {
		return k, fmt.Errorf("wallet: journal: %w", err)
	}
	if err := k.setRequest(request); err != nil {
		return k, err
	}
	stored := order.Order{Kind: kind, Device: w.device, Amount: amount}
	copy(stored.ID[:], id)
	k.Signed, err = order.Sign(stored, w.app)
	return k, err
}

// namedOrder returns the order of a name, and whether this phone keeps it. Errors: [ErrNameTaken].
func (w *Wallet) namedOrder(
	ctx context.Context, kind order.Kind, amount money.Ore, name string,
) (k storedOrder, found bool, err error) {
	k.named = true
	if k.Signed, err = order.Named(order.Order{Kind: kind, Device: w.device, Amount: amount}, name,
		w.app); err != nil {
		return k, false, err
	}
	var kept money.Ore
	var request []byte
	found, err = store.Get(ctx, w.db, store.Into{&kept, &request, &k.done},
		`SELECT amount, request, done FROM orders WHERE id = $1`, k.ID[:])
	switch {
	case err != nil:
		return k, false, fmt.Errorf("wallet: journal: %w", err)
	case found && kept != amount:
		return k, true, fmt.Errorf("%w (%s: a %v of %s)", ErrNameTaken, name, kind, kept)
	}
	return k, found, k.setRequest(request)
}

// setRequest reads the desk's Request of an unload, nil while there is none.
func (k *storedOrder) setRequest(request []byte) error {
	if request == nil {
		return nil
	}
	parsed, err := envelope.Parse(request)
	if err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	k.request = &parsed
	return nil
}

// storeOrder keeps a new order.
func (w *Wallet) storeOrder(ctx context.Context, k storedOrder) error {
	if err := store.Exec(ctx, w.db, `INSERT INTO orders (id, position, kind, amount, named)
		VALUES ($1, (SELECT coalesce(max(position), 0) + 1 FROM orders), $2, $3, $4)`, k.ID[:],
		k.Kind, int64(k.Amount), k.named); err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	return nil
}

// finish marks an order as finished.
func (w *Wallet) finish(ctx context.Context, k storedOrder) error {
	if err := store.Exec(ctx, w.db, `UPDATE orders SET done = TRUE WHERE id = $1`,
		k.ID[:]); err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	return nil
}

// finishRefused finishes an order that was refused, and returns why. One with a name is forgotten:
// the same name is asked for again, and is refused again where the bank has kept that.
func (w *Wallet) finishRefused(ctx context.Context, k storedOrder, err error) error {
	isTaken := k.named && errors.Is(err, banking.ErrTaken)
	if isTaken {
		err = fmt.Errorf("%w (%w)", ErrNameTaken, err)
	}
	var refused *order.Refused
	switch {
	case !errors.As(err, &refused) && !isTaken:
		return err
	case !k.named:
		return errors.Join(err, w.finish(ctx, k))
	}
	if failed := store.Exec(ctx, w.db, `DELETE FROM orders WHERE id = $1`,
		k.ID[:]); failed != nil {
		return errors.Join(err, fmt.Errorf("wallet: journal: %w", failed))
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
