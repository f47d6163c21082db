package audit

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/store"
)

// Row names a row of the central bank's database by its table and its number there, which is the
// rowid that SQLite reports.
type Row struct {
	Table string
	ID    int64
}

// tables are the rows of the central bank as they were read last, parsed.
type tables struct {
	devices      table[*device]
	unregistered table[unregisteredCertificate]
	authorities  table[*cvc.Certificate]
	payments     table[*payment]
	answers      table[*payeeAnswer]
	decisions    table[decisionRow]
	instructions table[*instruction]
	statement    table[entry]
	accounts     table[account]
	issued       []issue                // read anew each time: few
	crises       []*message.CrisisOrder // the same
	lending      lending                // the same
	nettings     nettings               // the same
	unbalanced   []unbalanced           // read with all rows
	names        names
}

// names has every device id once, of those that stand in hundreds of thousands of rows.
type names map[string]string

func (n names) of(id string) string {
	if known, there := n[id]; there {
		return known
	}
	n[id] = id
	return id
}

type unregisteredCertificate struct {
	device string
	key    *ecdsa.PublicKey
}

type decisionRow struct {
	request requested
	payment *message.Hash
	answer  *message.Hash
}

type account struct {
	name    string
	balance money.Ore
}

type issue struct {
	issued, received money.Ore
	account          string
}

// table is what was read of one table.
type table[T any] struct {
	name, columns string
	number        string // column of the row's number in order of arrival; n where not given
	parse         func(scan scanner) (T, error)
	taken         func(T)     // if not nil, looks at each row that was read
	rows          map[int64]T // by their numbers
}

// unbalanced is where entries of the ledger do not add up to what they should.
type unbalanced struct {
	where  string
	differ money.Ore
}

// scanner scans the columns of one row.
type scanner func(into ...any) error

func newTables() *tables {
	n := names{}
	return &tables{
		names: n,
		devices: table[*device]{name: "device",
			columns: "id, intermediary, role, public_key, ceilings, slots, status, reserved, " +
				"unconfirmed, unpaid, accepted, unanswered, collected, swept, untaken, lent, " +
				"card_group, netting, netted",
			parse: parseDevice},
		unregistered: table[unregisteredCertificate]{name: "unregistered_certificate",
			columns: "device, public_key", parse: parseUnregistered},
		authorities: table[*cvc.Certificate]{name: "authority", columns: "certificate",
			parse: parseAuthority},
		payments: table[*payment]{name: "payment",
			columns: "bytes, signature, verdict, from_shadow, from_holding, from_pool, archive, " +
				"payer, atc, payee, request, amount, identity, netting",
			parse: n.parsePayment},
		answers: table[*payeeAnswer]{name: "payee_answer",
			columns: "bytes, archive, payee, request, seq, payment, identity",
			parse:   n.parseAnswer},
		decisions: table[decisionRow]{name: "payee_decision",
			columns: "payee, request, payment, answer", parse: n.parseDecision},
		instructions: table[*instruction]{name: "instruction",
			columns: "device, seq, bytes, outcome, credit, acked_atc, identity",
			parse:   n.parseInstruction},
		statement: table[entry]{name: "statement", number: "seq",
			columns: "kind, intermediary, device, online, shadow, payer, atc, payee, order_key, " +
				"instr",
			parse: n.parseEntry},
		accounts: table[account]{name: "ledger_account", columns: "name, balance",
			parse: parseAccount},
	}
}

// read reads every row, or, of tables that were read before, those that were touched since.
func (t *tables) read(r *reader, whole bool, touched []Row) {
	t.devices.read(r, whole, touched)
	t.unregistered.read(r, whole, touched)
	t.authorities.read(r, whole, touched)
	t.payments.read(r, whole, touched)
	t.answers.read(r, whole, touched)
	t.decisions.read(r, whole, touched)
	t.instructions.read(r, whole, touched)
	t.statement.read(r, whole, touched)
	t.accounts.read(r, whole, touched)
	if whole {
		t.readUnbalanced(r)
	}
	t.issued, t.crises, t.lending, t.nettings = nil, nil, readLending(r), readNettings(r)
	r.each(func(row store.Row) error {
		var raw []byte
		if err := row.Scan(&raw); err != nil {
			return err
		}
		o, err := message.Parse[message.CrisisOrder](raw)
		t.crises = append(t.crises, o)
		return err
	}, `SELECT bytes FROM crisis_order ORDER BY number`)
	r.each(func(row store.Row) error {
		var i issue
		err := row.Scan(&i.issued, &i.received, &i.account)
		t.issued = append(t.issued, i)
		return err
	}, `SELECT -e.amount, o.amount, o.account FROM ledger_entry e JOIN ledger_entry o ON o.order_id
		= e.order_id AND o.account <> e.account
		WHERE e.account = 'issued'`)
}

// readUnbalanced reads where the ledger does not agree with its own entries.
func (t *tables) readUnbalanced(r *reader) {
	t.unbalanced = nil
	for where, query := range map[string]string{
		"account ": `SELECT a.name, a.balance - coalesce(e.entries, 0) FROM ledger_account a
			LEFT JOIN (SELECT account, sum(amount) AS entries FROM ledger_entry GROUP BY account) e
			ON e.account = a.name WHERE a.balance <> coalesce(e.entries, 0)`,
		"order ": `SELECT o.key, coalesce(e.entries, 0) FROM ledger_order o LEFT JOIN
			(SELECT order_id, sum(amount) AS entries FROM ledger_entry GROUP BY order_id) e
			ON e.order_id = o.id WHERE coalesce(e.entries, 1) <> 0`,
	} {
		r.each(func(row store.Row) error {
			u := unbalanced{where: where}
			var name string
			err := row.Scan(&name, &u.differ)
			u.where += name
			t.unbalanced = append(t.unbalanced, u)
			return err
		}, query)
	}
	slices.SortFunc(t.unbalanced,
		func(a, b unbalanced) int { return cmp.Compare(a.where, b.where) })
}

func (t *table[T]) read(r *reader, whole bool, touched []Row) {
	number := cmp.Or(t.number, "n")
	query := "SELECT " + number + ", " + t.columns + " FROM " + t.name
	if whole {
		t.rows = map[int64]T{}
		r.each(t.take, query)
		return
	}
	for _, row := range touched {
		if row.Table == t.name { // it may be new, changed or gone
			delete(t.rows, row.ID)
			r.each(t.take, query+" WHERE "+number+" = $1", row.ID)
		}
	}
}

func (t *table[T]) take(row store.Row) error {
	var id int64
	parsed, err := t.parse(
		func(into ...any) error { return row.Scan(append([]any{&id}, into...)...) })
	if err != nil {
		return fmt.Errorf("table %s, row %d: %w", t.name, id, err)
	}
	t.rows[id] = parsed
	if t.taken != nil {
		t.taken(parsed)
	}
	return nil
}

// differ returns an error when a row is not the same in both.
func (t *tables) differ(other *tables) error {
	return errors.Join(t.devices.differ(other.devices), t.unregistered.differ(other.unregistered),
		t.authorities.differ(other.authorities),
		t.payments.differ(other.payments), t.answers.differ(other.answers),
		t.decisions.differ(other.decisions),
		t.instructions.differ(other.instructions), t.statement.differ(other.statement),
		t.accounts.differ(other.accounts))
}

func (t *table[T]) differ(other table[T]) error {
	for id, row := range t.rows {
		was, known := other.rows[id]
		if !known || !reflect.DeepEqual(withoutBytes(row), withoutBytes(was)) {
			return fmt.Errorf("audit: row %d of table %s was written without notice", id, t.name)
		}
	}
	if len(other.rows) != len(t.rows) {
		return fmt.Errorf("audit: table %s has %d rows, %d were known", t.name, len(t.rows),
			len(other.rows))
	}
	return nil
}

// withoutBytes returns a row without the message, which the auditor drops when it is verified; what
// was read of it stays.
func withoutBytes(row any) any {
	switch r := row.(type) {
	case *payment:
		bare := *r
		bare.bytes = nil
		return bare
	case *payeeAnswer:
		bare := *r
		bare.bytes = nil
		return bare
	case *instruction:
		bare := *r
		bare.bytes = nil
		return bare
	}
	return row
}

// inOrder returns the rows in the order of their arrival. With once set the table is empty
// afterwards.
func (t *table[T]) inOrder(once bool) []T {
	all := make([]T, 0, len(t.rows))
	for _, id := range slices.Sorted(maps.Keys(t.rows)) {
		all = append(all, t.rows[id])
	}
	if once {
		t.rows = nil
	}
	return all
}

// verifyAsRead has the messages whose signatures are good verified, and dropped, as they are read:
// hundreds of thousands are not in memory at once. Those of which that is not so are looked at with
// all others.
func (t *tables) verifyAsRead(a *Auditor) {
	keys, instructs := map[string]*ecdsa.PublicKey{}, map[string]*ecdsa.PublicKey{}
	t.devices.taken = func(d *device) { keys[d.id] = d.key }
	t.authorities.taken = func(c *cvc.Certificate) { addInstructionKey(instructs, c) }
	t.payments.taken = func(p *payment) {
		if key := keys[p.payer]; key != nil && p.signatureStatus < 2 {
			a.signed(p, []*ecdsa.PublicKey{key})
		}
	}
	t.answers.taken = func(v *payeeAnswer) {
		if key := keys[v.about.payee]; key != nil {
			a.signed(v, []*ecdsa.PublicKey{key})
		}
	}
	t.instructions.taken = func(i *instruction) { a.bothSigned(i, instructs[string(i.by)]) }
}

func addInstructionKey(to map[string]*ecdsa.PublicKey, c *cvc.Certificate) {
	if c.Role == spec.RoleInstructionKey {
		to[string(c.Holder)] = c.PublicKey
	}
}

// facts puts together what the rows say. What it returns is not changed by reading more. With once
// set the tables give up the rows of which there are most.
func (t *tables) facts(once bool) *facts {
	f := &facts{devices: map[string]*device{}, unregistered: map[string][]*ecdsa.PublicKey{},
		instructs:  map[string]*ecdsa.PublicKey{},
		byIdentity: make(map[message.Hash]*payment, len(t.payments.rows)),
		decisions:  make(map[requested]payeeDecision, len(t.decisions.rows)),
		accounts:   map[string]money.Ore{}, lending: t.lending,
		nettings: t.nettings, crises: t.crises,
		payments: t.payments.inOrder(once), statement: t.statement.inOrder(once),
		answers: t.answers.inOrder(once), instructions: t.instructions.inOrder(once)}
	for _, d := range t.devices.rows {
		f.devices[d.id] = d
	}
	for _, s := range t.unregistered.inOrder(once) {
		f.unregistered[s.device] = append(f.unregistered[s.device], s.key)
	}
	for _, c := range t.authorities.rows {
		addInstructionKey(f.instructs, c)
	}
	for _, p := range f.payments {
		f.byIdentity[p.identity] = p
		f.clearing += p.onItsWay()
	}
	t.decide(f)
	slices.SortStableFunc(f.answers, func(a, b *payeeAnswer) int {
		return cmp.Or(cmp.Compare(a.about.payee, b.about.payee), cmp.Compare(a.seq, b.seq))
	})
	slices.SortStableFunc(f.instructions, func(a, b *instruction) int {
		return cmp.Or(cmp.Compare(a.device, b.device), cmp.Compare(a.number, b.number))
	})
	for _, a := range t.accounts.rows {
		f.accounts[a.name] = a.balance
	}
	f.unbalanced = t.unbalanced
	for _, i := range t.issued {
		f.issued += i.issued
		if i.account == "pool" {
			f.toPool += i.received
		}
	}
	f.borrowed = f.addLoans()
	f.index()
	return f
}

// decide joins the decisions with the answers that made them.
func (t *tables) decide(f *facts) {
	decided := make(map[message.Hash]*payeeAnswer, len(f.answers))
	for _, v := range f.answers {
		decided[v.identity] = v
	}
	for _, w := range t.decisions.rows {
		sent := payeeDecision{payment: w.payment}
		if w.answer != nil {
			sent.answer = decided[*w.answer]
		}
		f.decisions[w.request] = sent
	}
}

// index finds the rows of each device: who looks at one device does not look at all rows.
func (f *facts) index() {
	f.of = make(map[string]*deviceRows, len(f.devices))
	rows := func(id string) *deviceRows {
		r := f.of[id]
		if r == nil {
			r = &deviceRows{}
			f.of[id] = r
		}
		return r
	}
	for _, p := range f.payments {
		payer, payee := rows(p.payer), rows(p.payee)
		payer.paid, payee.received = append(payer.paid, p), append(payee.received, p)
	}
	for _, v := range f.answers {
		r := rows(v.about.payee)
		r.answers = append(r.answers, v)
	}
	for _, i := range f.instructions {
		r := rows(i.device)
		r.instructions = append(r.instructions, i)
	}
	for n := range f.statement {
		if e := &f.statement[n]; e.Device != "" {
			r := rows(string(e.Device))
			r.entries = append(r.entries, e)
		}
	}
}

// reader reads rows until the first error.
type reader struct {
	ctx context.Context // of the one audit that reads
	q   store.Queryer
	err error
}

func (r *reader) each(do func(store.Row) error, query string, args ...any) {
	if r.err != nil {
		return
	}
	if err := store.Each(r.ctx, r.q, do, query, args...); err != nil {
		r.err = fmt.Errorf("audit: %w", err)
	}
}
