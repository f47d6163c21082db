package settlement

import (
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/host/ledger"
	"ekrona.example/host/store"
)

// work is what a transaction has read of the rows that nearly every item concerns, and what of them
// it has not written yet. Whatever reads or writes them otherwise does so by exec, queryRow,
// queryInt or read, which write it first; exec has everything read again. So the same decisions
// take a few statements for a batch of items, and one after the other where that is rare.
type work struct {
	devices  map[message.DeviceID]*device    // nil: nobody registered it
	numbered map[int64]*payment              // as far as they were read, by their numbers
	open     map[message.DeviceID][]*payment // of a device, made or to get, not final when read
	requests map[requestKey]*requestRows     // what is known of a Request
	records  map[recordKey]*recordRow        // nil: not held
	fresh    map[message.DeviceID][]*payment // not written: open does not find them
	last     int64                           // number of the last payment; 0: not read
	lending  lending

	lastEntries map[message.Name]int64 // numbers in the statements

	dirty           bool // something is not written
	changes         int  // that were made
	changedDevices  map[message.DeviceID]*device
	changedPayments map[int64]*payment // written before
	newPayments     []*payment
	newRecords      []*recordRow
	changedRecords  []*recordRow // written before
	newAnswers      store.Set
	newDecisions    store.Set
	entries         store.Set // of the statement

	sessions
}

func newWork() *work {
	w := &work{sessions: newSessions()}
	w.forget()
	w.newAnswers.Columns = []store.Field{{Name: "identity", Type: store.Bytes},
		{Name: "bytes", Type: store.Bytes}, {Name: "payee", Type: store.Text},
		{Name: "seq", Type: store.BigInt}, {Name: "request", Type: store.BigInt},
		{Name: "payment", Type: store.Bytes}, {Name: "seen_at", Type: store.Text}}
	w.newDecisions.Columns = []store.Field{{Name: "payee", Type: store.Text},
		{Name: "request", Type: store.BigInt}, {Name: "payment", Type: store.Bytes},
		{Name: "answer", Type: store.Bytes}, {Name: "at", Type: store.Text}}
	w.entries.Columns = []store.Field{{Name: "intermediary", Type: store.Text},
		{Name: "number", Type: store.BigInt},
		{Name: "kind", Type: store.BigInt}, {Name: "device", Type: store.Text},
		{Name: "owner", Type: store.Text}, {Name: "online", Type: store.BigInt},
		{Name: "shadow", Type: store.BigInt}, {Name: "payer", Type: store.Text},
		{Name: "atc", Type: store.BigInt}, {Name: "payee", Type: store.Text},
		{Name: "order_key", Type: store.Text}, {Name: "instr", Type: store.BigInt},
		{Name: "at", Type: store.Text}}
	return w
}

// forget forgets what was read; it must have been written.
func (w *work) forget() {
	w.devices = map[message.DeviceID]*device{}
	w.numbered = map[int64]*payment{}
	w.open = map[message.DeviceID][]*payment{}
	w.fresh = map[message.DeviceID][]*payment{}
	w.requests = map[requestKey]*requestRows{}
	w.records = map[recordKey]*recordRow{}
	w.last, w.lending = 0, lending{}
	w.lastEntries = map[message.Name]int64{}
	w.sessions.forget()
	w.written()
}

// change notes that something was decided that is not written.
func (w *work) change() {
	w.dirty = true
	w.changes++
}

// written marks everything as written.
func (w *work) written() {
	w.dirty = false
	w.changedDevices = map[message.DeviceID]*device{}
	w.changedPayments = map[int64]*payment{}
	clear(w.fresh)
	w.newPayments, w.newRecords, w.changedRecords = nil, nil, nil
	w.newAnswers.Rows, w.newDecisions.Rows, w.entries.Rows = nil, nil, nil
	w.sessions.written()
}

// forget has everything read again.
func (t *txn) forget() {
	t.work.forget()
	t.book.Forget()
}

// flush writes what was decided.
func (t *txn) flush() error {
	w := t.work
	if !w.dirty {
		return nil
	}
	for _, p := range w.newPayments {
		p.isNew = false
	}
	for _, r := range w.newRecords {
		r.isNew = false
	}
	for _, step := range append([]setOf{
		{insertedRecords(w.newRecords), "record", 0},
		{&w.newAnswers, "payee_answer", 0},
		{insertedPayments(w.newPayments), "payment", 0},
		{&w.newDecisions, "payee_decision", 0},
		{changedPayments(w.changedPayments), "payment", 1},
		{&w.entries, "statement", 0},
		{changedDevices(w.changedDevices), "device", 1},
		{changedRecords(w.changedRecords), "record", 2},
	}, w.sessions.writes()...) {
		if err := t.writeSet(step.set, step.table, step.keys); err != nil {
			return err
		}
	}
	if err := t.writeLending(); err != nil {
		return err
	}
	w.written()
	return t.book.Flush(t.ctx)
}

// setOf is rows of a table to be written.
type setOf struct {
	set   *store.Set
	table string
	keys  int // columns by which a row is found that is written already; 0: rows are new
}

func (t *txn) writeSet(set *store.Set, table string, keys int) error {
	if keys == 0 {
		return set.Insert(t.ctx, t.tx, t.dialect, table)
	}
	return set.Update(t.ctx, t.tx, t.dialect, table, keys)
}

func insertedRecords(rows []*recordRow) *store.Set {
	set := &store.Set{Columns: []store.Field{{Name: "device", Type: store.Text},
		{Name: "seq", Type: store.BigInt}, {Name: "identity", Type: store.Bytes},
		{Name: "head", Type: store.Bytes}}}
	for _, r := range rows {
		set.Add(string(r.device), int64(r.seq), r.identity, r.head)
	}
	return set
}

func changedRecords(rows []*recordRow) *store.Set {
	set := &store.Set{Columns: []store.Field{{Name: "device", Type: store.Text},
		{Name: "seq", Type: store.BigInt}, {Name: "head", Type: store.Bytes}}}
	for _, r := range rows {
		set.Add(string(r.device), int64(r.seq), r.head)
	}
	return set
}

func insertedPayments(rows []*payment) *store.Set {
	set := &store.Set{Columns: []store.Field{{Name: "n", Type: store.BigInt},
		{Name: "identity", Type: store.Bytes}, {Name: "bytes", Type: store.Bytes},
		{Name: "payer", Type: store.Text}, {Name: "atc", Type: store.BigInt},
		{Name: "payee", Type: store.Text}, {Name: "request", Type: store.BigInt},
		{Name: "amount", Type: store.BigInt}, {Name: "requested", Type: store.Boolean},
		{Name: "signature", Type: store.BigInt}, {Name: "verdict", Type: store.BigInt},
		{Name: "from_shadow", Type: store.BigInt}, {Name: "from_holding", Type: store.BigInt},
		{Name: "from_pool", Type: store.BigInt}, {Name: "seen_at", Type: store.Text},
		{Name: "final_at", Type: store.Text}, {Name: "awaits_cover", Type: store.Boolean},
		{Name: "lent", Type: store.BigInt}, {Name: "awaits_pool", Type: store.Boolean}}}
	for _, p := range rows {
		set.Add(p.n, p.identity, p.raw, string(p.payer), int64(p.atc), string(p.payee),
			int64(p.request), int64(p.amount), p.requested, int64(p.signatureStatus),
			int64(p.verdict), int64(p.fromShadow), int64(p.fromHolding), int64(p.fromPool),
			p.seenAt, orNull(p.finalAt), p.awaitsCover, int64(p.lent), p.awaitsPool)
	}
	return set
}

func changedPayments(rows map[int64]*payment) *store.Set {
	set := &store.Set{Columns: []store.Field{{Name: "n", Type: store.BigInt},
		{Name: "verdict", Type: store.BigInt}, {Name: "from_shadow", Type: store.BigInt},
		{Name: "from_holding", Type: store.BigInt}, {Name: "from_pool", Type: store.BigInt},
		{Name: "final_at", Type: store.Text}, {Name: "awaits_cover", Type: store.Boolean},
		{Name: "lent", Type: store.BigInt}, {Name: "awaits_pool", Type: store.Boolean},
		{Name: "netting", Type: store.BigInt}}}
	for _, p := range inOrder(rows) {
		set.Add(p.n, int64(p.verdict), int64(p.fromShadow), int64(p.fromHolding),
			int64(p.fromPool), orNull(p.finalAt), p.awaitsCover, int64(p.lent), p.awaitsPool,
			int64(p.netting))
	}
	return set
}

func changedDevices(rows map[message.DeviceID]*device) *store.Set {
	set := &store.Set{Columns: []store.Field{{Name: "id", Type: store.Text},
		{Name: "held_atc", Type: store.BigInt}, {Name: "held_head", Type: store.Bytes},
		{Name: "holding_debt", Type: store.BigInt}, {Name: "pool_debt", Type: store.BigInt},
		{Name: "sweeps", Type: store.BigInt}, {Name: "reserved", Type: store.BigInt},
		{Name: "unconfirmed", Type: store.BigInt}, {Name: "unpaid", Type: store.BigInt},
		{Name: "accepted", Type: store.BigInt}, {Name: "unanswered", Type: store.BigInt},
		{Name: "collected", Type: store.BigInt}, {Name: "swept", Type: store.BigInt},
		{Name: "untaken", Type: store.BigInt}, {Name: "lent", Type: store.BigInt},
		{Name: "lent_since", Type: store.Text}, {Name: "repayments", Type: store.BigInt},
		{Name: "netting", Type: store.BigInt}, {Name: "netted", Type: store.BigInt}}}
	for _, d := range rows {
		set.Add(string(d.id), int64(d.heldATC), d.heldHead, int64(d.holdingDebt),
			int64(d.poolDebt), d.sweeps, int64(d.sums.reserved), int64(d.sums.unconfirmed),
			int64(d.sums.unpaid), int64(d.sums.accepted), int64(d.sums.unanswered),
			int64(d.sums.collected), int64(d.sums.swept), int64(d.sums.untaken), int64(d.lent),
			orNull(d.lentSince), d.repayments, d.place, int64(d.netted))
	}
	set.Sort()
	return set
}

// orNull returns null for a text that is not there.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// loadDevices reads devices together.
func (t *txn) loadDevices(ids ...message.DeviceID) error {
	unread := store.Set{Columns: []store.Field{{Name: "id", Type: store.Text}}}
	for _, id := range ids {
		if _, known := t.work.devices[id]; !known {
			if err := checkTexts(id); err != nil {
				return err
			}
			t.work.devices[id] = nil
			unread.Add(string(id))
		}
	}
	return t.find(&unread, func(row store.Row) error {
		d := &device{}
		err := row.Scan(&d.id, &d.intermediary, &d.role, &d.key, &d.certificate, &d.owner,
			&d.ceilings, &d.slots, &d.status, &d.reportedAt, &d.heldATC, &d.heldHead,
			&d.holdingDebt, &d.poolDebt, &d.sweeps, &d.sums.reserved, &d.sums.unconfirmed,
			&d.sums.unpaid, &d.sums.accepted, &d.sums.unanswered, &d.sums.collected,
			&d.sums.swept, &d.sums.untaken, &d.lent, &d.lentSince, &d.repayments, &d.group,
			&d.place, &d.netted)
		t.work.devices[d.id] = d
		return err
	}, `SELECT id, intermediary, role, public_key, certificate, owner, ceilings, slots, status,
		reported_at, held_atc, held_head, holding_debt, pool_debt, sweeps, reserved, unconfirmed,
		unpaid, accepted, unanswered, collected, swept, untaken, lent, coalesce(lent_since, ''),
		repayments, card_group, netting, netted FROM device WHERE id = $1`)
}

// find reads rows that were not read before: what is not written yet is not among them.
func (t *txn) find(keys *store.Set, do func(store.Row) error, query string) error {
	err := keys.Find(t.ctx, t.tx, t.dialect, do, query)
	if err != nil {
		t.forget() // half of it may be read
	}
	return err
}

// lookup reads a device, or nil when nobody registered the id.
func (t *txn) lookup(id message.DeviceID) (*device, error) {
	err := t.loadDevices(id)
	return t.work.devices[id], err
}

// update changes a registered device.
func (t *txn) update(id message.DeviceID, change func(*device)) error {
	d, err := t.lookup(id)
	if err != nil || d == nil {
		return err
	}
	change(d)
	t.work.changedDevices[id] = d
	t.work.change()
	return nil
}

// loadBalances reads the accounts of shadow wallets together.
func (t *txn) loadBalances(ids []message.DeviceID) error {
	var accounts []ledger.Account
	for _, id := range ids {
		if d := t.work.devices[id]; d != nil && d.role.CanPay() {
			accounts = append(accounts, shadowOf(id))
		}
	}
	return t.book.Load(t.ctx, accounts...)
}

// sorted returns ids in order, each once.
func sorted(ids []message.DeviceID) []message.DeviceID {
	slices.Sort(ids)
	return slices.Compact(ids)
}
