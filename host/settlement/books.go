package settlement

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// Issue implements notary.Operator.
func (n *Notary) Issue(
	ctx context.Context, order notary.OrderKey, intermediary message.Name, amount money.Ore,
) error {
	return n.change(ctx, func(t *txn) error {
		if err := t.joined(intermediary); err != nil {
			return err
		}
		if err := checkIssue(order, amount); err != nil {
			return err
		}
		m := movement{key: "issue:" + string(order)}
		m.line(issuedAccount, -amount)
		m.line(onlineOf(intermediary), amount)
		m.addStatementEntry(intermediary,
			notary.Entry{Kind: notary.Issued, Online: amount, Order: order})
		return t.create(m, amount)
	})
}

// FundPool implements notary.Operator.
func (n *Notary) FundPool(ctx context.Context, order notary.OrderKey, amount money.Ore) error {
	return n.change(ctx, func(t *txn) error {
		if err := checkIssue(order, amount); err != nil {
			return err
		}
		m := movement{key: "issue:" + string(order)}
		m.line(issuedAccount, -amount)
		m.line(poolAccount, amount)
		return t.create(m, amount)
	})
}

// checkIssue checks what is asked of an issue by itself.
func checkIssue(order notary.OrderKey, amount money.Ore) error {
	if amount <= 0 || amount > notary.MaxIssued {
		return notary.Refuse(notary.Malformed, "issue %s: an issue is above zero and at most %s",
			amount, notary.MaxIssued)
	}
	return checkOrder(order)
}

// create posts an issue. What was issued in total is checked last: an order that was carried out
// before stays so, whatever came after it.
func (t *txn) create(m movement, amount money.Ore) error {
	err := t.move(m)
	if errors.Is(err, ledger.ErrConflict) {
		return notary.Refuse(notary.Taken,
			"order key %q was used for another issue; choose a new key", m.key)
	}
	if err != nil {
		return err
	}
	issued, err := t.book.Balance(t.ctx, issuedAccount)
	if err == nil && -issued > notary.MaxIssued {
		err = notary.Refuse(notary.Malformed,
			"issue %s: with it %s would be issued, and at most %s can be; issue less",
			amount, -issued, notary.MaxIssued)
	}
	return err
}

// Statement implements notary.Participant.
func (p participant) Statement(
	ctx context.Context, after int64, limit int,
) ([]notary.Entry, error) {
	if err := checkPage(limit); err != nil {
		return nil, err
	}
	// The one at the cursor is read too: somebody has it, so that it is there.
	all, err := store.All(ctx, p.n.db, func(row store.Row) (e notary.Entry, err error) {
		var at string
		if err := row.Scan(&e.Seq, &e.Kind, &e.Device, &e.Owner, &e.Online, &e.Shadow, &e.Payer,
			&e.ATC, &e.Payee, &e.Order, &e.Instr, &at); err != nil {
			return e, err
		}
		e.At, err = time.Parse(time.RFC3339Nano, at)
		return e, err
	}, `SELECT coalesce(number, seq), kind, device, owner, online, shadow, payer, atc, payee,
		order_key, instr, at FROM statement
		WHERE intermediary = $1 AND coalesce(number, seq) >= $2
		ORDER BY coalesce(number, seq) LIMIT $3`, p.from, after, limit+1)
	switch {
	case err != nil:
		return nil, err
	case len(all) == 0 && after > 0:
		return nil, notary.Refuse(notary.SetBack, "%s has entry %d of its statement, and this "+
			"ledger ends before: it was set back, as by an older copy in its place: stop the "+
			"central bank, and put back the ledger that has all that it acknowledged",
			p.from, after)
	case len(all) > 0 && all[0].Seq <= after:
		return all[1:], nil
	}
	return all[:min(limit, len(all))], nil
}

// Balances implements notary.Operator.
func (n *Notary) Balances(
	ctx context.Context, after message.DeviceID, limit int,
) (b notary.Balances, err error) {
	if err := checkPage(limit); err != nil {
		return b, err
	}
	if err := checkTexts(after); err != nil {
		return b, err
	}
	err = store.Read(ctx, n.db, func(tx *sql.Tx) (err error) {
		if b.Issued, b.Pool, b.Lent, b.Clearing, err = wholeSums(ctx, tx); err != nil {
			return err
		}
		online, err := ledger.Holdings(ctx, tx, ledger.Online)
		if err != nil {
			return err
		}
		shadow, err := ledger.HoldingsAfter(ctx, tx, ledger.Shadow, string(after), limit)
		b.Online, b.Shadow, b.Last = accounts(online), accounts(shadow), ""
		if len(shadow) == limit {
			b.Last = message.DeviceID(shadow[limit-1].Account.ID)
		}
		return err
	})
	return b, err
}

// wholeSums returns all that was issued, what of it is in the pool, what the pool has lent, and
// what is on its way between shadow wallets.
func wholeSums(
	ctx context.Context, tx *sql.Tx,
) (issued, pool, lent, clearing money.Ore, err error) {
	for of, into := range map[ledger.Account]*money.Ore{issuedAccount: &issued, poolAccount: &pool,
		clearingAccount: &clearing} {
		if *into, err = ledger.Balance(ctx, tx, of); err != nil {
			return 0, 0, 0, 0, err
		}
	}
	err = store.Must(ctx, tx, store.Into{&lent}, "SELECT lent FROM pool_ahead")
	return -issued, pool, lent, clearing, err
}

func accounts(holdings []ledger.Holding) []notary.Account {
	all := make([]notary.Account, len(holdings))
	for i, h := range holdings {
		all[i] = notary.Account{Name: h.Account.ID, Balance: h.Balance}
	}
	return all
}

// Payment implements notary.Operator.
func (n *Notary) Payment(
	ctx context.Context, payer message.DeviceID, atc uint32,
) (notary.PaymentStatus, error) {
	if err := checkTexts(payer); err != nil {
		return notary.PaymentStatus{}, err
	}
	held, err := payments(ctx, n.db, recordedPayment, payer, atc)
	if err != nil || len(held) == 0 {
		return notary.PaymentStatus{Payer: payer, ATC: atc, Verdict: notary.Unseen}, err
	}
	return *held[0].status(), nil
}

// Verdict implements notary.Public.
func (n *Notary) Verdict(
	ctx context.Context, payment notary.PaymentName,
) (notary.Verdict, error) {
	if err := checkTexts(payment.Payer, payment.Payee); err != nil {
		return notary.Unseen, err
	}
	held, err := payments(ctx, n.db,
		"p.payee = $1 AND p.request = $2 AND p.identity = $3 AND p.payer = $4", payment.Payee,
		payment.Request, payment.Identity[:], payment.Payer)
	if err != nil || len(held) == 0 {
		return notary.Unseen, err
	}
	return held[0].verdict, nil
}

// Revoked implements notary.Public.
func (n *Notary) Revoked(ctx context.Context, after int64, limit int) ([]notary.Revocation, error) {
	if err := checkPage(limit); err != nil {
		return nil, err
	}
	return store.All(ctx, n.db, func(row store.Row) (r notary.Revocation, err error) {
		err = row.Scan(&r.Seq, &r.Device)
		return r, err
	}, "SELECT seq, device FROM revocation WHERE seq > $1 ORDER BY seq LIMIT $2", after, limit)
}

func checkPage(limit int) error {
	if limit < 1 || limit > notary.MaxPage {
		return notary.Refuse(notary.Malformed, "a page of %d: ask for 1 to %d at once", limit,
			notary.MaxPage)
	}
	return nil
}
