package settlement

import (
	"context"
	"database/sql"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// txn is one database transaction of the notary and the time of its start.
type txn struct {
	ctx     context.Context // the context of tx
	tx      *sql.Tx
	dialect store.Dialect
	now     time.Time
	terms   notary.Terms

	touched   touched
	work      *work
	book      *ledger.Book
	proofs    []proof            // signatures that were verified before the transaction
	connected int                // payments of others that it reads
	large     []message.DeviceID // wallets at the border of what was too large to read

	// read for the steps that are concluded now
	undecided map[message.DeviceID][]*payment
	beyond    map[beyondKey]beyond
}

func (t *txn) stamp() string { return t.now.Format(store.StampLayout) }

// exec executes a statement. It may change rows that were read: they are read again.
func (t *txn) exec(query string, args ...any) error {
	if err := t.flush(); err != nil {
		return err
	}
	t.forget()
	t.work.changes++
	return store.Exec(t.ctx, t.tx, query, args...)
}

// queryRow reads one row and reports whether there was one.
func (t *txn) queryRow(query string, args []any, into ...any) (bool, error) {
	if err := t.flush(); err != nil {
		return false, err
	}
	return store.Get(t.ctx, t.tx, into, query, args...)
}

func (t *txn) queryInt(query string, args ...any) (int64, error) {
	if err := t.flush(); err != nil {
		return 0, err
	}
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
	group        uint8 // that its next Instruction gives it
	status       notary.Status
	reportedAt   sql.NullString
	heldATC      uint32
	heldHead     []byte
	holdingDebt  money.Ore
	poolDebt     money.Ore
	sweeps       int64
	lent         money.Ore // by the pool, so that claims on it need not wait
	lentSince    string
	repayments   int64
	place        int64     // of its wallet in the netting under way; 0: none
	netted       money.Ore // set aside for that
	sums         sums
}

// sums are what the equation of a device's balance needs of its history (protocol §8.2).
type sums struct {
	reserved    money.Ore // for payments that it made, and their payees have not decided
	unconfirmed money.Ore // credits that it has not confirmed
	unpaid      money.Ore // what it paid and its wallet has not, yet or ever
	accepted    money.Ore // what it accepted and has not been settled
	unanswered  money.Ore // what was settled to it without its Receipt
	collected   money.Ore // what was settled to it in all
	swept       money.Ore // what its wallet gave beside payments and credits, less what it got
	untaken     money.Ore // credits that it did not take and that stayed in its wallet
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
// payment or for the netting under way, nor a credit that the card has not confirmed as taken
// (protocol §5). An ended device's credits are available: what its card did with them is in its
// claims.
func (t *txn) available(d *device) (money.Ore, error) {
	held, err := t.book.Balance(t.ctx, shadowOf(d.id))
	if err != nil {
		return 0, err
	}
	unconfirmed := money.Ore(0)
	if d.status != notary.Ended {
		unconfirmed = d.sums.unconfirmed
	}
	return held - d.sums.reserved - d.netted - unconfirmed, nil
}

func shadowOf(device message.DeviceID) ledger.Account {
	return ledger.Account{Kind: ledger.Shadow, ID: string(device)}
}

func onlineOf(intermediary message.Name) ledger.Account {
	return ledger.Account{Kind: ledger.Online, ID: string(intermediary)}
}

var (
	issuedAccount   = ledger.Account{Kind: ledger.Issued}
	poolAccount     = ledger.Account{Kind: ledger.Pool}
	clearingAccount = ledger.Account{Kind: ledger.Clearing}
)

// movement is one ledger order together with its statement entries for the intermediaries.
type movement struct {
	key     string
	lines   []ledger.Line
	given   map[ledger.Account]int // where in lines
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

// give adds what an online holding receives, by one line for each holding.
func (m *movement) give(holding ledger.Account, amount money.Ore) {
	if at, known := m.given[holding]; known {
		m.lines[at].Amount += amount
		return
	}
	if m.given == nil {
		m.given = map[ledger.Account]int{}
	}
	m.given[holding] = len(m.lines)
	m.line(holding, amount)
}

// nextEntry returns the number of an intermediary's next statement entry. Its own go on without
// gaps, whatever others move.
func (t *txn) nextEntry(of message.Name) (int64, error) {
	last, read := t.work.lastEntries[of]
	if !read {
		var err error
		if last, err = store.Number(t.ctx, t.tx, `SELECT max(coalesce(number, seq)) FROM statement
			WHERE intermediary = $1`, string(of)); err != nil {
			return 0, err
		}
	}
	t.work.lastEntries[of] = last + 1
	return last + 1, nil
}

// move posts the movement and writes the entries, all once: a key that was posted before changes
// nothing.
func (t *txn) move(m movement) error {
	posted, err := t.book.Post(t.ctx, t.now, ledger.Order{Key: m.key, Lines: m.lines})
	if err != nil || !posted {
		return err
	}
	t.work.change()
	for _, l := range m.lines {
		t.touched.line(l)
	}
	for _, s := range m.entries {
		e := s.entry
		number, err := t.nextEntry(s.intermediary)
		if err != nil {
			return err
		}
		t.work.entries.Add(string(s.intermediary), number, int64(e.Kind), string(e.Device), e.Owner,
			int64(e.Online), int64(e.Shadow), string(e.Payer), int64(e.ATC), string(e.Payee),
			string(e.Order), int64(e.Instr), t.stamp())
		switch e.Kind {
		case notary.Swept, notary.HoldingRepaid, notary.PoolRepaid, notary.RefundReceived,
			notary.PoolLent, notary.PoolReturned:
			if err := t.update(e.Device, func(d *device) { d.sums.swept -= e.Shadow }); err != nil {
				return err
			}
		default:
		}
	}
	return nil
}
