package wallet

import (
	"context"
	"errors"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/limit"
)

// tellLimit returns a card's refusal for a limit as [*limit.Reached], with the numbers that the
// card gives to its owner: by the pair of card and phone, or where its PIN was right.
func (h *cardSession) tellLimit(ctx context.Context, err error, whose limit.Owner) error {
	err = limit.OfCard(err, whose)
	var reached *limit.Reached
	if !errors.As(err, &reached) || reached.Limit == limit.PIN ||
		reached.Limit == limit.PINBlocked {
		return err
	}
	if secured, failed := h.secure(ctx); failed != nil || !secured {
		if h.pinRight && h.verify(ctx) != nil || !h.verified {
			return err
		}
	}
	held, readErr := h.holdings(ctx)
	if readErr != nil {
		return err // the card may be gone: the limit is known all the same
	}
	h.explain(ctx, held, reached)
	return err
}

// Explain writes into a limit of the owner's card, by which a terminal's sale has ended, the
// numbers that the terminal does not see: for the phone that is paired with the card, when that is
// held to it. Errors: [ErrPINNeeded], [ErrNotPaired], [*client.LinkLost].
func (w *Wallet) Explain(ctx context.Context, tap Tap, reached *limit.Reached) error {
	h, err := w.openSession(ctx, tap)
	if err != nil {
		return err
	}
	if err := h.owner(ctx); err != nil {
		return err
	}
	held, err := h.holdings(ctx)
	if err == nil {
		h.explain(ctx, held, reached)
	}
	return err
}

// explain writes the numbers of a limit of the card.
func (h *cardSession) explain(ctx context.Context, held Holdings, reached *limit.Reached) {
	switch reached.Limit {
	case limit.Funds:
		reached.Left = limit.Amount(held.Balance)
	case limit.Received:
		if _, received, err := h.moved(ctx); err == nil {
			reached.Left = limit.Amount(held.Balance - received)
		}
	case limit.Payment:
		reached.Most = limit.Amount(held.Limits.MaxPayment)
	case limit.Balance:
		reached.Most = limit.Amount(held.Limits.MaxBalance)
		reached.Left = limit.Amount(held.Limits.MaxBalance - held.Balance - held.Expected)
	case limit.Transactions:
		reached.Most = limit.Count(held.Limits.MaxTransactions)
		reached.Left = limit.Count(0)
	case limit.Spent:
		reached.Most = limit.Amount(held.Limits.MaxSpent)
		if paid, _, err := h.moved(ctx); err == nil {
			reached.Left = limit.Amount(held.Limits.MaxSpent - paid)
		}
	case limit.Log:
		reached.Most = limit.Count(held.Counters.Slots)
		reached.Left = limit.Count(0)
	case limit.OpenRequests, limit.Receipts, limit.Sum, limit.PayerSum, limit.PIN,
		limit.PINBlocked:
	}
}

// moved returns what the card has paid and received since the last acknowledgement, by its records.
func (h *cardSession) moved(ctx context.Context) (paid, received money.Ore, err error) {
	records, err := h.Records(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, encoded := range records {
		record, err := message.ParseRecord(encoded)
		switch {
		case err != nil:
			return 0, 0, err
		case record.Payment == nil:
		case record.Payment.Payer == h.wallet.device:
			paid += record.Payment.Request.Amount
		default:
			received += record.Payment.Request.Amount
		}
	}
	return paid, received, nil
}

// Warnings returns the limits of a card that its next payments may reach: a fifth of its payments
// until it synchronises is left.
func (h Holdings) Warnings() (near []limit.Near) {
	most := h.payments()
	if left := h.PaymentsLeft(); left <= max(most/5, 1) {
		near = append(near, limit.Near{Limit: limit.Transactions, Whose: limit.Card,
			Most: limit.Count(most), Left: limit.Count(left)})
	}
	return near
}

// PaymentsLeft returns how many payments the card makes or takes at least until it synchronises,
// beside those that open Requests keep a place for: records that are no payments are counted as
// such.
func (h Holdings) PaymentsLeft() int {
	return max(h.payments()-int(h.Counters.ATC-h.Counters.AckedATC)-h.Open, 0)
}

// payments is the most of them until the card synchronises: of limit and log the lower.
func (h Holdings) payments() int {
	return min(int(h.Limits.MaxTransactions), int(h.Counters.Slots))
}
