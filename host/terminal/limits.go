package terminal

import (
	"context"
	"database/sql"
	"fmt"

	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/limit"
	"ekrona.example/host/store"
)

// Room is what a terminal may still take until it synchronises.
type Room struct {
	Receipts     int       `json:"receipts_left"`
	MostReceipts int       `json:"receipts_most"`
	Sum          money.Ore `json:"sum_left_ore"`
	MostSum      money.Ore `json:"sum_most_ore"`
	MaxPayment   money.Ore `json:"payment_most_ore"`
	Open         int       `json:"open_sales"` // neither paid nor refused
	Torn         int       `json:"torn_sales"` // of them, those that a card may have paid
	// Crisis is the order that counts; nil while none does.
	Crisis *CrisisInForce `json:"crisis,omitempty"`
}

// CrisisInForce is a crisis order that counts today.
type CrisisInForce struct {
	Number uint32 `json:"number"`
	Until  string `json:"until"` // last day, YYYY-MM-DD
	// None: the order has no row for the terminal, whose ordinary limits stay.
	None bool `json:"none,omitempty"`
}

// Room returns what the terminal may still take.
func (t *Terminal) Room(ctx context.Context) (Room, error) {
	now, err := readState(ctx, t.db)
	if err != nil {
		return Room{}, err
	}
	return t.room(ctx, t.db, now, 0)
}

// The questions of a sale about open ones: the index has these alone.
const (
	openTotals = `SELECT count(*), coalesce(sum(torn), 0),
		coalesce(sum(CASE WHEN number <> $1 THEN torn ELSE 0 END), 0),
		coalesce(sum(CASE WHEN number <> $1 THEN torn * amount ELSE 0 END), 0)
		FROM (SELECT number, amount, CASE WHEN EXISTS (SELECT 1 FROM presented p
		WHERE p.request = request.number AND p.unanswered) THEN 1 ELSE 0 END AS torn
		FROM request WHERE open) AS sale`
	openNumbers = `SELECT number FROM request WHERE open ORDER BY made`
	isTornQuery = `SELECT EXISTS (SELECT 1 FROM presented WHERE request = $1 AND unanswered)`
)

// room counts every torn sale as paid, except one.
func (t *Terminal) room(
	ctx context.Context, q store.Queryer, now journalState, except uint32,
) (Room, error) {
	var open, torn, others int
	var sum money.Ore
	if err := store.Must(ctx, q, store.Into{&open, &torn, &others, &sum}, openTotals,
		except); err != nil {
		return Room{}, fmt.Errorf("terminal: journal: %w", err)
	}
	kept, err := t.readCrisis(ctx, q)
	if err != nil {
		return Room{}, err
	}
	terms := kept.Raise(now.policy, t.id.Name(), t.today())
	r := Room{MostReceipts: int(terms.MaxTransactions), MostSum: terms.MaxBalance,
		MaxPayment: terms.MaxPayment, Open: open, Torn: torn}
	if kept.Counts(t.today()) {
		r.Crisis = &CrisisInForce{Number: kept.Order.Number, Until: kept.Order.Until.String(),
			None: !kept.Raises(t.id.Name(), t.today())}
	}
	r.Receipts = max(r.MostReceipts-int(now.receipts)-others, 0)
	r.Sum = max(r.MostSum-now.taken-sum, 0)
	return r, nil
}

// Warnings returns the limits that the terminal will soon reach: a tenth of the receipts is left,
// or of the sum not as much as one payment may be.
func (r Room) Warnings() (near []limit.Near) {
	if r.Receipts <= max(r.MostReceipts/10, 1) {
		near = append(near, limit.Near{Limit: limit.Receipts, Whose: limit.Terminal,
			Most: limit.Count(r.MostReceipts), Left: limit.Count(r.Receipts)})
	}
	if r.Sum < r.MaxPayment {
		near = append(near, limit.Near{Limit: limit.Sum, Whose: limit.Terminal,
			Most: limit.Amount(r.MostSum), Left: limit.Amount(r.Sum)})
	}
	if r.Torn >= spec.MaxOpenRequests-1 {
		near = append(near, limit.Near{Limit: limit.OpenRequests, Whose: limit.Terminal,
			Most: limit.Count(spec.MaxOpenRequests),
			Left: limit.Count(spec.MaxOpenRequests - r.Torn)})
	}
	return near
}

// check returns the limit that a payment of this amount would break.
func (r Room) check(amount money.Ore) error {
	switch {
	case amount > r.MaxPayment:
		return &limit.Reached{Limit: limit.Payment, Whose: limit.Terminal,
			Most: limit.Amount(r.MaxPayment), Cause: ErrTooMuch}
	case r.Receipts == 0:
		return &limit.Reached{Limit: limit.Receipts, Whose: limit.Terminal,
			Most: limit.Count(r.MostReceipts), Left: limit.Count(0), Cause: ErrSyncFirst}
	case amount > r.Sum:
		return &limit.Reached{Limit: limit.Sum, Whose: limit.Terminal,
			Most: limit.Amount(r.MostSum), Left: limit.Amount(r.Sum), Cause: ErrSyncFirst}
	}
	return nil
}

// checkLimits checks what stops a new sale before any card comes.
func (t *Terminal) checkLimits(
	ctx context.Context, q store.Queryer, now journalState, amount money.Ore,
) error {
	switch {
	case now.rolledBack:
		return ErrRolledBack
	case now.lifeCycle != spec.Active:
		return ErrBlocked
	case t.isExpired(now):
		return ErrExpired
	}
	room, err := t.room(ctx, q, now, 0)
	if err != nil {
		return err
	}
	return room.check(amount)
}

// checkRoom checks, before a card is asked to pay a sale, that the terminal may take it: other
// sales may have been paid since it was asked for.
func (t *Terminal) checkRoom(
	ctx context.Context, q store.Queryer, now journalState, s sale,
) error {
	room, err := t.room(ctx, q, now, s.request.Number)
	if err != nil {
		return err
	}
	room.MaxPayment = max(room.MaxPayment, s.request.Amount) // it was allowed when it was asked for
	return room.check(s.request.Amount)
}

// freePlace refuses the oldest open sale that no card can have paid, when all places are taken.
func (t *Terminal) freePlace(ctx context.Context, tx *sql.Tx) error {
	numbers, err := store.Column[uint32](ctx, tx, openNumbers)
	if err != nil {
		return fmt.Errorf("terminal: journal: %w", err)
	}
	if len(numbers) < spec.MaxOpenRequests {
		return nil
	}
	for _, number := range numbers {
		torn, err := t.isTorn(ctx, tx, number)
		if err != nil {
			return err
		}
		if torn {
			continue
		}
		s, err := t.sale(ctx, tx, number)
		if err != nil {
			return err
		}
		_, err = t.refuse(ctx, tx, s)
		return err
	}
	return &limit.Reached{Limit: limit.OpenRequests, Whose: limit.Terminal,
		Most: limit.Count(spec.MaxOpenRequests), Left: limit.Count(0), Cause: ErrOpenSales}
}

// isTorn reports whether a card may have paid an open sale: PAY was sent to it, and no refusal has
// come back.
func (t *Terminal) isTorn(
	ctx context.Context, q store.Queryer, number uint32,
) (torn bool, err error) {
	if err = store.Must(ctx, q, store.Into{&torn}, isTornQuery, number); err != nil {
		return false, fmt.Errorf("terminal: journal: sale %d: %w", number, err)
	}
	return torn, nil
}

// keepTap keeps that PAY goes out for a sale, if the terminal may take it, and returns the number
// of the tap.
func (t *Terminal) keepTap(ctx context.Context, s sale) (tap uint32, err error) {
	err = store.InTx(ctx, t.db, func(tx *sql.Tx) error {
		now, err := readState(ctx, tx)
		if err != nil {
			return err
		}
		if err := t.checkRoom(ctx, tx, now, s); err != nil {
			return err
		}
		if err := store.Must(ctx, tx, store.Into{&tap}, `SELECT coalesce(max(tap), 0) + 1
			FROM presented WHERE request = $1`, s.request.Number); err != nil {
			return fmt.Errorf("terminal: journal: sale %d: %w", s.request.Number, err)
		}
		if err := store.Exec(ctx, tx, `INSERT INTO presented (request, tap) VALUES ($1, $2)`,
			s.request.Number, tap); err != nil {
			return fmt.Errorf("terminal: journal: sale %d: %w", s.request.Number, err)
		}
		return nil
	})
	return tap, err
}

// settleTap records that the card of a tap has not paid. Which card that was nobody knows: an
// earlier tap for the same sale that was torn stays so.
func (t *Terminal) settleTap(ctx context.Context, s sale, tap uint32) error {
	if err := store.Exec(ctx, t.db, `UPDATE presented SET unanswered = FALSE
		WHERE request = $1 AND tap = $2`, s.request.Number, tap); err != nil {
		return fmt.Errorf("terminal: journal: sale %d: %w", s.request.Number, err)
	}
	return nil
}

// CloseUnpaid refuses an open sale that no card can have paid, and reports whether the sale is
// closed: after a torn tap it stays open. One that was refused, with the Payment of a card that may
// not pay, is closed.
func (t *Terminal) CloseUnpaid(ctx context.Context, number uint32) (closed bool, err error) {
	decision, err := t.recordOf(ctx, t.db, number)
	if err != nil || decision != nil {
		return err == nil && decision.Refusal != nil, err
	}
	torn, err := t.isTorn(ctx, t.db, number)
	if err != nil || torn {
		return false, err
	}
	_, err = t.Refuse(ctx, number)
	return err == nil, err
}
