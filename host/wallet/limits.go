package wallet

import (
	"context"
	"errors"

	"ekrona/host/limit"
)

// tellLimit returns a card's refusal for a limit as [*limit.Reached], with the numbers that the
// card gives to its owner: by the pair of card and phone, or where its PIN was right.
func (h *cardSession) tellLimit(ctx context.Context, err error, whose limit.Owner) error {
	err = limit.OfCard(err, whose)
	var reached *limit.Reached
	if !errors.As(err, &reached) {
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
	switch reached.Limit {
	case limit.Funds:
		reached.Left = limit.Amount(held.Balance)
	case limit.Payment:
		reached.Most = limit.Amount(held.Limits.MaxPayment)
	case limit.Balance:
		reached.Most = limit.Amount(held.Limits.MaxBalance)
		reached.Left = limit.Amount(held.Limits.MaxBalance - held.Balance)
	case limit.Transactions:
		reached.Most = limit.Count(held.Limits.MaxTransactions)
		reached.Left = limit.Count(0)
	case limit.Spent:
		reached.Most = limit.Amount(held.Limits.MaxSpent)
	case limit.Log:
		reached.Most = limit.Count(held.Counters.Slots)
	case limit.OpenRequests, limit.Receipts, limit.Sum, limit.PayerSum:
	}
	return err
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

// PaymentsLeft returns how many payments the card makes or takes at least until it synchronises:
// records that are no payments are counted as such.
func (h Holdings) PaymentsLeft() int {
	return max(h.payments()-int(h.Counters.ATC-h.Counters.AckedATC), 0)
}

// payments is the most of them until the card synchronises: of limit and log the lower.
func (h Holdings) payments() int {
	return min(int(h.Limits.MaxTransactions), int(h.Counters.Slots))
}
