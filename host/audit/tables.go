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

	"ekrona/apdu/cvc"
	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/apdu/signature"
	"ekrona/apdu/spec"
	"ekrona/apdu/tlv"
	"ekrona/host/store"
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
	issued       []issue // read anew each time: few
}

type unregisteredCertificate struct {
	device string
	key    *ecdsa.PublicKey
}

type decisionRow struct {
	request request
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
	rows          map[int64]T // by their numbers
}

// scanner scans the columns of one row.
type scanner func(into ...any) error

func newTables() *tables {
	return &tables{
		devices: table[*device]{name: "device",
			columns: "id, intermediary, role, public_key, ceilings, slots, status, reserved, " +
				"unconfirmed, unpaid, accepted, unanswered, collected, swept, untaken",
			parse: parseDevice},
		unregistered: table[unregisteredCertificate]{name: "unregistered_certificate",
			columns: "device, public_key", parse: parseUnregistered},
		authorities: table[*cvc.Certificate]{name: "authority", columns: "certificate",
			parse: parseAuthority},
		payments: table[*payment]{name: "payment",
			columns: "bytes, signature, verdict, from_shadow, from_holding, from_pool",
			parse:   parsePayment},
		answers: table[*payeeAnswer]{name: "payee_answer", columns: "bytes",
			parse: parseAnswer},
		decisions: table[decisionRow]{name: "payee_decision",
			columns: "payee, request, payment, answer", parse: parseDecision},
		instructions: table[*instruction]{name: "instruction",
			columns: "device, seq, bytes, outcome", parse: parseInstruction},
		statement: table[entry]{name: "statement", number: "seq",
			columns: "kind, intermediary, device, online, shadow, payer, atc, payee, order_key, " +
				"instr",
			parse: parseEntry},
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
	t.issued = nil
	r.each(func(row store.Row) error {
		var i issue
		err := row.Scan(&i.issued, &i.received, &i.account)
		t.issued = append(t.issued, i)
		return err
	}, `SELECT -e.amount, o.amount, o.account FROM ledger_entry e JOIN ledger_entry o ON o.order_id
		= e.order_id AND o.account <> e.account
		WHERE e.account = 'issued'`)
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
		if was, known := other.rows[id]; !known || !reflect.DeepEqual(row, was) {
			return fmt.Errorf("audit: row %d of table %s was written without notice", id, t.name)
		}
	}
	if len(other.rows) != len(t.rows) {
		return fmt.Errorf("audit: table %s has %d rows, %d were known", t.name, len(t.rows),
			len(other.rows))
	}
	return nil
}

// inOrder returns the rows in the order of their arrival.
func (t *table[T]) inOrder() []T {
	all := make([]T, 0, len(t.rows))
	for _, id := range slices.Sorted(maps.Keys(t.rows)) {
		all = append(all, t.rows[id])
	}
	return all
}

// facts puts together what the rows say. What it returns is not changed by reading more.
func (t *tables) facts() *facts {
	f := &facts{devices: map[string]*device{}, unregistered: map[string][]*ecdsa.PublicKey{},
		instructs:  map[string]*ecdsa.PublicKey{},
		byIdentity: map[message.Hash]*payment{}, decisions: map[request]*payeeDecision{},
		accounts: map[string]money.Ore{},
		payments: t.payments.inOrder(), statement: t.statement.inOrder(),
		answers: t.answers.inOrder(), instructions: t.instructions.inOrder()}
	for _, d := range t.devices.rows {
		f.devices[d.id] = d
	}
	for _, s := range t.unregistered.inOrder() {
		f.unregistered[s.device] = append(f.unregistered[s.device], s.key)
	}
	for _, c := range t.authorities.rows {
		if c.Role == spec.RoleInstructionKey {
			f.instructs[string(c.Holder)] = c.PublicKey
		}
	}
	for _, p := range f.payments {
		f.byIdentity[p.identity] = p
	}
	decided := map[message.Hash]*payeeAnswer{}
	for _, v := range f.answers {
		decided[v.identity] = v
	}
	slices.SortStableFunc(f.answers, func(a, b *payeeAnswer) int {
		return cmp.Or(cmp.Compare(a.payee(), b.payee()), cmp.Compare(a.seq(), b.seq()))
	})
	for _, w := range t.decisions.rows {
		sent := &payeeDecision{payment: w.payment}
		if w.answer != nil {
			sent.answer = decided[*w.answer]
		}
		f.decisions[w.request] = sent
	}
	slices.SortStableFunc(f.instructions, func(a, b *instruction) int {
		return cmp.Or(cmp.Compare(a.device, b.device), cmp.Compare(a.seq, b.seq))
	})
	for _, a := range t.accounts.rows {
		f.accounts[a.name] = a.balance
	}
	for _, i := range t.issued {
		f.issued += i.issued
		if i.account == "pool" {
			f.toPool += i.received
		}
	}
	return f
}

func parseDevice(scan scanner) (*device, error) {
	var point, ceilings []byte
	d := &device{}
	if err := scan(&d.id, &d.intermediary, &d.role, &point, &ceilings, &d.slots,
		&d.status, &d.sums.reserved, &d.sums.unconfirmed, &d.sums.unpaid, &d.sums.accepted,
		&d.sums.unanswered, &d.sums.collected, &d.sums.swept, &d.sums.untaken); err != nil {
		return nil, err
	}
	if ceilings != nil {
		policy, err := message.ParsePolicy(ceilings)
		if err != nil {
			return nil, err
		}
		d.ceilings = &policy
	}
	var err error
	d.key, err = signature.ParsePoint(point)
	return d, err
}

func parseUnregistered(scan scanner) (s unregisteredCertificate, err error) {
	var point []byte
	if err := scan(&s.device, &point); err != nil {
		return s, err
	}
	s.key, err = signature.ParsePoint(point)
	return s, err
}

func parseAuthority(scan scanner) (*cvc.Certificate, error) {
	var raw []byte
	if err := scan(&raw); err != nil {
		return nil, err
	}
	return cvc.Parse(raw)
}

func parsePayment(scan scanner) (*payment, error) {
	p := &payment{}
	var raw []byte
	err := scan(&raw, &p.signatureStatus, &p.verdict, &p.fromShadow, &p.fromHolding, &p.fromPool)
	if err != nil {
		return nil, err
	}
	if p.message, err = message.Parse[message.Payment](raw); err != nil {
		return nil, err
	}
	p.identity, err = message.Identity(p.message)
	return p, err
}

func parseAnswer(scan scanner) (*payeeAnswer, error) {
	v := &payeeAnswer{}
	var raw []byte
	err := scan(&raw)
	if err != nil {
		return nil, err
	}
	if tlv.NewReader(raw).At(spec.TagReceipt) {
		v.receipt, err = message.Parse[message.Receipt](raw)
	} else {
		v.refusal, err = message.Parse[message.Refusal](raw)
	}
	if err != nil {
		return nil, err
	}
	v.identity, err = message.Identity(v.message())
	return v, err
}

func parseDecision(scan scanner) (w decisionRow, err error) {
	var payment, decided []byte
	if err := scan(&w.request.payee, &w.request.number, &payment, &decided); err != nil {
		return w, err
	}
	if payment != nil {
		identity := message.Hash(payment)
		w.payment = &identity
	}
	if decided != nil {
		identity := message.Hash(decided)
		w.answer = &identity
	}
	return w, nil
}

func parseInstruction(scan scanner) (*instruction, error) {
	i := &instruction{}
	var raw []byte
	var outcome int
	err := scan(&i.device, &i.seq, &raw, &outcome)
	if err != nil {
		return nil, err
	}
	i.open, i.taken, i.untaken = outcome == 0, outcome == 2, outcome == 3
	if i.message, err = message.Parse[message.Instruction](raw); err != nil {
		return nil, err
	}
	i.identity, err = message.Identity(i.message)
	return i, err
}

func parseEntry(scan scanner) (e entry, err error) {
	err = scan(&e.Kind, &e.intermediary, &e.Device, &e.Online, &e.Shadow, &e.Payer, &e.ATC,
		&e.Payee, &e.Order, &e.Instr)
	return e, err
}

func parseAccount(scan scanner) (a account, err error) {
	err = scan(&a.name, &a.balance)
	return a, err
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
