// Package audit checks what must hold (protocol §8) with its own arithmetic: from the messages that
// the central bank keeps, its statement, and the State of every honest device as read from it. It
// shares no sum and no rule with the notary or the ledger; it only reads their rows. Start at
// Auditor.Check; each invariant is one function with the number and title of the protocol.
//
// It trusts that the devices it is given are honest and that their States are true, and the keys in
// the registry. It verifies everything else. An Auditor remembers what it read, because some
// invariants compare two moments.
package audit

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"fmt"
	"slices"
	"strings"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// Device is what is known of one honest device directly.
type Device struct {
	State   *message.State   // as it would answer now; its signature is not looked at
	Records []message.Record // those after the State's ackedAtc, as the device keeps them
	// identities of the Payments, Receipts and Refusals that it ever gave out, as far as they are
	// known
	Sent []message.Hash
	// number of the last Request that a card gave out, as far as it is known
	LastRequest uint32
}

// Violation is one thing that must hold and does not.
type Violation struct {
	Number int       // of the invariant in protocol §8
	Title  string    // of the invariant
	Kind   string    // what is wrong, without names and numbers: the same for the same fault
	Where  string    // device, payment, account or instruction
	What   string    // what is there, and what should be
	Amount money.Ore // by how much, where money is concerned
}

// String returns one line.
func (v Violation) String() string {
	line := fmt.Sprintf("invariant %d (%s): %s: %s", v.Number, v.Title, v.Where, v.What)
	if v.Amount != 0 {
		line += fmt.Sprintf(" (difference %s)", v.Amount)
	}
	return line
}

// Auditor checks one central bank, again and again.
type Auditor struct {
	// what a terminal may take between two synchronisations, as the notary's Terms have it
	CoverLimit money.Ore
	// how far the pool pays ahead, as the notary's Terms have it: both limits
	PoolAhead notary.PoolAhead
	// Roots are those under which authorities join, or none when they are not known: then Rows does
	// not look at who has certified an authority
	Roots cvc.Roots
	// no CA certifies a second key for a device: then what an honest device accepted can be judged
	// at once
	HonestCAs bool
	// Sparing drops the rows after each look and reads all of them at the next: for a scheme with
	// hundreds of thousands of payments.
	Sparing bool

	notaries []*ecdsa.PublicKey
	rows     *tables                   // as read last, nil before
	last     *facts                    // of rows
	before   *moment                   // of the last Check
	states   map[string]*message.State // of the last Check
	sent     map[string]int            // how many of each device's messages were known then
	clean    bool                      // the last Check found nothing
	verified map[message.Hash]bool     // signatures that were found good
}

// New returns an auditor for the central bank with these notary keys: the present one and those
// that it has replaced.
func New(keys ...*ecdsa.PublicKey) *Auditor {
	return &Auditor{CoverLimit: notary.PilotCoverLimit, notaries: keys,
		states: map[string]*message.State{}, verified: map[message.Hash]bool{}}
}

// invariant is one row of protocol §8: what it says of each honest device, which is looked at once
// for all invariants, and then of all together. Either may be nil.
type invariant struct {
	number int
	title  string
	device func(s *auditRun, id string, d Device)
	whole  func(*auditRun)
}

var invariants = []invariant{
	{1, "issued is all online, all shadow, the pool and the clearing account", nil,
		invariant1Issued},
	{2, "a card's balance is what its records say", invariant2Balance, invariant2Sums},
	{3, "no value created", invariant3Spendable, invariant3NoValueCreated},
	{4, "all value accounted", nil, invariant4Accounted},
	{5, "one verdict, one body", invariant5Applied, invariant5One},
	{6, "counters only grow", invariant6Grow, invariant6Instructions},
	{7, "every limit holds", invariant7Limits, invariant7Accounts},
	{8, "what was acknowledged survives", invariant8Survives, invariant8Final},
	{9, "a credit only after an authentic debit", invariant9Accepted, invariant9Authentic},
	{11, "nobody alone makes money", nil, invariant11NoPartyAlone},
	{13, "the pool lends within its cap, and is repaid first", nil, invariant13Lending},
	{15, "a netting in parts comes to its end", nil, invariant15Netting},
}

// agreement is checked only when faults have stopped.
var agreement = invariant{10, "two rounds of synchronisation bring agreement",
	invariant10Agreement, invariant10Settled}

// Titles lists the invariants that Check and Rows check, by number, and with agreed set also the
// one that Agreement checks.
func Titles(agreed bool) map[int]string {
	all := map[int]string{rowsAgree.number: rowsAgree.title}
	if agreed {
		all[agreement.number] = agreement.title
	}
	for _, i := range invariants {
		all[i.number] = i.title
	}
	return all
}

// auditRun is one moment under audit.
type auditRun struct {
	*facts
	auditor   *Auditor
	honest    Honest
	rule      invariant
	found     []Violation
	spendable money.Ore             // by the honest devices that were looked at
	decided   map[message.Hash]bool // answers that the notary holds
	online    map[string]money.Ore  // as holdings returns it
	shadow    map[string]money.Ore
}

// Honest are all honest devices. Those missing count as stolen or copied.
type Honest interface {
	// Has reports whether a device is one of them.
	Has(id string) bool
	// Each gives every one of them, once: each look asks for all of them again.
	Each(do func(id string, d Device)) error
}

// inMemory are honest devices that have all been read.
type inMemory map[string]Device

// Has implements Honest.
func (m inMemory) Has(id string) bool { _, honest := m[id]; return honest }

// Each implements Honest.
func (m inMemory) Each(do func(id string, d Device)) error {
	for id, d := range m {
		do(id, d)
	}
	return nil
}

// moment is what invariants that compare two moments need of the earlier one.
type moment struct {
	payments                  []*payment
	decisions                 map[requested]payeeDecision
	instructions              []*instruction
	answers, statementEntries int
	lent                      money.Ore
	borrowed                  map[string]money.Ore
}

func (s *auditRun) violated(where string, amount money.Ore, format string, args ...any) {
	s.found = append(s.found, Violation{Number: s.rule.number, Title: s.rule.title, Kind: format,
		Where: where, What: fmt.Sprintf(format, args...), Amount: amount})
}

// Check checks every invariant that holds at every moment and returns the violations; nil means
// none. q is the central bank's database, best a transaction, so that nothing moves meanwhile.
// honest are all honest devices, by id: those missing count as stolen or copied. An error means
// that the database could not be read.
func (a *Auditor) Check(
	ctx context.Context, q store.Queryer, honest map[string]Device,
) ([]Violation, error) {
	return a.CheckEach(ctx, q, inMemory(honest), false)
}

// CheckEach is Check with devices that are read one after the other: what they keep need not be in
// memory at once. With agreed set it checks also what [Auditor.Agreement] does. It returns the
// error of the devices.
func (a *Auditor) CheckEach(
	ctx context.Context, q store.Queryer, honest Honest, agreed bool,
) ([]Violation, error) {
	f, err := a.read(ctx, q, true, nil)
	if err != nil {
		return nil, err
	}
	if agreed {
		return a.compare(f, honest, append(slices.Clone(invariants), agreement))
	}
	return a.compare(f, honest, invariants)
}

// CheckTouched is Check for a caller that knows, from the database itself, every row that was
// written since the last Check or CheckTouched: only those are read again. touched may name rows
// that are unchanged or deleted; it must not lack a written one.
func (a *Auditor) CheckTouched(
	ctx context.Context, q store.Queryer, honest map[string]Device, touched []Row,
) ([]Violation, error) {
	if a.last != nil && len(touched) == 0 && a.sameStates(honest) {
		return nil, nil
	}
	f, err := a.read(ctx, q, false, touched)
	if err != nil {
		return nil, err
	}
	return a.compare(f, inMemory(honest), invariants)
}

// read reads all rows, or those touched when the others are known.
func (a *Auditor) read(
	ctx context.Context, q store.Queryer, whole bool, touched []Row,
) (*facts, error) {
	rows := a.rows
	if rows == nil {
		rows, whole = newTables(), true
	}
	if !whole && len(touched) == 0 && a.last != nil {
		return a.last, nil
	}
	if a.Sparing {
		rows.verifyAsRead(a)
	}
	r := &reader{ctx: ctx, q: q}
	a.rows, a.last = nil, nil // half of it may be read
	if rows.read(r, whole, touched); r.err != nil {
		return nil, r.err
	}
	f := rows.facts(a.Sparing)
	if !a.Sparing {
		a.rows, a.last = rows, f
	}
	return f, nil
}

// CheckMissed reads everything again and returns an error when a row differs from what CheckTouched
// assumes: its callers did not name every row that was written.
func (a *Auditor) CheckMissed(ctx context.Context, q store.Queryer) error {
	if a.rows == nil {
		return nil
	}
	r, now := &reader{ctx: ctx, q: q}, newTables()
	if now.read(r, true, nil); r.err != nil {
		return r.err
	}
	return now.differ(a.rows)
}

// compare checks the invariants of every moment, and what changed since the last look.
func (a *Auditor) compare(f *facts, honest Honest, rules []invariant) ([]Violation, error) {
	states, sent := map[string]*message.State{}, map[string]int{}
	found, err := a.inspect(f, honest, rules, func(id string, d Device) {
		states[id], sent[id] = d.State, len(d.Sent)
	})
	if err != nil {
		return nil, err
	}
	a.before = &moment{f.payments, f.decisions, f.instructions, len(f.answers), len(f.statement),
		f.lending.lent, f.borrowed}
	a.states, a.sent, a.clean = states, sent, len(found) == 0
	return found, nil
}

// sameStates reports whether the honest devices and their States are those of the last look, and
// whether they have sent no more messages.
func (a *Auditor) sameStates(honest map[string]Device) bool {
	if !a.clean || len(honest) != len(a.states) {
		return false
	}
	for id, d := range honest {
		if a.states[id] != d.State || a.sent[id] != len(d.Sent) {
			return false
		}
	}
	return true
}

// Agreement checks what holds after two whole rounds of synchronisation without faults (invariant
// 10).
func (a *Auditor) Agreement(
	ctx context.Context, q store.Queryer, honest map[string]Device,
) ([]Violation, error) {
	f, err := a.read(ctx, q, true, nil)
	if err != nil {
		return nil, err
	}
	return a.inspect(f, inMemory(honest), []invariant{agreement}, func(string, Device) {})
}

// inspect looks at every honest device, and then at all together.
func (a *Auditor) inspect(
	f *facts, honest Honest, rules []invariant, seen func(id string, d Device),
) ([]Violation, error) {
	s := &auditRun{facts: f, auditor: a, honest: honest}
	s.online, s.shadow = f.holdings()
	s.decided = make(map[message.Hash]bool, len(f.answers))
	for _, v := range f.answers {
		s.decided[v.identity] = true
	}
	if err := honest.Each(func(id string, d Device) {
		for _, s.rule = range rules {
			if s.rule.device != nil {
				s.rule.device(s, id, d)
			}
		}
		seen(id, d)
	}); err != nil {
		return nil, err
	}
	for _, s.rule = range rules {
		if s.rule.whole != nil {
			s.rule.whole(s)
		}
	}
	slices.SortStableFunc(s.found, inOrder)
	return s.found, nil
}

// inOrder compares violations by the invariant, then by where and what is wrong.
func inOrder(a, b Violation) int {
	return cmp.Or(a.Number-b.Number, strings.Compare(a.Where, b.Where),
		strings.Compare(a.What, b.What))
}
