package settlement

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"ekrona/host/ledger"
	"ekrona/host/money"
	"ekrona/host/store"
)

// Issue puts new e-krona into an intermediary's online holding, once for the order key.
// Errors: Malformed (not an amount above zero), Unknown, Taken (the key was used for another order).
func (n *Notary) Issue(ctx context.Context, order, intermediary string, amount money.Ore) error {
	return n.change(ctx, func(t *txn) error {
		if err := t.joined(intermediary); err != nil {
			return err
		}
		m := movement{key: "issue:" + order}
		m.line(issuedAccount, -amount)
		m.line(onlineOf(intermediary), amount)
		m.tell(intermediary, Entry{Kind: Issued, Online: amount, Order: order})
		return t.create(m, amount)
	})
}

// FundPool puts new e-krona into the liquidity pool, once for the order key. Errors: as Issue.
func (n *Notary) FundPool(ctx context.Context, order string, amount money.Ore) error {
	return n.change(ctx, func(t *txn) error {
		m := movement{key: "issue:" + order}
		m.line(issuedAccount, -amount)
		m.line(poolAccount, amount)
		return t.create(m, amount)
	})
}

func (t *txn) create(m movement, amount money.Ore) error {
	if amount <= 0 {
		return refuse(Malformed, "issue %s: an issue is above zero", amount)
	}
	err := t.move(m)
	if errors.Is(err, ledger.ErrConflict) {
		return refuse(Taken, "order key %q was used for another issue; choose a new key", m.key)
	}
	return err
}

// Statement gives the movements of an intermediary's holding and of its devices' shadow wallets after a cursor (0: from the
// beginning), oldest first, at most limit of them. It only grows; the intermediary posts each entry once, by its Seq.
func (n *Notary) Statement(ctx context.Context, from string, after int64, limit int) (entries []Entry, err error) {
	return store.All(ctx, n.db, func(row store.Row) (e Entry, err error) {
		var at string
		if err := row.Scan(&e.Seq, &e.Kind, &e.Device, &e.Owner, &e.Online, &e.Shadow, &e.Payer, &e.Atc, &e.Payee, &e.Order, &e.Instr, &at); err != nil {
			return e, err
		}
		e.At, err = time.Parse(time.RFC3339Nano, at)
		return e, err
	}, `SELECT seq, kind, device, owner, online, shadow, payer, atc, payee, order_key, instr, at FROM statement
		WHERE intermediary = $1 AND seq > $2 ORDER BY seq LIMIT $3`, from, after, limit)
}

// Balances are the books at one moment.
func (n *Notary) Balances(ctx context.Context) (b Balances, err error) {
	err = store.Read(ctx, n.db, func(tx *sql.Tx) error {
		issued, err := ledger.Balance(ctx, tx, issuedAccount)
		if err != nil {
			return err
		}
		b.Issued = -issued
		if b.Pool, err = ledger.Balance(ctx, tx, poolAccount); err != nil {
			return err
		}
		if b.Online, err = accounts(ctx, tx, ledger.Online); err != nil {
			return err
		}
		b.Shadow, err = accounts(ctx, tx, ledger.Shadow)
		return err
	})
	return b, err
}

func accounts(ctx context.Context, tx *sql.Tx, kind ledger.Kind) ([]Account, error) {
	holdings, err := ledger.Holdings(ctx, tx, kind)
	all := make([]Account, len(holdings))
	for i, h := range holdings {
		all[i] = Account{Name: h.Account.ID, Balance: h.Balance}
	}
	return all, err
}

// Payment tells where the Payment with this identity (payer, payer atc) stands; its Verdict is Unseen when the notary does not hold it.
func (n *Notary) Payment(ctx context.Context, payer string, atc uint32) (PaymentStatus, error) {
	held, err := payments(ctx, n.db, "p.payer = $1 AND p.atc = $2 AND p.standing = $3", payer, atc, int(first))
	if err != nil || len(held) == 0 {
		return PaymentStatus{Payer: payer, Atc: atc, Verdict: Unseen}, err
	}
	return *held[0].status(), nil
}

// Revoked pages through the devices that were reported or have ended, after a position in the list: what a terminal asks for at its
// synchronisation. It is the same for everybody.
func (n *Notary) Revoked(ctx context.Context, after int64, limit int) (page []Revocation, err error) {
	return store.All(ctx, n.db, func(row store.Row) (r Revocation, err error) {
		err = row.Scan(&r.Seq, &r.Device)
		return r, err
	}, "SELECT seq, device FROM revocation WHERE seq > $1 ORDER BY seq LIMIT $2", after, limit)
}
