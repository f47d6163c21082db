package wallet

import (
	"context"

	"ekrona.example/apdu/money"
	"ekrona.example/host/envelope"
	"ekrona.example/host/order"
)

// Unload moves money from the card to the owner's online wallet, any amount up to
// the balance. It returns the desk's Receipt.
//
//  1. The order is signed and kept. A cut: the same call goes on with this order.
//  2. The card is synchronised, so that what it holds is settled as far as it can.
//  3. The desk answers the order with its Request, which is kept. A cut: the same
//     order gets the same Request.
//  4. The card pays it, with its PIN: see Pay. A cut: the same Payment comes again.
//  5. The desk takes the Payment; settling it fills the online wallet. A cut: the
//     desk gives the same Receipt again.
//  6. The order is marked as done.
//
// Errors: [*TornTap], [*client.Refusal], [*client.LinkLost], [ErrPINNeeded],
// [*order.Refused]; order.ErrSignature while another app is registered for the owner.
func (w *Wallet) Unload(ctx context.Context, tap Tap, amount money.Ore) ([]byte, error) {
	return w.UnloadNamed(ctx, tap, amount, "")
}

// UnloadNamed is Unload under the owner's own name: the same name again finishes that unload, and
// once it is done does nothing, and returns no Receipt: see [Wallet.Did]. An unload without a name
// is another one. Errors also: [ErrNameTaken].
func (w *Wallet) UnloadNamed(
	ctx context.Context, tap Tap, amount money.Ore, name string,
) ([]byte, error) {
	k, err := w.storedOrderOf(ctx, order.Unload, amount, name)
	if err != nil || k.done {
		return nil, err
	}
	mayBePaid := k.named || k.request != nil // one with a name by a former phone
	if k.request == nil {
		if err := w.askDesk(ctx, tap, &k); err != nil {
			return nil, w.finishRefused(ctx, k, err)
		}
	}
	if mayBePaid {
		receipt, err := w.intermediary.UnloadReceipt(ctx, k.Signed)
		if err != nil {
			return nil, w.finishRefused(ctx, k, err)
		}
		if receipt != nil { // the Payment reached the desk by another channel
			return receipt, w.finish(ctx, k)
		}
	}
	payment, err := w.Pay(ctx, tap, *k.request)
	if err != nil {
		return nil, err
	}
	receipt, err := w.intermediary.TakeUnload(ctx, payment.Message)
	if err != nil {
		return nil, w.finishRefused(ctx, k, err)
	}
	answer := envelope.Envelope{Message: receipt, Certificate: k.request.Certificate,
		Authority: k.request.Authority}
	if err := w.TakeAnswer(ctx, answer); err != nil {
		return nil, err
	}
	return receipt, w.finish(ctx, k)
}

// askDesk does steps 2 and 3.
func (w *Wallet) askDesk(ctx context.Context, tap Tap, k *storedOrder) error {
	if _, err := w.Synchronise(ctx, tap); err != nil {
		return err
	}
	request, err := w.intermediary.RequestUnload(ctx, k.Signed)
	if err != nil {
		return err
	}
	return w.storeDeskRequest(ctx, k, request)
}
