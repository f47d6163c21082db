package audit

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"slices"
	"time"

	"ekrona.example/apdu/cvc"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// rowsAgree is what [Auditor.Rows] checks.
var rowsAgree = invariant{number: 14, title: "a row says what its message and the other rows say"}

// Rows checks invariant 14 on every row of the central bank's database: what a row repeats of the
// message that it keeps, of another row or of the ledger is the same there, a row that others name
// is there, and every message is signed by who is said to have signed it. Check looks at money, and
// where it comes from; this finds what somebody has changed who did not mean the money, or not yet:
// a name, an outcome, a number, a row that is gone. q is best the transaction that Check was given.
//
// It cannot find what is said once: who owns a device of which no entry tells, the moment of an
// event, what was never shown and is gone.
func (a *Auditor) Rows(ctx context.Context, q store.Queryer) ([]Violation, error) {
	s := &rowsRun{reader: &reader{ctx: ctx, q: q}, auditor: a, names: names{}}
	for _, look := range []func(*rowsRun){
		(*rowsRun).intermediaryRows, (*rowsRun).authorityRows, (*rowsRun).notaryKeyRows,
		(*rowsRun).crisisRows, (*rowsRun).deviceRows, (*rowsRun).unregisteredRows,
		(*rowsRun).revocationRows,
		(*rowsRun).evidenceRows, (*rowsRun).recordRows, (*rowsRun).challengeRows,
		(*rowsRun).stateRows, (*rowsRun).confirmationRows, (*rowsRun).statementRows,
		(*rowsRun).instructionRows, (*rowsRun).paymentRows,
		(*rowsRun).answerRows, (*rowsRun).decisionRows, (*rowsRun).refundRows,
		(*rowsRun).nettingRows, (*rowsRun).accountRows, (*rowsRun).orderRows, (*rowsRun).eachDevice,
		(*rowsRun).poolRow,
	} {
		look(s)
	}
	slices.SortStableFunc(s.found, inOrder)
	return s.found, s.err
}

// rowsRun is one look at all rows. What is read of a table is kept as far as other tables are held
// against it.
type rowsRun struct {
	*reader
	auditor *Auditor
	names   names
	found   []Violation

	intermediaries map[string]bool
	authorities    map[string]*cvc.Certificate // by reference
	notaryKeys     map[string]bool             // by reference
	devices        map[string]*deviceRow
	unregistered   map[string][]*ecdsa.PublicKey
	challenges     map[int64]challengeRow
	shown          map[numberedRow][]shownInstruction
	credits        map[numberedRow]notary.OrderKey // that loaded an Instruction's credit
	unasked        []*paymentRow                   // not requested, and by the moments they were
	refundsPaid    map[refundKey]notary.Refund
	refunds        map[string]bool            // answered, as the keys of orders name them
	issued         map[notary.OrderKey]string // to which intermediary
	lent           map[flowKey]int64
	instructions   map[numberedRow]bool
	nettings       map[int64]bool           // which are decided
	final          map[string]bool          // decided payments, as the keys of orders name them
	entryKinds     map[notary.EntryKind]int // entries of each kind
}

// wrong reports a row, by what names it.
func (s *rowsRun) wrong(where, format string, args ...any) {
	s.found = append(s.found, Violation{Number: rowsAgree.number, Title: rowsAgree.title,
		Kind: format, Where: where, What: fmt.Sprintf(format, args...)})
}

// same reports each of what a row says that is not what it should say.
func (s *rowsRun) same(where string, pairs ...pair) {
	for _, p := range pairs {
		if p.says != p.should {
			s.wrong(where, "its row has "+p.what+" %v, and it should be %v", p.says, p.should)
		}
	}
}

// pair is what a column says and what it should say: two values of one comparable type.
type pair struct {
	what         string
	says, should any
}

// moments reports what is not a moment as the central bank writes them. Empty ones are left out.
// Their order is not looked at: clocks are set, and differ between nodes.
func (s *rowsRun) moments(where string, moments ...string) {
	for _, at := range moments {
		if _, err := time.Parse(time.RFC3339Nano, at); at != "" && err != nil {
			s.wrong(where, "its row has the moment %q, which is none", at)
		}
	}
}

// text is a column that may be null.
func text(column string) string { return "coalesce(" + column + ", '')" }
