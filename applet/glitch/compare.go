package glitch

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// Kind is what an attacker gains.
type Kind string

// The kinds of gain of the e-krona.
const (
	Value       Kind = "value"       // balance, or a change that was made by half
	Limits      Kind = "limits"      // of the policy, or the group
	LifeCycle   Kind = "life cycle"  // another than the rules lead to
	Tries       Kind = "tries"       // of PIN or PUK: more, or one that a guess did not cost
	PIN         Kind = "PIN"         // another, without the former or the PUK
	Trust       Kind = "trust"       // a certificate taken, now or later, that must not be
	Log         Kind = "log"         // records, their number or their chain
	Requests    Kind = "requests"    // open ones, or their counter
	Instruction Kind = "instruction" // which one counts as applied
	Order       Kind = "order"       // the crisis order, or which are taken
	Date        Kind = "date"        // the date floor set back
	Session     Kind = "session"     // what follows in the session needs no PIN
	Secret      Kind = "secret"      // a key or a PIN in an answer
	Taken       Kind = "taken"       // a signed answer to what must be refused
	Unrecorded  Kind = "unrecorded"  // a signed answer of which the card knows nothing
	Garbage     Kind = "garbage"     // a verifying signature under what was not to be signed
	Nonce       Kind = "nonce"       // predictable or used before
	Read        Kind = "read"        // data that nobody had the right to
	Later       Kind = "later"       // a command that follows is carried out and must not be
)

// Gain is one thing that an attacker gains.
type Gain struct {
	Kind   Kind
	Detail string
}

// IsWeak reports whether all that was gained is a signature under something garbled: nobody chose
// it, and no check was passed over.
func IsWeak(kinds []Kind) bool {
	return !slices.ContainsFunc(kinds, func(k Kind) bool { return k != Garbage })
}

// gainsOf are what a view has over both the view before the command and that after it without
// a fault. What is worse for the attacker is no gain.
func gainsOf(v, before, after view) []Gain {
	if !v.Selected {
		return nil // the card is of no use any more
	}
	var gains []Gain
	add := func(k Kind, format string, args ...any) {
		gains = append(gains, Gain{k, fmt.Sprintf(format, args...)})
	}
	allowed := []view{before, after}
	if v.Life != before.Life && v.Life != after.Life && v.Life < spec.Blocked {
		add(LifeCycle, "%v", v.Life)
	}
	if most := max(before.PINTries, after.PINTries); v.PINTries > most && most >= 0 {
		add(Tries, "PIN has %d of at most %d", v.PINTries, most)
	}
	if most := max(before.PUKTries, after.PUKTries); v.PUKTries > most && most >= 0 {
		add(Tries, "PUK has %d of at most %d", v.PUKTries, most)
	}
	if v.PIN != "" && v.PIN != before.PIN && v.PIN != after.PIN {
		add(PIN, "the card takes the %s PIN", v.PIN)
	}
	if v.Again && !before.Again && !after.Again {
		add(Trust, "the command, given again, is carried out")
	}
	if v.Order < min(before.Order, after.Order) {
		add(Order, "number %d", v.Order)
	}
	if !isWithin(v.Policy, before.Policy, after.Policy) {
		add(Limits, "policy %X", v.Policy)
	}
	if len(v.Counters) > 0 && !slices.ContainsFunc(allowed, func(a view) bool {
		return len(a.Counters) == 0 || groupOf(v) == groupOf(a)
	}) {
		add(Limits, "group %d", groupOf(v))
	}
	if v.State == nil {
		return gains
	}
	if !slices.ContainsFunc(allowed, func(a view) bool { return sameMoney(v, a) }) {
		gains = append(gains, moneyGains(v, before, after)...)
	}
	if s := v.State; before.State != nil && s.Date.Before(before.State.Date) {
		add(Date, "%v", s.Date)
	}
	if s := v.State; s.OrderHeld != (message.Hash{}) &&
		!slices.ContainsFunc(allowed, func(a view) bool {
			return a.State == nil || a.State.OrderHeld == s.OrderHeld
		}) {
		add(Order, "another is held")
	}
	return gains
}

func groupOf(v view) uint8 {
	if len(v.Counters) == 0 {
		return 0
	}
	return v.Counters[len(v.Counters)-1]
}

// isWithin reports whether every limit of a policy is at most that of one of the others, and its
// flags are theirs.
func isWithin(policy []byte, others ...[]byte) bool {
	if len(policy) == 0 {
		return true
	}
	p, err := message.ParsePolicy(policy)
	flags, within := false, message.Policy{}
	for _, other := range others {
		if bytes.Equal(policy, other) || len(other) == 0 {
			return true
		}
		o, failed := message.ParsePolicy(other)
		if failed != nil {
			return true
		}
		flags = flags || p.Flags == o.Flags
		within.MaxBalance = max(within.MaxBalance, o.MaxBalance)
		within.MaxPayment = max(within.MaxPayment, o.MaxPayment)
		within.MaxSpent = max(within.MaxSpent, o.MaxSpent)
		within.MaxTransactions = max(within.MaxTransactions, o.MaxTransactions)
	}
	return err == nil && flags && p.MaxBalance <= within.MaxBalance &&
		p.MaxPayment <= within.MaxPayment && p.MaxSpent <= within.MaxSpent &&
		p.MaxTransactions <= within.MaxTransactions
}

// sameMoney reports whether a view has what another has, and no more money.
func sameMoney(v, a view) bool {
	if a.State == nil {
		return true
	}
	return v.State.Balance <= a.State.Balance && len(differences(v, a)) == 0
}

// differences are the kinds in which two views differ beside the balance.
func differences(v, a view) (kinds []Kind) {
	s, t := v.State, a.State
	if s.ATC != t.ATC || s.AckedATC != t.AckedATC || s.Head != t.Head ||
		!reflect.DeepEqual(v.Records, a.Records) {
		kinds = append(kinds, Log)
	}
	if s.RequestCounter != t.RequestCounter || !reflect.DeepEqual(v.Open, a.Open) ||
		!reflect.DeepEqual(s.OpenRequests, t.OpenRequests) {
		kinds = append(kinds, Requests)
	}
	if s.InstructionSequence != t.InstructionSequence || s.LastInstruction != t.LastInstruction ||
		s.Credit != t.Credit || s.PolicyVersion != t.PolicyVersion {
		kinds = append(kinds, Instruction)
	}
	return kinds
}

// sameNumbers reports whether all counters and the balance are the same: then only what the card
// has signed or keeps is another.
func sameNumbers(v, a view) bool {
	s, t := v.State, a.State
	return t != nil && s.Balance == t.Balance && s.ATC == t.ATC && s.AckedATC == t.AckedATC &&
		s.RequestCounter == t.RequestCounter && s.InstructionSequence == t.InstructionSequence &&
		s.Credit == t.Credit && s.PolicyVersion == t.PolicyVersion &&
		len(v.Records) == len(a.Records) && sameAmounts(s.OpenRequests, t.OpenRequests)
}

func sameAmounts(a, b []message.OpenRequest) bool {
	return slices.EqualFunc(a, b, func(a, b message.OpenRequest) bool {
		return a.Number == b.Number && a.Amount == b.Amount
	})
}

// money is the numbers of a view as text.
func (v view) money() string {
	s := v.State
	if s == nil {
		return "none"
	}
	return fmt.Sprintf("balance %v, ATC %d, acknowledged %d, head %.4s, %d records, request %d, "+
		"%d open, instruction %d", s.Balance, s.ATC, s.AckedATC, s.Head, len(v.Records),
		s.RequestCounter, len(v.Open), s.InstructionSequence)
}

// moneyGains names what is wrong with a view whose money is neither that before nor after.
func moneyGains(v, before, after view) []Gain {
	if sameNumbers(v, after) {
		return []Gain{{Garbage, fmt.Sprintf("kept, ATC %d", v.State.ATC)}}
	}
	var gains []Gain
	first := differences(v, after)
	if before.State != nil {
		if d := differences(v, before); len(d) < len(first) {
			first = d
		}
		if most := max(before.State.Balance, after.State.Balance); v.State.Balance > most {
			gains = append(gains, Gain{Value, fmt.Sprintf("balance %v of at most %v",
				v.State.Balance, most)})
		}
	}
	for _, k := range first {
		gains = append(gains, Gain{k, fmt.Sprintf("%s; %s without a fault, %s before", v.money(),
			after.money(), before.money())})
	}
	if len(gains) == 0 {
		gains = append(gains, Gain{Value, fmt.Sprintf("half a change: balance %v, ATC %d",
			v.State.Balance, v.State.ATC)})
	}
	return gains
}
