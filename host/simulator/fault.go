package simulator

import (
	"fmt"
	"slices"
)

// FaultKind is a kind of fault.
type FaultKind string

// The faults that strike within a step. At counts from 1 within the step: writes,
// exchanges, calls or steps of a disk.
const (
	CutPower         FaultKind = "power cut at a write of a card"
	LoseCommand      FaultKind = "command lost on its way to a card"
	TearAnswer       FaultKind = "answer of a card lost"
	AlterCommand     FaultKind = "command to a card altered"
	AlterAnswer      FaultKind = "answer of a card altered"
	KillNode         FaultKind = "node killed at a step of its disk"
	KillCommit       FaultKind = "node killed at a commit"
	OtherCommand     FaultKind = "another command of its kind given to a card instead"
	OtherAnswer      FaultKind = "former answer of a card given again"
	FalseSuccess     FaultKind = "reader that says yes and gives the card nothing"
	ForgeAnswer      FaultKind = "payment of a card forged on its way"
	LoseCall         FaultKind = "call between parties lost"
	LoseReply        FaultKind = "reply between parties lost"
	RepeatCall       FaultKind = "call between parties repeated"
	AlterCall        FaultKind = "call between parties altered"
	Withhold         FaultKind = "intermediary withholds what it owes"
	Interleave       FaultKind = "other device synchronises within a call between parties"
	AbandonedCall    FaultKind = "phone that gave up a call synchronises within it"
	InterleaveCommit FaultKind = "other device synchronises between two transactions of a " +
		"node"
	AlterPhoneMessage      FaultKind = "message between phones altered"
	MisdeliverPhoneMessage FaultKind = "message between phones sent to another"
	DelayPhoneMessage      FaultKind = "message between phones late or out of order"
	RepeatPhoneMessage     FaultKind = "message between phones repeated"
	CopiedCard             FaultKind = "card copied"
	RolledBack             FaultKind = "card rolled back"
	HostileReader          FaultKind = "reader that says anything to a card"
	HostilePhone           FaultKind = "phone that says anything to an intermediary"
	OverCredit             FaultKind = "intermediary that credits by itself"
	OldOrders              FaultKind = "Instruction replayed to a card"
	RestoreBackup          FaultKind = "intermediary restored from a backup"
	TerminalSetBack        FaultKind = "store of a terminal set back"
	PhoneLost              FaultKind = "phone lost, and another one without its journal or with " +
		"an old one"
	FormerPhone   FaultKind = "order signed on a phone that was lost"
	StolenCA      FaultKind = "payment by a key that a stolen CA key has certified"
	ThroughNotary FaultKind = "intermediary that wants credits from the notary against " +
		"the rules"
	TornIssue FaultKind = "personalization broken off"
	LostCard  FaultKind = "card reported lost"
	GoneCard  FaultKind = "card gone for good"
	Expired   FaultKind = "refusal because a certificate has expired"
	WrongPIN  FaultKind = "wrong PIN"

	CrisisReordered FaultKind = "crisis order passed on again or out of order"
	CrisisForged    FaultKind = "crisis order altered or forged"
	CrisisOver      FaultKind = "crisis order passed on after its last day"
	CrisisKeyAlone  FaultKind = "new crisis key without an order"
	StolenCrisis    FaultKind = "crisis order signed with stolen keys"
	WrongClock      FaultKind = "terminal with a wrong clock"
)

// Faults returns all kinds, in the order in which they are reported.
func Faults() []FaultKind {
	return []FaultKind{
		CutPower, LoseCommand, TearAnswer, AlterCommand, AlterAnswer, OtherCommand, OtherAnswer,
		FalseSuccess, ForgeAnswer, KillNode, KillCommit,
		LoseCall, LoseReply, RepeatCall, AlterCall, Withhold, Interleave, AbandonedCall,
		InterleaveCommit,
		AlterPhoneMessage, MisdeliverPhoneMessage, DelayPhoneMessage, RepeatPhoneMessage,
		CopiedCard, RolledBack, HostileReader, HostilePhone, OverCredit, OldOrders,
		RestoreBackup, TerminalSetBack, PhoneLost, FormerPhone, StolenCA, ThroughNotary, TornIssue,
		LostCard, GoneCard, Expired, WrongPIN,
		CrisisReordered, CrisisForged, CrisisOver, CrisisKeyAlone, StolenCrisis, WrongClock,
	}
}

// within are the faults that a step of any kind can be given.
var within = []FaultKind{
	CutPower, CutPower, CutPower, LoseCommand, TearAnswer, TearAnswer, AlterCommand, AlterAnswer,
	OtherCommand, OtherAnswer, FalseSuccess, ForgeAnswer,
	KillNode, KillNode, KillCommit, KillCommit, LoseCall, LoseReply, LoseReply, RepeatCall,
	AlterCall, Withhold,
	Interleave, Interleave, InterleaveCommit, InterleaveCommit, AlterPhoneMessage,
}

// Fault is planned for a step. It strikes only if the step comes that far.
type Fault struct {
	Kind FaultKind `json:"kind"`
	// write, exchange, call or disk step within the step, from 1
	At int `json:"at"`
	// node that is killed, or device that synchronises meanwhile
	Who  int `json:"who,omitempty"`
	Salt int `json:"salt,omitempty"` // which byte is altered, and how
}

// String returns the fault in words.
func (f Fault) String() string { return fmt.Sprintf("%s (number %d)", f.Kind, f.At) }

// plan is what is planned for the step in progress, and how far it has come.
type plan struct {
	faults              []Fault
	writes              int // of cards
	exchanges           int // with cards
	signedExchanges     int // of these, with signed answers
	statusOnlyExchanges int // and with a status word only
	calls               int // between parties
	between             int // points between two transactions
	commits             int // of all nodes
	forgeable           int // Payments that came from cards
	disk                map[string]int
	actor               *person         // whose phone acts, nil when no phone does
	depth               int             // depth of nested calls between parties
	abandoned           bool            // the phone no longer waits for its call
	busy                map[string]bool // who takes part in it
	nested              bool            // another device synchronises meanwhile
	// no faults: the world is being founded or audited
	calm bool
}

// due removes and returns a fault of the kind that strikes now, if there is one.
func (w *world) due(kind FaultKind, now int) (Fault, bool) {
	i := w.plan.index(kind, now)
	if i < 0 {
		return Fault{}, false
	}
	f := w.plan.faults[i]
	w.plan.faults = append(w.plan.faults[:i:i], w.plan.faults[i+1:]...)
	w.recordFault(kind)
	return f, true
}

// index returns the index of a fault of the kind that strikes now, negative without one.
func (p *plan) index(kind FaultKind, now int) int {
	return slices.IndexFunc(p.faults, func(f Fault) bool { return f.Kind == kind && f.At == now })
}

// recordFault counts a fault that really struck.
func (w *world) recordFault(kind FaultKind) {
	w.struck[kind]++
	w.note("        ! %s", kind)
}

// flip returns the bytes with one of them changed, or shortened.
func flip(original []byte, salt int) []byte {
	if len(original) == 0 {
		return original
	}
	altered := append([]byte{}, original...)
	if salt%16 == 0 {
		return altered[:len(altered)/2]
	}
	altered[salt/16%len(altered)] ^= byte(1 << (salt % 8))
	return altered
}
