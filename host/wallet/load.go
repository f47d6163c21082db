package wallet

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu/money"
	"ekrona.example/host/order"
	"ekrona.example/host/session"
)

// ErrPending says that a load is ordered and not yet on the card.
var ErrPending = errors.New(
	"wallet: the load is ordered but not on the card yet: synchronise the card")

// Load moves money from the owner's online wallet to the card:
//
//  1. The order is signed and kept. A cut: the same call goes on with this order.
//  2. The intermediary sets the money aside. A cut: the order is sent again.
//  3. The card is synchronised; the Instruction carries the credit. A cut: the
//     next synchronisation, or the same call, brings it.
//  4. The order is marked as done when the intermediary reports it.
//
// Errors: [*order.Refused] when the online wallet does not cover it or the card
// cannot take it, the money being where it was; [ErrPending]; order.ErrSignature
// while another app is registered for the owner, the order being as it was;
// [*client.LinkLost].
func (w *Wallet) Load(ctx context.Context, tap Tap, amount money.Ore) (session.Result, error) {
	k, err := w.storedOrderOf(ctx, order.Load, amount)
	if err != nil {
		return session.Result{}, err
	}
	if err := w.intermediary.PlaceLoad(ctx, k.Signed); err != nil {
		return session.Result{}, w.finishRefused(ctx, k, err)
	}
	result, err := w.Synchronise(ctx, tap)
	if err != nil {
		return result, err
	}
	progress, err := w.intermediary.LoadProgress(ctx, k.Signed)
	switch {
	case err != nil:
		return result, err
	case !progress.Final:
		return result, ErrPending
	case !progress.Done:
		return result, w.finishRefused(ctx, k,
			&order.Refused{Reason: fmt.Errorf("load of %s: %s", amount, progress.Reason)})
	}
	return result, w.finish(ctx, k)
}
