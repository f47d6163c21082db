package terminal

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/crisis"
	"ekrona.example/host/limit"
	"ekrona.example/host/session"
	"ekrona.example/host/store"
)

// crisisState is what the journal keeps of crisis orders.
type crisisState struct {
	crisis.Held
	replaced bool // the crisis key has replaced a former one, whose orders cards may still have
}

func (t *Terminal) readCrisis(ctx context.Context, q store.Queryer) (c crisisState, err error) {
	var order, key []byte
	if err := store.Must(ctx, q, store.Into{&c.Lowest, &order, &key, &c.replaced},
		`SELECT lowest, crisis_order, crisis_key, replaced FROM crisis`); err != nil {
		return c, fmt.Errorf("terminal: journal: crisis order: %w", err)
	}
	if key != nil {
		if c.CrisisKey, err = cvc.Parse(key); err != nil {
			return c, fmt.Errorf("terminal: journal: crisis key: %w", err)
		}
	}
	if order == nil {
		return c, nil
	}
	if c.Order, err = message.Parse[message.CrisisOrder](order); err != nil {
		return c, fmt.Errorf("terminal: journal: crisis order: %w", err)
	}
	notaries, err := t.notaries(ctx, q)
	c.Notary = notaries[c.Order.Notary]
	return c, err
}

func (t *Terminal) writeCrisis(ctx context.Context, tx *sql.Tx, c crisisState) (err error) {
	var order, key []byte
	if c.Order != nil {
		if order, err = message.Encode(c.Order); err != nil {
			return fmt.Errorf("terminal: crisis order: %w", err)
		}
		if err := t.storeNotary(ctx, tx, c.Notary); err != nil {
			return err
		}
	}
	if c.CrisisKey != nil {
		if key, err = c.CrisisKey.Encode(); err != nil {
			return fmt.Errorf("terminal: crisis key: %w", err)
		}
	}
	if err := store.Exec(ctx, tx, `UPDATE crisis SET lowest = $1, crisis_order = $2, crisis_key =
		$3, replaced = $4`, c.Lowest, order, key, c.replaced); err != nil {
		return fmt.Errorf("terminal: journal: crisis order: %w", err)
	}
	return nil
}

// notaries returns the notaries' certificates that the terminal has met.
func (t *Terminal) notaries(
	ctx context.Context, q store.Queryer,
) (map[message.AuthorityRef]*cvc.Certificate, error) {
	all, err := store.Column[[]byte](ctx, q, `SELECT certificate FROM notary`)
	if err != nil {
		return nil, fmt.Errorf("terminal: journal: notaries: %w", err)
	}
	known := map[message.AuthorityRef]*cvc.Certificate{}
	for _, encoded := range all {
		c, err := cvc.Parse(encoded)
		if err != nil {
			return nil, fmt.Errorf("terminal: journal: notaries: %w", err)
		}
		known[message.AuthorityRef(c.Holder)] = c
	}
	return known, nil
}

// notaryOf verifies the certificate of a notary by the last root.
func (t *Terminal) notaryOf(encoded []byte) (*cvc.Certificate, error) {
	notary, err := t.fromRoot(encoded)
	if err != nil {
		return nil, err
	}
	if notary.Role != spec.RoleNotary {
		return nil, fmt.Errorf("terminal: %s is a %v instead of a notary", notary.Holder,
			notary.Role)
	}
	return notary, nil
}

// learnNotary keeps the notary's certificate with which the terminal was issued. One by a root
// that is no longer the last is worth nothing, and stops nothing.
func (t *Terminal) learnNotary(ctx context.Context, tx *sql.Tx, encoded []byte) error {
	notary, err := t.notaryOf(encoded)
	if errors.Is(err, cvc.ErrIssuer) {
		return nil
	}
	if err != nil {
		return err
	}
	return t.storeNotary(ctx, tx, notary)
}

// storeNotary keeps the certificate of a notary that the root has certified.
func (t *Terminal) storeNotary(ctx context.Context, tx *sql.Tx, notary *cvc.Certificate) error {
	encoded, err := notary.Encode()
	if err != nil {
		return fmt.Errorf("terminal: notary: %w", err)
	}
	if err := store.Exec(ctx, tx, `INSERT INTO notary (reference, certificate) VALUES ($1, $2)
		ON CONFLICT (reference) DO NOTHING`, string(notary.Holder), encoded); err != nil {
		return fmt.Errorf("terminal: journal: notary: %w", err)
	}
	return nil
}

// TakeCrisis keeps a crisis order, or a newer crisis key, from wherever it comes, if it is genuine
// and newer than what the terminal keeps: one transaction. It raises the terminal's limits while it
// counts, and goes to the cards that are held to the terminal. Errors: [crisis.ErrOld],
// [crisis.ErrOldKey], [crisis.ErrNoKey], [crisis.ErrRoot], [crisis.ErrFalse],
// [crisis.ErrEarly].
func (t *Terminal) TakeCrisis(ctx context.Context, c crisis.Carried) error {
	var refused error
	err := store.InTx(ctx, t.db, func(tx *sql.Tx) error {
		kept, err := t.readCrisis(ctx, tx)
		if err != nil {
			return err
		}
		notaries, err := t.notaries(ctx, tx)
		if err != nil {
			return err
		}
		former := kept.Held
		kept.Held, refused = kept.Take(t.roots.Current(), c, notaries, t.today())
		if kept.Held == former {
			return nil
		}
		if former.CrisisKey != nil && former.CrisisKey.Holder != kept.CrisisKey.Holder {
			kept.replaced = true
		}
		return t.writeCrisis(ctx, tx, kept)
	})
	return errors.Join(err, refused)
}

// CarriedCrisis returns what the terminal gives to others today: its crisis order while it counts,
// and the newest crisis key that it has met.
func (t *Terminal) CarriedCrisis(ctx context.Context) (crisis.Carried, error) {
	kept, err := t.readCrisis(ctx, t.db)
	if err != nil {
		return crisis.Carried{}, err
	}
	return kept.Carried(t.today())
}

// WaitingCrisis returns the crisis order that the terminal has and that has not begun; nil for
// none.
func (t *Terminal) WaitingCrisis(ctx context.Context) ([]byte, error) {
	kept, err := t.readCrisis(ctx, t.db)
	if err != nil || kept.Order == nil || !kept.Order.From.After(t.today()) {
		return nil, err
	}
	return message.Encode(kept.Order)
}

// LearnCrisis keeps what the intermediary gives, and the notary that it shows, which may be by a
// root that the terminal learns with it. It implements session.Device. An order that is not taken
// is no error: the terminal has a later one.
func (t *Terminal) LearnCrisis(
	ctx context.Context, c crisis.Carried, trust session.Trust,
) error {
	if err := t.learnTrust(ctx, trust); err != nil {
		return err
	}
	if err := store.InTx(ctx, t.db, func(tx *sql.Tx) error {
		notary, err := t.notaryOf(trust.Notary)
		if err != nil {
			return err
		}
		return t.storeNotary(ctx, tx, notary)
	}); err != nil || c.IsEmpty() {
		return err
	}
	if err := t.TakeCrisis(ctx, c); !isRefusal(err) {
		return err
	}
	return nil
}

// isRefusal reports whether an order was not taken for a reason of its own.
func isRefusal(err error) bool {
	return errors.Is(err, crisis.ErrOld) || errors.Is(err, crisis.ErrOldKey) ||
		errors.Is(err, crisis.ErrNoKey) || errors.Is(err, crisis.ErrRoot) ||
		errors.Is(err, crisis.ErrFalse) || errors.Is(err, crisis.ErrEarly)
}

// tellLowest keeps the number that an Instruction names, and drops an order that is lower.
func (t *Terminal) tellLowest(ctx context.Context, tx *sql.Tx, lowest uint32) error {
	kept, err := t.readCrisis(ctx, tx)
	if err != nil {
		return err
	}
	kept.Held = kept.Told(lowest)
	return t.writeCrisis(ctx, tx, kept)
}

// ErrPayerSum says that a card has paid as much as one card can between two synchronisations. Its
// Payment was refused.
var ErrPayerSum = errors.New("terminal: this card has paid here as much as a card may while the " +
	"terminal is not online, and its payment was refused: the money comes back to its owner's " +
	"online wallet")

// checkPayerSum refuses a Payment with which one payer would have paid more, between two
// acknowledgements of the terminal, than an honest card of its intermediary can: the policy's
// MAX_SPENT, or that of a row of the order that counts. 0 is no limit. The terminal learns only
// from the answer which card it is. Errors: [*limit.Reached], by [ErrPayerSum].
func (t *Terminal) checkPayerSum(
	ctx context.Context, payer message.DeviceID, amount money.Ore,
) error {
	now, err := readState(ctx, t.db)
	if err != nil || now.policy.MaxSpent == 0 {
		return err
	}
	kept, err := t.readCrisis(ctx, t.db)
	if err != nil {
		return err
	}
	var paid money.Ore
	if err := store.Must(ctx, t.db, store.Into{&paid}, `SELECT coalesce(sum(amount), 0) FROM record
		WHERE accepted AND payer_tag = $1`, t.payerTag(payer)); err != nil {
		return fmt.Errorf("terminal: journal: %w", err)
	}
	most := kept.MostSpent(now.policy, payer.Name(), t.today())
	if paid+amount <= most {
		return nil
	}
	return &limit.Reached{Limit: limit.PayerSum, Whose: limit.Terminal, Most: limit.Amount(most),
		Left: limit.Amount(most - paid), Cause: ErrPayerSum}
}

// payerTag returns by what the journal knows the records of one payer: HMAC-SHA256 (RFC 2104) under
// a key of its own.
func (t *Terminal) payerTag(payer message.DeviceID) []byte {
	mac := hmac.New(sha256.New, t.tagKey)
	mac.Write([]byte(payer))
	return mac.Sum(nil)
}
