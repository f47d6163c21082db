package wallet

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu/money"
	"ekrona.example/host/limit"
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
	return w.LoadNamed(ctx, tap, amount, "")
}

// LoadNamed is Load under the owner's own name: the same name again finishes that load, and once it
// is done does nothing: see [Wallet.Did]. A load without a name is another one. Errors also:
// [ErrNameTaken].
func (w *Wallet) LoadNamed(
	ctx context.Context, tap Tap, amount money.Ore, name string,
) (session.Result, error) {
	k, err := w.storedOrderOf(ctx, order.Load, amount, name)
	if err != nil || k.done {
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
			&order.Refused{Reason: &notTaken{amount, progress.Reason}})
	}
	return result, w.finish(ctx, k)
}

// ErrNotTaken says that the money of a load was there, and that the card could not take it: it is
// where it was.
var ErrNotTaken = errors.New("the card could not take the load")

// notTaken is [ErrNotTaken], with why.
type notTaken struct {
	amount money.Ore
	reason string
}

// Error says which load, and why.
func (n *notTaken) Error() string { return fmt.Sprintf("load of %s: %s", n.amount, n.reason) }

// Is reports whether a target is [ErrNotTaken].
func (n *notTaken) Is(target error) bool { return target == ErrNotTaken }

// ExplainLoad returns the error of a Load that the card had no room for as [*limit.Reached], with
// the numbers that the card gives to its owner. It returns every other error, and one that the card
// does not explain, as it is.
func (w *Wallet) ExplainLoad(ctx context.Context, tap Tap, err error) error {
	var refused *notTaken
	if !errors.As(err, &refused) {
		return err
	}
	held, readErr := w.Holdings(ctx, tap)
	room := held.Limits.MaxBalance - held.Balance - held.Expected
	if readErr != nil || refused.amount <= room {
		return err
	}
	return &limit.Reached{Limit: limit.Balance, Whose: limit.Card, Cause: err,
		Most: limit.Amount(held.Limits.MaxBalance), Left: limit.Amount(room)}
}
