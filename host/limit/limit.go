// Package limit names the limits that stop a payment: which one, whose it is, how much is left, and
// what to do, in English for developers and in Swedish for customers. Terminal, wallet and command
// take their words from its one table.
//
// Start at [Reached], the error, [OfCard], which makes one of a card's refusal, and [Near], the
// warning before it comes to that.
package limit

import (
	"encoding/json"
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// Kind is a limit. Its value is its name in JSON, which does not change.
type Kind string

// The limits.
const (
	Funds        Kind = "funds"         // what a card has to pay with
	Received     Kind = "received"      // of that, what it was paid since it synchronised: not yet
	Payment      Kind = "payment"       // of one payment
	Balance      Kind = "balance"       // what a card may hold, open requests counted
	Transactions Kind = "transactions"  // a card's payments until it synchronises
	Spent        Kind = "spent"         // what a card may pay until it synchronises
	OpenRequests Kind = "open-requests" // requests that are neither paid nor refused
	Log          Kind = "log"           // records that a card has room for until it synchronises
	Receipts     Kind = "receipts"      // a terminal's sales until it synchronises
	Sum          Kind = "sum"           // what a terminal may take until it synchronises
	PayerSum     Kind = "payer-sum"     // what it may take from one card until then
	PIN          Kind = "pin"           // tries that a card's PIN has left, after a wrong one
	PINBlocked   Kind = "pin-blocked"   // none is left
)

// Owner is whose limit it is.
type Owner string

// The owners.
const (
	Terminal Owner = "terminal"
	Card     Owner = "card" // whose holder looks at it
	Payer    Owner = "payer"
	Payee    Owner = "payee"
)

// Reached says that a limit stops a payment. Nothing was paid. errors.Is and errors.As find the
// cause too: a card's refusal, or an error of the terminal.
type Reached struct {
	Limit Kind
	Whose Owner
	Most  Value // the limit itself, as far as it is known
	Left  Value // of it
	Cause error
}

// Value is an amount or a number; the zero Value is one that is not known.
type Value struct {
	known  bool
	amount bool
	value  int64
}

// Amount returns an amount, of at least 0.
func Amount(ore money.Ore) Value { return Value{true, true, max(int64(ore), 0)} }

// Count returns a number, of at least 0.
func Count[N ~int | ~int64 | ~uint8 | ~uint16 | ~uint32](n N) Value {
	return Value{true, false, max(int64(n), 0)}
}

// String returns an amount in kronor, or a number.
func (v Value) String() string {
	if v.amount {
		return money.Ore(v.value).String()
	}
	return fmt.Sprint(v.value)
}

// Error is the English line, with the status word of a card that refused.
func (r *Reached) Error() string {
	var word apdu.StatusWord
	if errors.As(r.Cause, &word) {
		return fmt.Sprintf("%s (the card answered %04X)", r.English(), uint16(word))
	}
	return r.English()
}

// Unwrap returns the cause.
func (r *Reached) Unwrap() error { return r.Cause }

// English returns the line for a developer.
func (r *Reached) English() string {
	row := texts[r.Limit]
	unit := r.unit(row.unit.en, row.one.en)
	return fmt.Sprintf(row.reached.en, owners[r.Whose].en) +
		r.numbers(" (at most %s", "; %s"+unit+" left)", " (%s"+unit+" left)") + ": " +
		row.remedy(r.Whose).en + pick(r.isOnPhone(), onPhone.en, "")
}

// Swedish returns the line for a customer.
func (r *Reached) Swedish() string {
	row := texts[r.Limit]
	unit := r.unit(row.unit.sv, row.one.sv)
	return fmt.Sprintf(row.reached.sv, owners[r.Whose].sv) +
		r.numbers(" (högst %s", "; %s"+unit+" kvar)", " (%s"+unit+" kvar)") + ": " +
		row.remedy(r.Whose).sv + pick(r.isOnPhone(), onPhone.sv, "")
}

// unit returns what follows the number that is left: several, or one.
func (r *Reached) unit(several, one string) string {
	name := pick(r.Left.value == 1, one, several)
	return pick(name != "", " "+name, "")
}

func pick(first bool, one, other string) string {
	if first {
		return one
	}
	return other
}

// isOnPhone reports whether the payer's phone shows the numbers that are not known here: a card
// tells a terminal which limit stops a payment, and its owner alone how much is left.
func (r *Reached) isOnPhone() bool {
	return r.Whose == Payer && !r.Most.known && !r.Left.known && r.Limit != PINBlocked
}

// numbers writes what is known of the limit: the most, then what is left.
func (r *Reached) numbers(most, left, leftAlone string) string {
	switch {
	case r.Most.known && r.Left.known:
		return fmt.Sprintf(most+left, r.Most, r.Left)
	case r.Most.known:
		return fmt.Sprintf(most+")", r.Most)
	case r.Left.known:
		return fmt.Sprintf(leftAlone, r.Left)
	}
	return ""
}

// Near is a limit that the next payments may reach.
type Near struct {
	Limit Kind
	Whose Owner
	Most  Value
	Left  Value
}

// English returns the warning for a developer.
func (n Near) English() string {
	row := texts[n.Limit]
	return fmt.Sprintf("%s %s: %s of %s left: %s", owners[n.Whose].en, row.name.en, n.Left, n.Most,
		row.remedy(n.Whose).en)
}

// Swedish returns the warning for a customer or a cashier.
func (n Near) Swedish() string {
	row := texts[n.Limit]
	return fmt.Sprintf("%s på %s: %s av %s kvar: %s", row.name.sv, owners[n.Whose].sv,
		n.Left, n.Most, row.remedy(n.Whose).sv)
}

type fields struct {
	Limit     Kind       `json:"limit"`
	Whose     Owner      `json:"whose"`
	MostOre   *money.Ore `json:"most_ore,omitempty"`
	LeftOre   *money.Ore `json:"left_ore,omitempty"`
	Most      *int64     `json:"most,omitempty"`
	Left      *int64     `json:"left,omitempty"`
	English   string     `json:"text_en"`
	Swedish   string     `json:"text_sv"`
	RemedyEn  string     `json:"remedy_en"`
	RemedySwe string     `json:"remedy_sv"`
}

func fieldsOf(kind Kind, whose Owner, most, left Value, english, swedish string) fields {
	remedy := texts[kind].remedy(whose)
	f := fields{Limit: kind, Whose: whose, English: english, Swedish: swedish,
		RemedyEn: remedy.en, RemedySwe: remedy.sv}
	for _, one := range []struct {
		v     Value
		ore   **money.Ore
		count **int64
	}{{most, &f.MostOre, &f.Most}, {left, &f.LeftOre, &f.Left}} {
		switch ore := money.Ore(one.v.value); {
		case one.v.amount:
			*one.ore = &ore
		case one.v.known:
			*one.count = &one.v.value
		}
	}
	return f
}

// MarshalJSON writes the fields and both lines.
func (r *Reached) MarshalJSON() ([]byte, error) {
	return json.Marshal(fieldsOf(r.Limit, r.Whose, r.Most, r.Left, r.English(), r.Swedish()))
}

// MarshalJSON writes the fields and both lines.
func (n Near) MarshalJSON() ([]byte, error) {
	return json.Marshal(fieldsOf(n.Limit, n.Whose, n.Most, n.Left, n.English(), n.Swedish()))
}

// ofStatus are the limits that a card refuses for.
var ofStatus = map[apdu.StatusWord]Kind{
	spec.SWFunds: Funds, spec.SWReceivedLocked: Received, spec.SWPaymentLimit: Payment,
	spec.SWBalanceLimit: Balance,
	spec.SWSpentLimit:   Spent, spec.SWTransactionLimit: Transactions,
	spec.SWOpenRequests: OpenRequests, spec.SWLogFull: Log, spec.SWPINBlocked: PINBlocked,
	spec.SWPINWrong: PINBlocked, // that was the last try
}

// OfCard returns a card's refusal for a limit, or for a wrong PIN, as [*Reached], and any other
// error as it is. whose says whose card it is: the status word alone does not.
func OfCard(err error, whose Owner) error {
	var word apdu.StatusWord
	var reached *Reached
	if !errors.As(err, &word) || errors.As(err, &reached) {
		return err
	}
	if kind, limited := ofStatus[word]; limited {
		return &Reached{Limit: kind, Whose: whose, Cause: err}
	}
	var left apdu.TriesLeft
	if errors.As(err, &left) {
		return &Reached{Limit: PIN, Whose: whose, Left: Count(left), Cause: err}
	}
	return err
}
