package settlement

import (
	"context"
	"database/sql"
	"time"

	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/apdu/spec"
	"ekrona/host/ledger"
	"ekrona/host/notary"
	"ekrona/host/store"
)

// txn is one database transaction of the notary and the time of its start.
type txn struct {
	ctx   context.Context // the context of tx
	tx    *sql.Tx
	now   time.Time
	terms notary.Terms

	touched touched
	wallets map[message.DeviceID]bool // what isWallet has found
}

// transact runs do in one durable transaction.
func (n *Notary) transact(ctx context.Context, do func(t *txn) error) error {
	return store.InTx(ctx, n.db, func(tx *sql.Tx) error {
		return do(&txn{ctx: ctx, tx: tx, now: n.clock.Now().UTC(), terms: n.terms,
			touched: newTouched(), wallets: map[message.DeviceID]bool{}})
	})
}

// change is transact, and afterwards, inside it, moves all money that can now move.
func (n *Notary) change(ctx context.Context, do func(t *txn) error) error {
	return n.transact(ctx, func(t *txn) error {
		if err := do(t); err != nil {
			return err
		}
		return settle(t)
	})
}

// stampLayout is RFC 3339 with a fixed number of digits, so that stamps in UTC compare as text.
const stampLayout = "2006-01-02T15:04:05.000000000Z07:00"

func (t *txn) stamp() string { return t.now.Format(stampLayout) }

func (t *txn) exec(query string, args ...any) error {
	return store.Exec(t.ctx, t.tx, query, args...)
}

// queryRow reads one row and reports whether there was one.
func (t *txn) queryRow(query string, args []any, into ...any) (bool, error) {
	return store.Get(t.ctx, t.tx, into, query, args...)
}

func (t *txn) queryInt(query string, args ...any) (int64, error) {
	return store.Number(t.ctx, t.tx, query, args...)
}

// device is a row of the registry.
type device struct {
	id           message.DeviceID
	intermediary message.Name
	role         spec.Role
	key          []byte
	certificate  []byte
	owner        string
	ceilings     []byte
	slots        uint8 // of a card's log
	status       notary.Status
	reportedAt   sql.NullString
	heldATC      uint32
	heldHead     []byte
	holdingDebt  money.Ore
	poolDebt     money.Ore
	sweeps       int64
}

// lookup reads a device, or nil when nobody registered the id.
func (t *txn) lookup(id message.DeviceID) (*device, error) {
	if err := checkTexts(id); err != nil {
		return nil, err
	}
	d := &device{id: id}
	found, err := t.queryRow(`SELECT intermediary, role, public_key, certificate, owner, ceilings,
		slots, status, reported_at, held_atc, held_head,
		holding_debt, pool_debt, sweeps FROM device WHERE id = $1`, []any{id},
		&d.intermediary, &d.role, &d.key, &d.certificate, &d.owner, &d.ceilings, &d.slots,
		&d.status, &d.reportedAt, &d.heldATC, &d.heldHead,
		&d.holdingDebt, &d.poolDebt, &d.sweeps)
	if err != nil || !found {
		return nil, err
	}
	return d, nil
}

// registered is lookup for a caller that needs the device.
func (t *txn) registered(id message.DeviceID) (*device, error) {
	d, err := t.lookup(id)
	if err == nil && d == nil {
		return nil, notary.Refuse(notary.Unknown,
			"device %q is not registered; its intermediary registers it first", id)
	}
	return d, err
}

// ownDevice returns a registered device that belongs to the intermediary at the other end of the
// link.
func (t *txn) ownDevice(from message.Name, id message.DeviceID) (*device, error) {
	d, err := t.registered(id)
	if err == nil && d.intermediary != from {
		return nil, notary.Refuse(notary.NotYours, "device %s belongs to %s, not to %s", id,
			d.intermediary, from)
	}
	return d, err
}

// available returns what a device's shadow wallet can pay: neither set aside for a reserved
// payment, nor a credit that the card has not confirmed as taken (protocol §5). An ended device's
// credits are available: what its card did with them is in its claims.
func (t *txn) available(d *device) (money.Ore, error) {
	held, err := ledger.Balance(t.ctx, t.tx, shadowOf(d.id))
	if err != nil {
		return 0, err
	}
	reserved, err := t.queryInt("SELECT sum(amount) FROM payment WHERE payer = $1 AND verdict IN "+
		"(1, 2) AND verdict = $2", d.id, notary.Reserved)
	if err != nil {
		return 0, err
	}
	unconfirmed := int64(0)
	if d.status != notary.Ended {
		if unconfirmed, err = t.queryInt(
			"SELECT sum(credit) FROM instruction WHERE device = $1 AND outcome = $2", d.id,
			outstanding); err != nil {
			return 0, err
		}
	}
	return held - money.Ore(reserved) - money.Ore(unconfirmed), nil
}

func shadowOf(device message.DeviceID) ledger.Account {
	return ledger.Account{Kind: ledger.Shadow, ID: string(device)}
}

func onlineOf(intermediary message.Name) ledger.Account {
	return ledger.Account{Kind: ledger.Online, ID: string(intermediary)}
}

var (
	issuedAccount = ledger.Account{Kind: ledger.Issued}
	poolAccount   = ledger.Account{Kind: ledger.Pool}
)

// movement is one ledger order together with its statement entries for the intermediaries.
type movement struct {
	key     string
	lines   []ledger.Line
	entries []statementLine
}

// statementLine is an Entry and the intermediary that it is for.
type statementLine struct {
	intermediary message.Name
	entry        notary.Entry
}

func (m *movement) line(account ledger.Account, amount money.Ore) {
	m.lines = append(m.lines, ledger.Line{Account: account, Amount: amount})
}

func (m *movement) addStatementEntry(intermediary message.Name, e notary.Entry) {
	m.entries = append(m.entries, statementLine{intermediary, e})
}

// move posts the movement and writes the entries, all once: a key that was posted before changes
// nothing.
func (t *txn) move(m movement) error {
	posted, err := ledger.Post(t.ctx, t.tx, t.now, ledger.Order{Key: m.key, Lines: m.lines})
	if err != nil || !posted {
		return err
	}
	for _, l := range m.lines {
		t.touched.line(l)
	}
	for _, s := range m.entries {
		e := s.entry
		if err := t.exec(`INSERT INTO statement (intermediary, kind, device, owner, online, shadow,
			payer, atc, payee, order_key, instr, at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
			$12)`, s.intermediary, int(e.Kind), e.Device, e.Owner, int64(e.Online),
			int64(e.Shadow), e.Payer, e.ATC, e.Payee, e.Order, e.Instr, t.stamp()); err != nil {
			return err
		}
	}
	return nil
}
